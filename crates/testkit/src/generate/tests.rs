use std::collections::HashMap;

use bitcoin::consensus::deserialize;
use bitcoin::relative::LockTime;
use bitcoin::{Amount, Block, OutPoint};
use tipward_consensus::header::{check_header_in_context, check_proof_of_work, median_time_past};
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::{Header, Timestamp};

use super::*;
use crate::build::subsidy;

/// Checks a branch by every rule but scripts, with a ledger as simple as can be.
pub(crate) struct Ledger {
    params: Params,
    headers: Vec<Header>,
    /// Value, height, median time past of the block before, and whether a coinbase made it.
    pub(crate) coins: HashMap<OutPoint, (Amount, Height, u32, bool)>,
    pub(crate) weights: Vec<usize>,
    pub(crate) spent: Vec<bitcoin::TxOut>,
    outputs: HashMap<OutPoint, bitcoin::TxOut>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let params = Params::new(Network::Regtest);
        Self {
            headers: vec![params.genesis.header],
            params,
            coins: HashMap::new(),
            weights: Vec::new(),
            spent: Vec::new(),
            outputs: HashMap::new(),
        }
    }

    pub(crate) fn connect(&mut self, raw: &RawBlock) {
        let height = self.headers.len() as Height;
        let header = raw.header();
        let now = Timestamp::from_secs(2_000_000_000);
        assert_eq!(
            Some(header.prev_blockhash),
            self.headers.last().map(Header::block_hash)
        );
        check_proof_of_work(&self.params, header.block_hash(), header.bits).unwrap();
        check_header_in_context(&self.params, &self.headers[..], &header, now).unwrap();
        let median = median_time_past(&self.headers[..]);
        let context = BlockContext::new(&self.params, header, height, median);
        let checked = check_block(&context, raw.clone()).unwrap();
        self.weights.push(checked.weight());

        let block: Block = deserialize(raw.bytes()).unwrap();
        let mut fees = Amount::ZERO;
        for tx in &block.txdata[1..] {
            let mut value = Amount::ZERO;
            for input in &tx.input {
                let (coin, at, since, coinbase) =
                    self.coins.remove(&input.previous_output).unwrap();
                assert!(!coinbase || height - at >= 100, "an immature coin is spent");
                match input.sequence.to_relative_lock_time() {
                    Some(LockTime::Blocks(age)) => {
                        assert!(u32::from(age.value()) <= height - at);
                    }
                    Some(LockTime::Time(steps)) => {
                        assert!(u32::from(steps.value()) * 512 <= median - since);
                    }
                    None => {}
                }
                let output = self.outputs.remove(&input.previous_output);
                self.spent.extend(output);
                value += coin;
            }
            let paid: Amount = tx.output.iter().map(|output| output.value).sum();
            fees += value - paid;
            self.receive(tx, height, median);
        }
        let claimed: Amount = block.txdata[0].output.iter().map(|o| o.value).sum();
        assert_eq!(claimed, fees + subsidy(&self.params, height));
        self.receive(&block.txdata[0], height, median);
        self.headers.push(header);
    }

    fn receive(&mut self, tx: &bitcoin::Transaction, height: Height, median: u32) {
        let txid = tx.compute_txid();
        for (vout, output) in tx.output.iter().enumerate() {
            let coin = (output.value, height, median, tx.is_coinbase());
            let outpoint = OutPoint::new(txid, vout as u32);
            self.coins.insert(outpoint, coin);
            self.outputs.insert(outpoint, output.clone());
        }
    }
}

#[test]
fn a_generated_chain_keeps_every_rule_that_needs_no_script() {
    let mut ledger = Ledger::new();
    let mut transactions = 0;
    for raw in ChainGenerator::new(ChainOptions {
        blocks: 400,
        ..ChainOptions::default()
    }) {
        ledger.connect(&raw);
        transactions += deserialize::<Block>(raw.bytes()).unwrap().txdata.len() - 1;
    }
    assert_eq!(ledger.headers.len(), 401);
    assert!(transactions > 600, "{transactions} transactions");
}

#[test]
fn a_chain_of_every_kind_of_script_keeps_every_rule_that_needs_no_script() {
    let mut ledger = Ledger::new();
    let mut generator = ChainGenerator::new(ChainOptions::mixed(1, 112, 200_000));
    for raw in generator.by_ref() {
        ledger.connect(&raw);
    }
    let keyring = &generator.branch().wallet.keyring;
    for kind in ScriptKind::ALL {
        let is_of_kind = |output: &bitcoin::TxOut| {
            let key = keyring.find(&output.script_pubkey);
            key.is_some_and(|key| keyring.key(key).kind == kind)
        };
        let spent = ledger
            .spent
            .iter()
            .filter(|output| is_of_kind(output))
            .count();
        assert!(spent > 50, "{spent} spent of {kind:?}");
    }
    let full = &ledger.weights[102..];
    assert!(full.iter().all(|weight| *weight > 195_000), "{full:?}");
}

#[test]
fn a_spoiled_chain_differs_in_one_signature_and_in_what_commits_to_it() {
    let options = ChainOptions::mixed(2, 108, 40_000);
    let good: Vec<RawBlock> = ChainGenerator::new(options).collect();
    let bad: Vec<RawBlock> = spoil(good.clone().into_iter(), 105).collect();
    assert_eq!(good[..104], bad[..104]);
    let mut ledger = Ledger::new();
    for raw in &bad[..105] {
        ledger.connect(raw);
    }
    let block = |raw: &RawBlock| deserialize::<Block>(raw.bytes()).unwrap();
    let (good_block, bad_block) = (block(&good[104]), block(&bad[104]));
    let pairs = good_block.txdata[1..].iter().zip(&bad_block.txdata[1..]);
    let differ = pairs.filter(|(good, bad)| good != bad).count();
    assert_eq!(differ, 1);
    for height in 106..=108 {
        let (before, this) = (&bad[height - 2], block(&bad[height - 1]));
        assert_eq!(this.header.prev_blockhash, before.header().block_hash());
        assert!(this.header.validate_pow(this.header.target()).is_ok());
        assert_eq!(this.txdata, block(&good[height - 1]).txdata);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let chain = |seed| -> Vec<RawBlock> {
        ChainGenerator::new(ChainOptions {
            seed,
            blocks: 130,
            ..ChainOptions::default()
        })
        .collect()
    };
    assert_eq!(chain(7), chain(7));
    assert_ne!(chain(7), chain(8));
}

#[test]
fn blocks_are_filled_up_to_the_weight_asked_for() {
    for padding in [Padding::Output, Padding::Witness] {
        for weight in [0, 40_000, MOST_WEIGHT] {
            let mut ledger = Ledger::new();
            let mut generator = ChainGenerator::new(ChainOptions {
                transactions: 20..=20,
                coinbase_outputs: 10,
                ..ChainOptions::default()
            });
            for _ in 0..110 {
                ledger.connect(&generator.mine());
            }
            generator.options.weight = weight;
            generator.options.padding = padding;
            for _ in 0..3 {
                let block = generator.mine();
                ledger.connect(&block);
                let got = *ledger.weights.last().unwrap();
                if weight > 0 {
                    assert!(got.abs_diff(weight) < 3_000, "{got} of {weight}");
                }
                if padding == Padding::Witness && weight == MOST_WEIGHT {
                    assert!(block.size() > 3_900_000, "{} bytes", block.size());
                }
            }
        }
    }
}

#[test]
fn forks_are_valid_branches_of_their_own_and_come_when_they_should() {
    let options = ChainOptions {
        blocks: 130,
        forks: vec![
            Fork {
                base: 110,
                length: 3,
                order: ForkOrder::First,
            },
            Fork {
                base: 120,
                length: 2,
                order: ForkOrder::Last,
            },
            Fork {
                base: 128,
                length: 2,
                order: ForkOrder::Last,
            },
        ],
        ..ChainOptions::default()
    };
    let mut heights = HashMap::from([(Params::new(Network::Regtest).genesis_hash, 0)]);
    let mut order = Vec::new();
    let mut main = Ledger::new();
    let mut generator = ChainGenerator::new(options);
    let mut blocks = HashMap::new();
    for raw in generator.by_ref() {
        let header = raw.header();
        let height = heights[&header.prev_blockhash] + 1;
        heights.insert(header.block_hash(), height);
        order.push(height);
        blocks.insert(header.block_hash(), raw);
    }
    assert_eq!(order.len(), 137);
    assert_eq!(order[109..117], [110, 111, 112, 113, 111, 112, 113, 114]);
    assert_eq!(order[123..129], [121, 122, 121, 122, 123, 124]);
    assert_eq!(order[131..], [127, 128, 129, 130, 129, 130]);

    for tip in heights
        .keys()
        .filter(|hash| [113, 122, 130].contains(&heights[*hash]))
    {
        let mut branch = Vec::new();
        let mut hash = *tip;
        while let Some(raw) = blocks.get(&hash) {
            branch.push(raw.clone());
            hash = raw.header().prev_blockhash;
        }
        let mut ledger = Ledger::new();
        for raw in branch.iter().rev() {
            ledger.connect(raw);
        }
        if ledger.headers.len() > main.headers.len() {
            main = ledger;
        }
    }
    assert_eq!(main.headers.len(), 131);
}

#[test]
fn a_block_file_is_framed_as_bitcoin_core_frames_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blk00000.dat");
    let options = ChainOptions {
        blocks: 3,
        ..ChainOptions::default()
    };
    let blocks: Vec<RawBlock> = ChainGenerator::new(options).collect();
    write_block_file(&path, [1, 2, 3, 4], blocks.clone()).unwrap();
    let mut expected = Vec::new();
    for block in blocks {
        expected.extend([1, 2, 3, 4]);
        expected.extend((block.size() as u32).to_le_bytes());
        expected.extend_from_slice(block.bytes());
    }
    assert_eq!(std::fs::read(path).unwrap(), expected);
}

#[test]
#[should_panic(expected = "the fork at 9 would win")]
fn a_fork_that_would_win_is_refused() {
    let _ = ChainGenerator::new(ChainOptions {
        blocks: 10,
        forks: vec![Fork {
            base: 9,
            length: 1,
            order: ForkOrder::First,
        }],
        ..ChainOptions::default()
    });
}
