//! Real blocks keep every rule about what they spend and create.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;

use common::{data, framed_blocks};
use tipward_consensus::connect::{
    CoinFacts, add_fee, add_sigops, check_coinbase_value, check_sequence_locks,
    check_transaction_inputs, sigops_cost,
};
use tipward_consensus::header::median_time_past;
use tipward_consensus::{BlockContext, ParsedBlock, check_block, is_unspendable};
use tipward_primitives::bitcoin::consensus::{deserialize, deserialize_partial};
use tipward_primitives::bitcoin::{Block, TxOut};
use tipward_primitives::{Header, Height, Network, Params, RawBlock};

/// A coin and the script that guards it.
type Coin = (CoinFacts, Vec<u8>);

/// Applies the rules to a block that spends `coins`, given for each transaction but the coinbase. Returns its fees and the
/// cost of its signature checks.
fn connect(context: &BlockContext, block: &ParsedBlock, coins: &[Vec<Coin>]) -> (u64, usize) {
    let coinbase = block.transaction(0).unwrap();
    let (mut fees, mut sigops) = (0, sigops_cost(coinbase, [], context.script_flags));
    for (tx, coins) in block.transactions().skip(1).zip(coins) {
        let facts = || coins.iter().map(|(facts, _)| *facts);
        let fee = check_transaction_inputs(tx, facts(), context.height).unwrap();
        fees = add_fee(fees, fee).unwrap();
        let heights = facts().map(|coin| coin.height);
        check_sequence_locks(tx, heights, context, |_| 0).unwrap();
        let scripts = coins.iter().map(|(_, script)| script.as_slice());
        let cost = sigops_cost(tx, scripts, context.script_flags);
        sigops = add_sigops(sigops, tx, cost).unwrap();
    }
    check_coinbase_value(coinbase, context.subsidy, fees).unwrap();
    (fees, sigops)
}

#[test]
fn the_first_blocks_of_mainnet_spend_and_create_what_they_may() {
    let Some(file) = data("mainnet-blocks-0-4312.dat") else {
        return;
    };
    let params = Params::new(Network::Bitcoin);
    let mut coins: HashMap<[u8; 36], Coin> = HashMap::new();
    let mut headers: Vec<Header> = Vec::new();
    for bytes in framed_blocks(&file) {
        let raw = RawBlock::new(bytes.into()).unwrap();
        let header = raw.header();
        let height = Height::try_from(headers.len()).unwrap();
        let median = match headers[..] {
            [] => 0,
            _ => median_time_past(&headers[..]),
        };
        headers.push(header);
        let context = BlockContext::new(&params, header, height, median);
        let block = check_block(&context, raw).unwrap();
        if height == 0 {
            // The genesis block's coinbase was never a coin.
            continue;
        }
        let mut spent: Vec<Vec<Coin>> = Vec::new();
        for (index, (txid, tx)) in block.transactions().enumerate() {
            if index > 0 {
                // What the same block made before is among them.
                let mut take = |key: &[u8; 36]| coins.remove(key).unwrap();
                spent.push(tx.inputs().map(|i| take(i.outpoint_bytes())).collect());
            }
            for (vout, output) in (0_u32..).zip(tx.outputs()) {
                let mut key = [0; 36];
                key[..32].copy_from_slice(txid.as_ref());
                key[32..].copy_from_slice(&vout.to_le_bytes());
                let script = output.script_pubkey().to_vec();
                assert!(context.enforce_bip30 && !coins.contains_key(&key));
                assert!(!is_unspendable(&script));
                let facts = CoinFacts {
                    height,
                    coinbase: index == 0,
                    value: output.value().unsigned_abs(),
                };
                coins.insert(key, (facts, script));
            }
        }
        connect(&context, block.parsed(), &spent);
    }
    let total: u64 = coins.values().map(|(facts, _)| facts.value).sum();
    assert_eq!(total, 4312 * 5_000_000_000);
}

#[test]
fn big_blocks_pay_fees_and_cost_signature_checks_as_rust_bitcoin_counts_them() {
    let params = Params::new(Network::Testnet);
    for height in [928_816, 928_848] {
        let file = |ending| data(&format!("testnet3-block-{height}.{ending}"));
        let (Some(bytes), Some(spent)) = (file("raw"), file("spent")) else {
            return;
        };
        let theirs: Block = deserialize(&bytes).unwrap();
        let raw = RawBlock::new(bytes.into()).unwrap();
        let context = BlockContext::new(&params, raw.header(), height, raw.header().time - 1);
        let block = check_block(&context, raw).unwrap();

        let mut rest = spent.as_slice();
        let mut next = || {
            let (output, size): (TxOut, usize) = deserialize_partial(rest).unwrap();
            rest = &rest[size..];
            output
        };
        let outputs: Vec<Vec<TxOut>> = theirs.txdata[1..]
            .iter()
            .map(|tx| tx.input.iter().map(|_| next()).collect())
            .collect();
        let of_old = |output: &TxOut| {
            let facts = CoinFacts {
                height: 1,
                coinbase: false,
                value: output.value.to_sat(),
            };
            (facts, output.script_pubkey.to_bytes())
        };
        let coins: Vec<Vec<Coin>> = outputs
            .iter()
            .map(|outputs| outputs.iter().map(of_old).collect())
            .collect();
        let (fees, sigops) = connect(&context, block.parsed(), &coins);

        assert_eq!(context.subsidy, 312_500_000);
        let paid: u64 = theirs.txdata[0]
            .output
            .iter()
            .map(|o| o.value.to_sat())
            .sum();
        assert_eq!(fees + context.subsidy, paid, "block {height}");
        let mut expected = theirs.txdata[0].total_sigop_cost(|_| None);
        for (tx, outputs) in theirs.txdata[1..].iter().zip(&outputs) {
            let spent: HashMap<_, _> = tx
                .input
                .iter()
                .map(|i| i.previous_output)
                .zip(outputs)
                .collect();
            expected += tx.total_sigop_cost(|outpoint| spent.get(outpoint).copied().cloned());
        }
        assert_eq!(sigops, expected, "block {height}");
    }
}
