//! Regtest chains whose blocks are shaped like those of today's main network: to measure with.
//!
//! ```text
//!  height  1 ..= 100   coinbases that ripen
//!          ..          fan-outs: a few blocks that do nothing but make the coins asked for
//!          ..          full blocks, the measured part: near 4M weight, of every usual kind of script
//!          ..= tip     empty blocks on top, so that scripts of the full ones can be assumed valid
//! ```
//!
//! Everything is signed and valid. The same options give the same bytes, however many threads sign.
//!
//! # What a full block is like
//!
//! Meant to be like those of the main network around height 900,000: some 2,600 transactions with 2.7 inputs and 2.8 outputs
//! in the mean, most with one or two of each and a long tail; one in eight has an output that cannot be spent.
//! [`SHARES`] says how coins are guarded, `ages.rs` how old they are when they are spent.
//!
//! # Memory
//!
//! A coin takes 16 bytes and a transaction with unspent outputs 32, so that 20 million coins take less than half a GB.
//! Keys are few and used again and again: making one takes as long as a signature.

mod ages;
mod draft;

use std::num::NonZeroUsize;

use bitcoin::{Block, Transaction};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tipward_primitives::{BlockHash, Header, Height, Network, Params, RawBlock};

use crate::build::{BlockBuilder, to_raw};
use crate::generate::ScriptKind;
use crate::generate::wallet::COINBASE_MATURITY;
use draft::Drafts;

#[cfg(test)]
mod tests;

/// How many of a hundred coins are guarded by which kind of script.
pub const SHARES: [(ScriptKind, u32); 6] = [
    (ScriptKind::WitnessPubkeyHash, 50),
    (ScriptKind::TaprootKey, 20),
    (ScriptKind::PubkeyHash, 11),
    (ScriptKind::NestedWitnessPubkeyHash, 8),
    (ScriptKind::WitnessMultisig, 7),
    (ScriptKind::TaprootInscription, 4),
];

/// Coins that one fan-out block makes: it weighs about 3.7M.
const COINS_A_BLOCK: u64 = 24_000;

/// The most coins that can be asked for: the subsidies of regtest pay for no more.
pub const MAX_COINS: u64 = 30_000_000;

/// Weight up to which a block is filled; some room is left for what the estimate does not see.
pub const FULL: usize = 3_990_000;

/// Blocks on top of another that bury it for two weeks, and a few more.
pub const BURYING: Height = 2_100;

/// What a chain is like.
#[derive(Clone, Debug)]
pub struct MainnetOptions {
    /// Everything random follows from it.
    pub seed: u64,
    /// Full blocks.
    pub blocks: Height,
    /// Unspent coins before the first full block; at most [`MAX_COINS`].
    pub coins: u64,
    /// Empty blocks at the end. With [`BURYING`] scripts of all before can be assumed valid.
    pub tail: Height,
    /// Weight of a full block; at most [`FULL`].
    pub weight: usize,
    /// Different keys, a hundred or more; 65,536 at most.
    pub keys: usize,
    /// Time of the last block, in seconds since the Unix epoch; the others come ten minutes apart.
    pub end_time: u32,
    /// Threads that sign.
    pub threads: NonZeroUsize,
}

impl Default for MainnetOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            blocks: 100,
            coins: 1_000_000,
            tail: BURYING,
            weight: FULL,
            keys: 2_000,
            end_time: 1_750_000_000,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl MainnetOptions {
    /// Blocks that make the coins.
    pub fn fan_outs(&self) -> Height {
        self.coins.div_ceil(COINS_A_BLOCK) as Height
    }

    /// Height of the first full block.
    pub fn first_full(&self) -> Height {
        COINBASE_MATURITY + self.fan_outs() + 1
    }

    /// Height of the last full block.
    pub fn last_full(&self) -> Height {
        self.first_full() + self.blocks - 1
    }

    /// Height of the last block.
    pub fn tip(&self) -> Height {
        self.last_full() + self.tail
    }
}

/// What the full blocks of a chain hold, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Transactions, coinbases not counted.
    pub transactions: u64,
    /// Their inputs.
    pub inputs: u64,
    /// Their outputs that can be spent.
    pub outputs: u64,
    /// Bytes of the blocks.
    pub bytes: u64,
    /// ECDSA signatures that are verified, those included that turn out to be by another key of a multisig.
    pub ecdsa: u64,
    /// Schnorr signatures.
    pub schnorr: u64,
    /// Taproot commitments.
    pub commitments: u64,
}

/// The blocks of a chain, each after its parent; the genesis block, which everybody has, is not among them.
#[derive(Debug)]
pub struct MainnetChain {
    options: MainnetOptions,
    params: Params,
    tip: Header,
    tip_hash: BlockHash,
    height: Height,
    /// Hash of the last full block.
    last_full: BlockHash,
    drafts: Drafts,
    rng: ChaCha8Rng,
    totals: Totals,
}

impl MainnetChain {
    /// Starts a chain on regtest's genesis block.
    pub fn new(options: MainnetOptions) -> Self {
        assert!(options.weight <= FULL, "no block weighs {}", options.weight);
        assert!(options.coins <= MAX_COINS, "more coins than money");
        assert!(
            (100..=1 << 16).contains(&options.keys),
            "keys beyond bounds"
        );
        let params = Params::new(Network::Regtest);
        let seconds = options.tip() * params.pow_target_spacing;
        let tip = Header {
            time: options.end_time.saturating_sub(seconds),
            ..params.genesis.header
        };
        Self {
            tip,
            tip_hash: params.genesis_hash,
            height: 0,
            last_full: params.genesis_hash,
            drafts: Drafts::new(options.seed, options.keys, options.threads),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            totals: Totals::default(),
            params,
            options,
        }
    }

    /// The network's parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// What was asked for.
    pub fn options(&self) -> &MainnetOptions {
        &self.options
    }

    /// Height of the last block so far.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Hash of the last block so far.
    pub fn tip_hash(&self) -> BlockHash {
        self.tip_hash
    }

    /// Hash of the last full block so far: the one up to which to assume scripts valid.
    pub fn last_full(&self) -> BlockHash {
        self.last_full
    }

    /// Coins that are unspent, those of ripening coinbases not counted.
    pub fn coins(&self) -> u64 {
        self.drafts.coins()
    }

    /// What the full blocks so far hold.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    fn mine(&mut self) -> RawBlock {
        let height = self.height + 1;
        self.drafts.begin_block(height);
        let mut signed = Vec::new();
        let full = (self.options.first_full()..=self.options.last_full()).contains(&height);
        if full {
            let weight = self.options.weight;
            signed = self
                .drafts
                .full_block(weight, &mut self.rng, &mut self.totals);
        } else if height > COINBASE_MATURITY && height < self.options.first_full() {
            let wanted = COINS_A_BLOCK.min(self.options.coins - self.drafts.fanned_out());
            signed = self.drafts.fan_out(wanted, &mut self.rng);
        }
        let script = self.drafts.coinbase_script(height);
        let on_tip = BlockBuilder::on_hash(&self.params, &self.tip, self.tip_hash, self.height);
        let time = self.tip.time + self.params.pow_target_spacing;
        let mut builder = on_tip.time(time).coinbase_to(vec![script]);
        for (transaction, fee) in signed {
            builder = builder.transaction(transaction, fee);
        }
        let block = builder.build();
        self.advance(&block);
        let raw = to_raw(&block);
        if full {
            self.last_full = self.tip_hash;
            self.totals.transactions += block.txdata.len() as u64 - 1;
            self.totals.bytes += raw.size() as u64;
        }
        raw
    }

    fn advance(&mut self, block: &Block) {
        let coinbase: &Transaction = &block.txdata[0];
        self.drafts.receive_coinbase(coinbase, self.height + 1);
        self.tip = block.header;
        self.tip_hash = block.header.block_hash();
        self.height += 1;
    }
}

impl Iterator for MainnetChain {
    type Item = RawBlock;

    fn next(&mut self) -> Option<RawBlock> {
        (self.height < self.options.tip()).then(|| self.mine())
    }
}
