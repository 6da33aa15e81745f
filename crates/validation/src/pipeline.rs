#![allow(clippy::unimplemented, unused_variables, missing_docs)] // FACE ONLY
use std::time::Duration;

use tipward_chain::{BlockJob, BlockVerdict, Fault};
use tipward_primitives::{Header, RawBlock};
use tipward_store::BlockStore;

/// What the pipeline tells the node.
#[derive(Clone, Debug)]
pub enum Event {
    /// The verdict on a submitted block; exactly one for each.
    Verdict(BlockVerdict),
    /// Headers could not be persisted, or a sync failed; belongs to no block.
    Fault(Fault),
}

/// How a [`Pipeline`] runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that check blocks; at least one.
    pub check_threads: usize,
    /// Blocks that may wait for a check, and again for the writer.
    pub queue: usize,
    /// A sync follows at latest after so many bytes.
    pub sync_bytes: u64,
    /// A sync follows at latest after so long.
    pub sync_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            check_threads: 1,
            queue: 1024,
            sync_bytes: 256 << 20,
            sync_interval: Duration::from_secs(30),
        }
    }
}

/// Blocks waiting in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepths {
    /// For a check.
    pub check: usize,
    /// For the writer.
    pub write: usize,
    /// Headers for the writer.
    pub headers: usize,
}

/// The threads that check and store blocks.
pub struct Pipeline(());

impl Pipeline {
    /// Starts the threads. `on_event` is called from any of them and must not block.
    pub fn start(
        store: BlockStore,
        options: Options,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        unimplemented!()
    }
    /// Hands over a block. Waits only while [`Options::queue`] blocks wait already.
    pub fn submit(&self, job: BlockJob, block: RawBlock) {
        unimplemented!()
    }
    /// Has headers written before any block that is submitted later. Never waits.
    pub fn persist_headers(&self, headers: Vec<Header>) {
        unimplemented!()
    }
    /// Waits until all that was handed over is written and synced.
    pub fn flush(&self) -> Result<(), Fault> {
        unimplemented!()
    }
    /// Queue depths, for metrics.
    pub fn depths(&self) -> QueueDepths {
        unimplemented!()
    }
    /// Ends the threads: what is checked is written and synced, what waits for its check fails with a [`Fault`].
    pub fn shutdown(self) -> Result<(), Fault> {
        unimplemented!()
    }
}
