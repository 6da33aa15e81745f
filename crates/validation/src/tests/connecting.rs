//! Chains that are connected, on regtest.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bitcoin::Amount;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tipward_primitives::{Network, Params, RawBlock};
use tipward_testkit::build::to_raw;
use tipward_testkit::generate::{Branch, ChainOptions, spoil};

use super::local::Local;
use super::model::{coins_of, decode};
use crate::{LeadBounds, Options};

pub(super) fn options() -> Options {
    Options {
        check_threads: NonZeroUsize::new(2).unwrap(),
        script_threads: NonZeroUsize::new(2).unwrap(),
        load_threads: NonZeroUsize::new(2).unwrap(),
        dbcache: 64 << 20,
        ..Options::default()
    }
}

pub(crate) struct Miner {
    pub(super) branch: Branch,
    options: ChainOptions,
    rng: ChaCha8Rng,
}

impl Clone for Miner {
    fn clone(&self) -> Self {
        Self {
            branch: self.branch.clone(),
            options: self.options.clone(),
            rng: self.rng.clone(),
        }
    }
}

impl Miner {
    pub(crate) fn new(seed: u64) -> Self {
        let options = ChainOptions {
            seed,
            transactions: 2..=8,
            ..ChainOptions::default()
        };
        Self {
            branch: Branch::new(Arc::new(Params::new(Network::Regtest)), &options),
            options,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    pub(crate) fn mine(&mut self, blocks: usize) -> Vec<RawBlock> {
        (0..blocks)
            .map(|_| to_raw(&self.branch.mine(&self.options, &mut self.rng)))
            .collect()
    }

    /// Another miner who goes on from here.
    pub(super) fn fork(&self, number: u64) -> Self {
        let mut fork = self.clone();
        fork.branch.set_number(number);
        fork.rng = ChaCha8Rng::seed_from_u64(number);
        fork
    }
}

#[test]
fn a_chain_is_connected_and_its_coins_are_those_of_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let blocks = Miner::new(1).mine(140);
    local.submit(&blocks);
    assert_eq!(local.tip(), blocks[139].block_hash());
    assert_eq!(local.coins(), coins_of(&blocks));
    local.pipeline.shutdown().unwrap();
    // Nothing is left to do at the next start.
    let local = Local::open(dir.path(), &options());
    assert_eq!(local.tip(), blocks[139].block_hash());
    assert_eq!(local.coins(), coins_of(&blocks));
}

#[test]
fn a_branch_with_more_work_is_taken_and_the_way_back_restores_every_coin() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let mut miner = Miner::new(2);
    let trunk = miner.mine(120);
    let mut other = miner.fork(7);
    let a = miner.mine(10);
    let b = other.mine(11);
    local.submit(&trunk);
    local.submit(&a);
    let chain_a: Vec<_> = trunk.iter().chain(&a).cloned().collect();
    let chain_b: Vec<_> = trunk.iter().chain(&b).cloned().collect();
    assert_eq!(local.coins(), coins_of(&chain_a));
    local.tips.clear();
    local.submit(&b);
    assert_eq!(local.coins(), coins_of(&chain_b));
    // The tip is told once, although eleven blocks were connected.
    assert_eq!(local.tips, [b[10].block_hash()]);
    let more = miner.mine(2);
    local.submit(&more);
    let chain_a: Vec<_> = chain_a.iter().chain(&more).cloned().collect();
    assert_eq!(local.tip(), more[1].block_hash());
    assert_eq!(local.coins(), coins_of(&chain_a));
}

#[test]
fn a_reorganization_that_turns_out_invalid_at_its_last_block_returns_to_the_old_tip() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let mut miner = Miner::new(3);
    let trunk = miner.mine(120);
    let mut other = miner.fork(7);
    let a = miner.mine(5);
    let b = other.mine(6);
    let chain_a: Vec<_> = trunk.iter().chain(&a).cloned().collect();
    let chain_b: Vec<_> = trunk.iter().chain(&b).cloned().collect();
    let spoiled: Vec<_> = spoil(chain_b.iter().cloned(), 126).collect();
    local.submit(&chain_a);
    local.tips.clear();
    local.submit(&spoiled[120..]);
    assert_eq!(local.tip(), a[4].block_hash());
    assert_eq!(local.tips, []);
    let (hash, reject) = local.invalid.remove(0);
    assert_eq!(hash, spoiled[125].block_hash());
    assert!(
        reject.reason.starts_with("block-script-verify-flag-failed"),
        "{reject}"
    );
    assert_eq!(local.coins(), coins_of(&chain_a));
}

#[test]
fn a_bad_signature_deep_inside_is_found_and_what_is_before_it_stands() {
    for lead in [1, 512] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            lead: LeadBounds {
                blocks: lead,
                ..LeadBounds::default()
            },
            ..options()
        };
        let mut local = Local::open(dir.path(), &options);
        let blocks = Miner::new(4).mine(150);
        let spoiled: Vec<_> = spoil(blocks.iter().cloned(), 130).collect();
        local.submit(&spoiled);
        assert_eq!(local.tip(), blocks[128].block_hash());
        assert_eq!(local.coins(), coins_of(&blocks[..129]));
        assert_eq!(local.invalid.len(), 1);
        assert_eq!(local.invalid[0].0, spoiled[129].block_hash());
        // The right blocks go on from there.
        local.submit(&blocks[129..]);
        assert_eq!(local.tip(), blocks[149].block_hash());
        assert_eq!(local.coins(), coins_of(&blocks));
    }
}

#[test]
fn a_block_that_breaks_a_rule_about_coins_is_refused_and_those_before_it_stand() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let mut miner = Miner::new(6);
    let blocks = miner.mine(130);
    // What it spends is spent by the block before it already.
    let mut spent = decode(&blocks[129]).txdata[1].clone();
    spent.output[0].value -= Amount::ONE_SAT;
    let builder = miner.branch.builder().extra_nonce(9);
    let bad = to_raw(&builder.transaction(spent, Amount::ZERO).build());
    let all: Vec<_> = blocks.iter().cloned().chain([bad.clone()]).collect();
    local.submit(&all);
    assert_eq!(local.tip(), blocks[129].block_hash());
    let (hash, reject) = local.invalid.remove(0);
    assert_eq!(hash, bad.block_hash());
    assert_eq!(reject.reason, "bad-txns-inputs-missingorspent");
    assert!(local.invalid.is_empty());
    assert_eq!(local.coins(), coins_of(&blocks));
    let more = miner.mine(2);
    local.submit(&more);
    assert_eq!(local.tip(), more[1].block_hash());
}

#[test]
fn an_invalidated_block_leaves_the_chain_and_a_reconsidered_one_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let blocks = Miner::new(5).mine(125);
    local.submit(&blocks);
    local.tips.clear();
    local.invalidate(&blocks[110].block_hash());
    assert_eq!(local.tip(), blocks[109].block_hash());
    assert_eq!(local.tips, [blocks[109].block_hash()]);
    assert_eq!(local.coins(), coins_of(&blocks[..110]));
    local.reconsider(&blocks[110].block_hash());
    assert_eq!(local.tip(), blocks[124].block_hash());
    assert_eq!(local.coins(), coins_of(&blocks));
}

#[test]
fn the_first_4312_blocks_of_the_main_network_are_connected_with_every_script_verified() {
    let Some(blocks) = super::mainnet_blocks() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open_on(Network::Bitcoin, dir.path(), &options());
    local.submit(&blocks[1..]);
    assert_eq!(local.tip(), blocks[4312].block_hash());
    assert_eq!(local.coins(), coins_of(&blocks[1..]));
    assert_eq!(local.pipeline.coins().progress().verified, 4312);
    local.pipeline.shutdown().unwrap();
}
