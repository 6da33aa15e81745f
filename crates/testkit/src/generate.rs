//! Whole regtest chains, valid under every rule: signatures, maturity, fees, lock times, witness commitments.
//!
//! The same options give the same bytes. The chain begins with a hundred blocks that hold no more than their coinbase
//! (what a coinbase makes cannot be spent earlier); from then on blocks hold transactions that spend earlier outputs,
//! now and then one of the same block, by scripts of the kinds asked for.
//!
//! ```
//! use tipward_testkit::generate::{ChainGenerator, ChainOptions};
//!
//! let options = ChainOptions { blocks: 120, ..ChainOptions::default() };
//! let blocks: Vec<_> = ChainGenerator::new(options).collect();
//! assert_eq!(blocks.len(), 120);
//! ```

mod branch;
mod file;
mod inscription;
pub(crate) mod keys;
mod spoil;
pub(crate) mod wallet;

pub use branch::Branch;
pub use file::{BlockFileWriter, write_block_file};
pub use keys::ScriptKind;
pub use spoil::{Spoiled, Spoiler, spoil};

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tipward_primitives::{BlockHash, Height, Network, Params, RawBlock};

use crate::build::to_raw;
use branch::MOST_WEIGHT;

#[cfg(test)]
pub(crate) mod tests;

/// What a generated chain is like.
#[derive(Clone, Debug)]
pub struct ChainOptions {
    /// Everything random follows from it.
    pub seed: u64,
    /// Blocks of the main branch, the genesis block not counted.
    pub blocks: Height,
    /// How many transactions a block has besides its coinbase, as far as there are coins for them.
    pub transactions: RangeInclusive<u32>,
    /// Outputs that each coinbase pays to: with more of them blocks of many transactions are possible sooner.
    pub coinbase_outputs: u32,
    /// Kinds of scripts that guard coins.
    pub scripts: Vec<ScriptKind>,
    /// Each block is filled up to about so many weight units, by transactions as far as they go; zero leaves it as its
    /// transactions make it. At most 3,990,000.
    pub weight: usize,
    /// What fills it up.
    pub padding: Padding,
    /// Branches that lose in the end, so that they must end no higher than the main one.
    pub forks: Vec<Fork>,
    /// Time of the first block, in seconds since the Unix epoch; the others follow ten minutes apart.
    pub first_time: u32,
}

/// What a block is filled up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// An unspendable output of the coinbase: a byte for every four weight units.
    Output,
    /// The annex of a taproot input: a byte for every weight unit. In a block without such an input, an output.
    Witness,
    /// Nothing: transactions alone, as far as there are coins for them.
    Nothing,
}

/// A branch beside the main one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Height of the last block that both branches share.
    pub base: Height,
    /// Blocks of the branch.
    pub length: u32,
    /// When its blocks come.
    pub order: ForkOrder,
}

/// When the blocks of a [`Fork`] come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkOrder {
    /// Before those of the main branch: a node follows it, and has to turn back when the main branch overtakes it. So it
    /// must end below the main branch.
    First,
    /// After so many blocks of the main branch that it never leads.
    Last,
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            blocks: 200,
            transactions: 1..=5,
            coinbase_outputs: 4,
            scripts: ScriptKind::FEW.to_vec(),
            weight: 0,
            padding: Padding::Output,
            forks: Vec::new(),
            // Ten minutes after regtest's genesis block.
            first_time: 1_296_689_202,
        }
    }
}

impl ChainOptions {
    /// Blocks of `weight` full of transactions of every kind, once the first coins can be spent.
    pub fn mixed(seed: u64, blocks: Height, weight: usize) -> Self {
        // A transaction takes over 400 weight units.
        let transactions = (weight / 400) as u32;
        Self {
            seed,
            blocks,
            transactions: transactions..=transactions,
            coinbase_outputs: 20,
            scripts: ScriptKind::ALL.to_vec(),
            weight,
            padding: Padding::Nothing,
            ..Self::default()
        }
    }
}

/// The blocks of a chain, each after its parent; the genesis block, which everybody has, is not among them.
///
/// The iterator ends after [`ChainOptions::blocks`] of the main branch and all forks; [`ChainGenerator::mine`] goes on as
/// long as it is asked to.
#[derive(Debug)]
pub struct ChainGenerator {
    options: ChainOptions,
    main: Branch,
    rng: ChaCha8Rng,
    /// Forks that were begun and whose blocks come later: the main branch's height at which they do, and the blocks.
    waiting: Vec<(Height, Vec<RawBlock>)>,
    ready: VecDeque<RawBlock>,
}

impl ChainGenerator {
    /// Starts a chain on regtest's genesis block.
    pub fn new(options: ChainOptions) -> Self {
        assert!(
            options.weight <= MOST_WEIGHT,
            "a block cannot be filled up to {} weight units",
            options.weight
        );
        for Fork {
            base,
            length,
            order,
        } in &options.forks
        {
            let most = options.blocks - u32::from(*order == ForkOrder::First);
            assert!(base + length <= most, "the fork at {base} would win");
        }
        let params = Arc::new(Params::new(Network::Regtest));
        let mut this = Self {
            main: Branch::new(params, &options),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            options,
            waiting: Vec::new(),
            ready: VecDeque::new(),
        };
        this.fork_here();
        this
    }

    /// The network's parameters.
    pub fn params(&self) -> &Params {
        self.main.params()
    }

    /// Height of the main branch so far.
    pub fn height(&self) -> Height {
        self.main.height()
    }

    /// Hash of the main branch's last block so far.
    pub fn tip_hash(&self) -> BlockHash {
        self.main.tip_hash()
    }

    /// The main branch so far, to go on from with blocks of one's own.
    pub fn branch(&self) -> &Branch {
        &self.main
    }

    /// The next block of the main branch, also past [`ChainOptions::blocks`].
    pub fn mine(&mut self) -> RawBlock {
        let block = self.main.mine(&self.options, &mut self.rng);
        self.release_forks();
        self.fork_here();
        to_raw(&block)
    }

    /// Begins the forks whose base is the main branch's tip.
    fn fork_here(&mut self) {
        let height = self.height();
        let here = |(_, fork): &(usize, &Fork)| fork.base == height;
        for (index, fork) in self.options.forks.iter().enumerate().filter(here) {
            let number = index as u64 + 1;
            let mut branch = self.main.clone();
            branch.set_number(number);
            let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed ^ (number << 32));
            let blocks = (0..fork.length).map(|_| to_raw(&branch.mine(&self.options, &mut rng)));
            match fork.order {
                ForkOrder::First => self.ready.extend(blocks),
                ForkOrder::Last => self.waiting.push((height + fork.length, blocks.collect())),
            }
        }
    }

    fn release_forks(&mut self) {
        let height = self.height();
        for (_, blocks) in self.waiting.extract_if(.., |(at, _)| *at == height) {
            self.ready.extend(blocks);
        }
    }
}

impl Iterator for ChainGenerator {
    type Item = RawBlock;

    fn next(&mut self) -> Option<RawBlock> {
        if let Some(block) = self.ready.pop_front() {
            return Some(block);
        }
        (self.height() < self.options.blocks).then(|| self.mine())
    }
}
