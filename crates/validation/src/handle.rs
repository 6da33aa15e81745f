use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tipward_chain::{BlockRef, Fault};
use tipward_coins::{CoinsSnapshot, OutPointKey};
use tipward_consensus::Reject;
use tipward_primitives::{BlockHash, Height, RawBlock};

use crate::bell::Bell;
use crate::connect::CoinsReader;
use crate::faults::ended;
use crate::flush_meter::{FlushMeter, Flushes};
use crate::stage_times::{StageClocks, StageTimes};

/// Answers about the coins. Every answer is of the validated chain: blocks that are connected ahead of the verification of
/// their scripts do not show in it, nor does a reorganization before it is complete.
///
/// [`CoinsHandle::progress`] never waits, [`CoinsHandle::coin`] for the change that one block makes at most. The others block their
/// thread until the connect thread is between two blocks, and has done what they ask.
#[derive(Clone)]
pub struct CoinsHandle {
    coins: CoinsReader,
    queries: Sender<Query>,
    bell: Bell,
    progress: Arc<Counters>,
}

/// What the connect thread is asked.
pub(crate) enum Query {
    Snapshot(Sender<Result<CoinsSnapshot, Fault>>),
    Test(RawBlock, Sender<Result<(), TestError>>),
    Flush(Sender<Result<(), Fault>>),
    Prune(Height, Sender<Result<(), Fault>>),
}

/// A coin, or none, as of a validated tip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinAnswer {
    /// The block after which the answer holds.
    pub tip: BlockHash,
    /// Its height.
    pub tip_height: Height,
    /// The coin, if it is in the set.
    pub coin: Option<FoundCoin>,
}

/// A coin of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCoin {
    /// Height of the block that made it.
    pub height: Height,
    /// A coinbase made it.
    pub coinbase: bool,
    /// Satoshis.
    pub value: u64,
    /// The script that guards it.
    pub script: Vec<u8>,
}

/// Why a tested block is not valid on the tip.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TestError {
    /// It breaks a rule.
    #[error(transparent)]
    Reject(#[from] Reject),
    /// We could not tell.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// How far validation is, and what it holds; for people and metrics. The figures are read one by one, so that they need not
/// be of the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Height of the last connected block.
    pub connected: Height,
    /// Height of the last verified block.
    pub verified: Height,
    /// Height up to which the coins on disk contain the connected chain.
    pub flushed: Height,
    /// Height that the connect thread is on its way to.
    pub goal: Height,
    /// Bytes of coins in memory.
    pub cache_bytes: u64,
    /// Changed coins that are not on their way to the disk yet.
    pub dirty_coins: u64,
    /// Connected blocks whose scripts are not verified yet.
    pub lead_blocks: u64,
    /// Blocks read and prepared ahead of the connect thread.
    pub ready_blocks: u64,
    /// Blocks of which the workers have not begun all scripts.
    pub script_queue: u64,
    /// A flush is running.
    pub flushing: bool,
    /// Flushes since the start.
    pub flushes: Flushes,
    /// Connecting waits for something that may pass, such as room on the disk.
    pub paused: bool,
    /// How long the stages took.
    pub times: StageTimes,
}

/// [`Progress`], as it is written.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connected: AtomicU64,
    pub(crate) verified: AtomicU64,
    pub(crate) flushed: AtomicU64,
    pub(crate) goal: AtomicU64,
    pub(crate) cache_bytes: AtomicU64,
    pub(crate) dirty_coins: AtomicU64,
    pub(crate) lead_blocks: AtomicU64,
    pub(crate) ready_blocks: AtomicU64,
    pub(crate) script_queue: AtomicU64,
    pub(crate) flushing: AtomicU64,
    pub(crate) flushes: FlushMeter,
    pub(crate) paused: AtomicU64,
    pub(crate) clocks: StageClocks,
}

impl Counters {
    pub(crate) fn set(counter: &AtomicU64, value: impl TryInto<u64>) {
        counter.store(value.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> Progress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let height = |counter: &AtomicU64| Height::try_from(get(counter)).unwrap_or(Height::MAX);
        Progress {
            connected: height(&self.connected),
            verified: height(&self.verified),
            flushed: height(&self.flushed),
            goal: height(&self.goal),
            cache_bytes: get(&self.cache_bytes),
            dirty_coins: get(&self.dirty_coins),
            lead_blocks: get(&self.lead_blocks),
            ready_blocks: get(&self.ready_blocks),
            script_queue: get(&self.script_queue),
            flushing: get(&self.flushing) > 0,
            flushes: self.flushes.read(),
            paused: get(&self.paused) > 0,
            times: self.clocks.read(),
        }
    }
}

impl CoinsHandle {
    pub(crate) fn new(coins: CoinsReader, bell: Bell) -> (Self, Receiver<Query>) {
        // Whoever asks waits for the answer, so that there are no more questions than threads. What is still in this kind of
        // channel when its receiver goes is dropped at once; in a bounded one it stays, and who asked would wait forever.
        let (queries, receiver) = unbounded();
        let handle = Self {
            coins,
            queries,
            bell,
            progress: Arc::default(),
        };
        (handle, receiver)
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.progress)
    }

    fn ask<T>(&self, query: impl FnOnce(Sender<T>) -> Query) -> Result<T, Fault> {
        let (reply, answer) = bounded(1);
        let gone = |_| ended("connects blocks");
        self.queries.send(query(reply)).map_err(gone)?;
        self.bell.ring();
        answer.recv().map_err(|_| ended("connects blocks"))
    }

    /// Looks for a coin, in memory or in the store. (A reorganization that takes back and connects tens of megabytes of blocks is
    /// seen on its way.)
    pub fn coin(&self, outpoint: &OutPointKey) -> Result<CoinAnswer, Fault> {
        self.coins.coin(outpoint)
    }

    /// All coins after the newest block that is validated now: they are flushed, and connecting goes on meanwhile. The
    /// snapshot keeps disk space in use as long as it lives.
    pub fn snapshot(&self) -> Result<CoinsSnapshot, Fault> {
        self.ask(Query::Snapshot)?
    }

    /// Checks all of a block that stands on the validated tip, scripts included, as if it were to be connected, and changes
    /// nothing. Neither its proof of work is looked at, nor whether its time lies ahead of ours.
    pub fn test_block(&self, block: RawBlock) -> Result<(), TestError> {
        self.ask(|reply| Query::Test(block, reply))?
    }

    /// Writes the coins of all that is validated to disk.
    pub fn flush(&self) -> Result<(), Fault> {
        self.ask(Query::Flush)?
    }

    /// Deletes the block files that hold nothing above `height`, as far as they may be deleted ([`crate::KEPT`]), and writes
    /// the coins before it if need be. Does nothing without [`Options::prune`](crate::Options::prune).
    pub fn prune(&self, height: Height) -> Result<(), Fault> {
        self.ask(|reply| Query::Prune(height, reply))?
    }

    /// How far validation is. Never waits.
    pub fn progress(&self) -> Progress {
        self.progress.read()
    }
}

impl fmt::Debug for CoinsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoinsHandle").finish_non_exhaustive()
    }
}

impl CoinAnswer {
    pub(crate) fn new(tip: BlockRef, coin: Option<tipward_coins::Coin<'_>>) -> Self {
        Self {
            tip: tip.hash,
            tip_height: tip.height,
            coin: coin.map(|coin| FoundCoin {
                height: coin.height,
                coinbase: coin.coinbase,
                value: coin.value,
                script: coin.script.to_vec(),
            }),
        }
    }
}
