use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::connect::LeadBounds;
use crate::disk::Prune;
use crate::faults::FaultPoints;

/// How a [`Pipeline`](crate::Pipeline) runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that check blocks.
    pub check_threads: NonZeroUsize,
    /// Threads that verify scripts.
    pub script_threads: NonZeroUsize,
    /// Threads that read blocks and coins ahead of the connect thread. They wait for the disk most of the time, so that
    /// more of them than cores make sense.
    pub load_threads: NonZeroUsize,
    /// Blocks that may wait for a check, and again for the writer. What bounds memory is not this but the byte credits
    /// that a block holds from its request to its verdict.
    pub queue: usize,
    /// A sync follows at the latest after so many bytes: so many are read again after power loss or a crash, which
    /// takes well under a second.
    pub sync_bytes: u64,
    /// A sync follows at the latest after so long.
    pub sync_interval: Duration,
    /// Bytes that coins may take in memory.
    pub dbcache: usize,
    /// Scripts of this block and its ancestors are assumed valid, as far as
    /// [`ChainView::scripts_assumed_valid`](tipward_chain::ChainView::scripts_assumed_valid) allows; all zero: of none.
    pub assume_valid: BlockHash,
    /// How far connecting may be ahead of the verification of scripts.
    pub lead: LeadBounds,
    /// Blocks that may be read ahead of the connect thread.
    pub ahead_blocks: usize,
    /// Bytes of these blocks.
    pub ahead_bytes: usize,
    /// Bytes of written blocks that are kept in memory until they are connected.
    pub handoff_bytes: usize,
    /// Coins are flushed at the latest after so long.
    pub flush_interval: Duration,
    /// What a shutdown may take for its flush. What is left then is taken from the block files at the next start.
    pub flush_deadline: Duration,
    /// Deletes old blocks to save space; `None`: never.
    pub prune: Option<Prune>,
    /// Failures that tests order.
    #[doc(hidden)]
    pub fault_points: FaultPoints,
}

impl Default for Options {
    /// As many threads that check and that verify scripts as cores, four that read ahead; a queue of 1024, and a sync after
    /// 256 MiB or 30 seconds; 450 MiB for coins, 16 MiB each for blocks read ahead and for blocks just written; a flush
    /// every hour, and ten seconds for the last one. No scripts are assumed valid.
    fn default() -> Self {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            check_threads: cores,
            script_threads: cores,
            load_threads: const { NonZeroUsize::new(4).unwrap() },
            queue: 1024,
            sync_bytes: 256 << 20,
            sync_interval: Duration::from_secs(30),
            dbcache: 450 << 20,
            assume_valid: BlockHash::all_zeros(),
            lead: LeadBounds::default(),
            ahead_blocks: 256,
            ahead_bytes: 16 << 20,
            handoff_bytes: 16 << 20,
            flush_interval: Duration::from_secs(60 * 60),
            flush_deadline: Duration::from_secs(10),
            prune: None,
            fault_points: FaultPoints::default(),
        }
    }
}
