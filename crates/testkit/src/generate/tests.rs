use std::collections::HashMap;

use bitcoin::consensus::deserialize;
use bitcoin::{Amount, OutPoint};
use tipward_consensus::header::{check_header_in_context, check_proof_of_work, median_time_past};
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::Timestamp;

use super::*;
use crate::build::subsidy;

/// Checks a branch by every rule but scripts, with a ledger as simple as can be.
struct Ledger {
    params: Params,
    headers: Vec<Header>,
    /// Value, height, and whether a coinbase made it.
    coins: HashMap<OutPoint, (Amount, Height, bool)>,
    weights: Vec<usize>,
}

impl Ledger {
    fn new() -> Self {
        let params = Params::new(Network::Regtest);
        Self {
            headers: vec![params.genesis.header],
            params,
            coins: HashMap::new(),
            weights: Vec::new(),
        }
    }

    fn connect(&mut self, raw: &RawBlock) {
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
                let (coin, at, coinbase) = self.coins.remove(&input.previous_output).unwrap();
                assert!(!coinbase || height - at >= 100, "an immature coin is spent");
                if let Some(lock) = input.sequence.to_relative_lock_time() {
                    let bitcoin::relative::LockTime::Blocks(age) = lock else {
                        panic!("a lock by time");
                    };
                    assert!(u32::from(age.value()) <= height - at);
                }
                value += coin;
            }
            let paid: Amount = tx.output.iter().map(|output| output.value).sum();
            fees += value - paid;
            self.receive(tx, height);
        }
        let claimed: Amount = block.txdata[0].output.iter().map(|o| o.value).sum();
        assert_eq!(claimed, fees + subsidy(&self.params, height));
        self.receive(&block.txdata[0], height);
        self.headers.push(header);
    }

    fn receive(&mut self, tx: &bitcoin::Transaction, height: Height) {
        let txid = tx.compute_txid();
        for (vout, output) in tx.output.iter().enumerate() {
            let coin = (output.value, height, tx.is_coinbase());
            self.coins.insert(OutPoint::new(txid, vout as u32), coin);
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
