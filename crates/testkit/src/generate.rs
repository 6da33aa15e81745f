//! Whole regtest chains, valid under every rule: signatures, maturity, fees, lock times, witness commitments.
//!
//! The same options give the same bytes. The chain begins with a hundred blocks that hold no more than their coinbase
//! (what a coinbase makes cannot be spent earlier); from then on blocks hold transactions that spend earlier outputs,
//! now and then one of the same block, by pay-to-pubkey-hash, pay-to-witness-pubkey-hash and taproot's key path.
//!
//! ```
//! use tipward_testkit::generate::{ChainGenerator, ChainOptions};
//!
//! let options = ChainOptions { blocks: 120, ..ChainOptions::default() };
//! let blocks: Vec<_> = ChainGenerator::new(options).collect();
//! assert_eq!(blocks.len(), 120);
//! ```

mod file;
mod wallet;

pub use file::{BlockFileWriter, write_block_file};

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use bitcoin::Block;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tipward_primitives::{BlockHash, Header, Height, Network, Params, RawBlock};

use crate::build::{BlockBuilder, to_raw};
use wallet::Wallet;

#[cfg(test)]
mod tests;

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
    /// Each block is filled up to about so many weight units; zero leaves it as its transactions make it. At most
    /// 3,990,000.
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
            weight: 0,
            padding: Padding::Output,
            forks: Vec::new(),
            // Ten minutes after regtest's genesis block.
            first_time: 1_296_689_202,
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
    params: Params,
    main: Branch,
    /// Forks that were begun and whose blocks come later: the main branch's height at which they do, and the blocks.
    waiting: Vec<(Height, Vec<RawBlock>)>,
    ready: VecDeque<RawBlock>,
}

/// A tip, and all that is needed to mine on it.
#[derive(Clone, Debug)]
struct Branch {
    tip: Header,
    tip_hash: BlockHash,
    height: Height,
    wallet: Wallet,
    rng: ChaCha8Rng,
    /// Tells the coinbases of branches apart.
    number: u64,
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
        let params = Params::new(Network::Regtest);
        let main = Branch {
            tip: Header {
                time: options.first_time - params.pow_target_spacing,
                ..params.genesis.header
            },
            tip_hash: params.genesis_hash,
            height: 0,
            wallet: Wallet::new(options.seed),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            number: 0,
        };
        let mut this = Self {
            options,
            params,
            main,
            waiting: Vec::new(),
            ready: VecDeque::new(),
        };
        this.fork_here();
        this
    }

    /// The network's parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Height of the main branch so far.
    pub fn height(&self) -> Height {
        self.main.height
    }

    /// Hash of the main branch's last block so far.
    pub fn tip_hash(&self) -> BlockHash {
        self.main.tip_hash
    }

    /// The next block of the main branch, also past [`ChainOptions::blocks`].
    pub fn mine(&mut self) -> RawBlock {
        let block = self.main.mine(&self.params, &self.options);
        self.release_forks();
        self.fork_here();
        block
    }

    /// Begins the forks whose base is the main branch's tip.
    fn fork_here(&mut self) {
        let height = self.main.height;
        let here = |(_, fork): &(usize, &Fork)| fork.base == height;
        for (index, fork) in self.options.forks.iter().enumerate().filter(here) {
            let number = index as u64 + 1;
            let mut branch = self.main.clone();
            branch.number = number;
            branch.rng = ChaCha8Rng::seed_from_u64(self.options.seed ^ (number << 32));
            let blocks = (0..fork.length).map(|_| branch.mine(&self.params, &self.options));
            match fork.order {
                ForkOrder::First => self.ready.extend(blocks),
                ForkOrder::Last => self.waiting.push((height + fork.length, blocks.collect())),
            }
        }
    }

    fn release_forks(&mut self) {
        let height = self.main.height;
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
        (self.main.height < self.options.blocks).then(|| self.mine())
    }
}

/// As far as a block can be filled up: some room is left for what the estimate does not see.
const MOST_WEIGHT: usize = 3_990_000;

/// Weight of a block's header, count of transactions, and coinbase without padding, generously.
const FIXED_WEIGHT: usize = 4 * 400;

impl Branch {
    fn mine(&mut self, params: &Params, options: &ChainOptions) -> RawBlock {
        let height = self.height + 1;
        self.wallet.mature(height);

        let mut weight = FIXED_WEIGHT + 4 * 40 * options.coinbase_outputs as usize;
        let wanted = self.rng.random_range(options.transactions.clone());
        let mut spends = Vec::new();
        for _ in 0..wanted {
            let Some(spend) = self.wallet.spend(height, wanted, &mut self.rng) else {
                break;
            };
            let more = spend.transaction.weight().to_wu() as usize;
            if weight + more > MOST_WEIGHT {
                self.wallet.give_back(spend);
                break;
            }
            weight += more;
            self.wallet.receive(&spend, height);
            spends.push(spend);
        }
        let mut padding = options.weight.saturating_sub(weight);
        if options.padding == Padding::Witness && padding > 0 {
            let annexed = spends
                .iter_mut()
                .any(|spend| self.wallet.add_annex(spend, padding));
            if annexed {
                padding = 0;
            }
        }

        let scripts = (0..options.coinbase_outputs.max(1))
            .map(|_| self.wallet.new_script(&mut self.rng))
            .collect();
        let mut builder = BlockBuilder::on_hash(params, &self.tip, self.tip_hash, self.height)
            .extra_nonce(self.number)
            .coinbase_to(scripts)
            .coinbase_padding(padding / 4);
        for spend in spends {
            builder = builder.transaction(spend.transaction, spend.fee);
        }
        let block: Block = builder.build();
        self.wallet.receive_coinbase(&block.txdata[0], height);
        self.tip = block.header;
        self.tip_hash = block.block_hash();
        self.height = height;
        to_raw(&block)
    }
}
