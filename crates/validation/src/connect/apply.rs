//! What connecting and disconnecting a block does to the coin set, once it is decided.

use tipward_chain::Fault;
use tipward_coins::{CoinCache, SpentCoins};
use tipward_consensus::connect::is_bip30_unspendable;

use crate::faults::coins_fault;
use crate::prepared::{PreparedBlock, outpoint_key};

/// Takes out what the block spends and puts in what it makes. Reads no coin.
pub(crate) fn connect(prepared: &PreparedBlock, coins: &mut CoinCache) {
    let keys = prepared.keys();
    let (mut input_number, mut output_number) = (0, 0);
    for (index, (txid, tx)) in prepared.block().transactions().enumerate() {
        let coinbase = index == 0;
        for input in tx.inputs() {
            if !coinbase && prepared.source(input_number).is_none() {
                coins.spend_hashed(keys.inputs()[input_number], input.outpoint_bytes());
            }
            input_number += 1;
        }
        for (vout, output) in tx.outputs().enumerate() {
            if prepared.enters(output_number, &output) {
                // Two coinbases of the main network took the place of others.
                let coin = prepared.coin(coinbase, &output);
                let hash = keys.outputs()[output_number];
                coins.add_hashed(hash, &outpoint_key(txid, vout), coin, coinbase);
            }
            output_number += 1;
        }
    }
}

/// Takes out what the block made and puts back what it spent: exactly the reverse of [`connect`]. `spent` are the coins
/// of all inputs but the coinbase's, in order. Reads no coin.
pub(crate) fn disconnect(prepared: &PreparedBlock, spent: &SpentCoins, coins: &mut CoinCache) {
    let mut output_number = 0;
    for (txid, tx) in prepared.block().transactions() {
        for (vout, output) in tx.outputs().enumerate() {
            if prepared.enters(output_number, &output) {
                coins.spend(&outpoint_key(txid, vout));
            }
            output_number += 1;
        }
    }
    // The coinbase's input comes first and spends nothing.
    let inputs = prepared.block().parsed().transactions().skip(1);
    for ((number, input), coin) in (1..)
        .zip(inputs.flat_map(|tx| tx.inputs()))
        .zip(spent.iter())
    {
        if prepared.source(number).is_none() {
            coins.add(input.outpoint_bytes(), coin, false);
        }
    }
}

/// Whether the coins that a block made, and no later block spent, are in the set as it made them: otherwise block, undo
/// data and coins do not belong together.
pub(crate) fn check_outputs_are_there(
    prepared: &PreparedBlock,
    coins: &CoinCache,
) -> Result<(), Fault> {
    let block = prepared.block();
    let repeated = is_bip30_unspendable(block.height(), &block.hash());
    let mut found = SpentCoins::new();
    let mut output_number = 0;
    for (index, (txid, tx)) in block.transactions().enumerate() {
        let coinbase = index == 0;
        for (vout, output) in tx.outputs().enumerate() {
            let enters = prepared.enters(output_number, &output);
            output_number += 1;
            if !enters || (coinbase && repeated) {
                continue;
            }
            found.clear();
            let there = coins
                .fetch(&outpoint_key(txid, vout), &mut found)
                .map_err(|e| coins_fault(&e))?;
            if !there || found.get(0) != Some(prepared.coin(coinbase, &output)) {
                return Err(Fault {
                    what: format!(
                        "cannot disconnect block {} at height {}: its output {txid}:{vout} is not in the coin set as the \
                         block made it, so the coins are damaged; starting with --reindex-chainstate makes them good",
                        block.hash(),
                        block.height()
                    ),
                    may_pass: false,
                });
            }
        }
    }
    Ok(())
}
