//! Ways back and forth between branches: coins and undo data are those of Bitcoin Core after each.

#![allow(clippy::unwrap_used)]

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tipward_oracle::differential::Pair;
use tipward_primitives::{Network, Params, RawBlock};
use tipward_testkit::build::to_raw;
use tipward_testkit::cases::{self, Verdict};
use tipward_testkit::generate::{Branch, ChainGenerator, ChainOptions};
use tipward_validation::Options;

/// Both at the end of a first branch of `length` blocks, and what is needed to go on.
struct Fork {
    pair: Pair,
    options: ChainOptions,
    rng: ChaCha8Rng,
    first: Branch,
    second: Branch,
}

impl Fork {
    fn new(length: u32, dbcache: usize) -> Self {
        let options = ChainOptions {
            transactions: 0..=2,
            coinbase_outputs: 2,
            ..ChainOptions::mixed(u64::from(length), 108, 0)
        };
        let node = Options {
            dbcache,
            ..Options::default()
        };
        let mut chain = ChainGenerator::new(options.clone());
        let base: Vec<RawBlock> = chain.by_ref().collect();
        let mut second = chain.branch().clone();
        second.set_number(2);
        let mut fork = Self {
            pair: Pair::new(Params::new(Network::Regtest), node).unwrap(),
            options,
            rng: ChaCha8Rng::seed_from_u64(1),
            first: chain.branch().clone(),
            second,
        };
        fork.pair.submit_all(&base).unwrap();
        fork.extend_first(length);
        fork
    }

    fn blocks(&mut self, second: bool, count: u32) -> Vec<RawBlock> {
        let branch = if second {
            &mut self.second
        } else {
            &mut self.first
        };
        let mine = (0..count).map(|_| to_raw(&branch.mine(&self.options, &mut self.rng)));
        mine.collect()
    }

    fn extend_first(&mut self, count: u32) {
        let blocks = self.blocks(false, count);
        self.pair.submit_all(&blocks).unwrap();
        assert_eq!(self.pair.local().tip(), self.first.tip_hash());
    }

    fn extend_second(&mut self, count: u32) {
        let blocks = self.blocks(true, count);
        self.pair.submit_all(&blocks).unwrap();
    }
}

/// To a second branch that is one block longer than the first of `length`, and back.
fn there_and_back(length: u32, dbcache: usize) {
    let mut fork = Fork::new(length, dbcache);
    fork.pair.compare_coins().unwrap();
    fork.extend_second(length + 1);
    assert_eq!(fork.pair.local().tip(), fork.second.tip_hash());
    fork.pair.compare_coins().unwrap();
    fork.extend_first(2);
    fork.pair.compare_coins().unwrap();
    // Once more: what was connected before is not verified again.
    fork.extend_second(2);
    assert_eq!(fork.pair.local().tip(), fork.second.tip_hash());
    fork.pair.compare_coins().unwrap();
}

#[test]
fn one_block_there_and_back() {
    there_and_back(1, 256 << 10);
}

#[test]
fn ten_blocks_there_and_back() {
    there_and_back(10, 256 << 10);
}

#[test]
fn a_hundred_and_fifty_blocks_there_and_back() {
    there_and_back(150, 512 << 10);
}

#[test]
fn a_thousand_blocks_there_and_back() {
    there_and_back(1000, 64 << 20);
}

/// A branch one block longer whose last block breaks a rule that needs coins or scripts.
fn a_bad_end(length: u32, case: &str) {
    let mut fork = Fork::new(length, 256 << 10);
    let tip = fork.pair.local().tip();
    let before = fork.pair.local().set_info().unwrap();
    fork.extend_second(length);
    assert_eq!(fork.pair.local().tip(), tip, "the first of equals");

    let cases = cases::all();
    let case = cases.iter().find(|is| is.name == case).unwrap();
    let block = case.build(&fork.second, &mut fork.rng).unwrap();
    let answer = fork.pair.submit(&to_raw(&block)).unwrap();
    let reason = answer.refused[0].reason.clone();
    assert_eq!(Verdict::Refused(reason), case.verdict);
    assert!(answer.disconnected.len() >= 2 * length as usize);

    assert_eq!(fork.pair.local().tip(), tip);
    assert_eq!(fork.pair.local().set_info().unwrap(), before);
    fork.pair.compare_coins().unwrap();
    // The branch without its last block is as good as before.
    fork.extend_second(2);
    assert_eq!(fork.pair.local().tip(), fork.second.tip_hash());
    fork.pair.compare_coins().unwrap();
}

#[test]
fn a_branch_whose_last_signature_is_wrong_leaves_the_old_tip() {
    a_bad_end(10, "a wrong signature under WitnessMultisig");
}

#[test]
fn a_long_branch_whose_last_block_spends_what_is_not_there_leaves_the_old_tip() {
    a_bad_end(150, "an old coin is spent by two transactions");
}
