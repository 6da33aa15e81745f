use tipward_primitives::{Histogram, Latencies};

/// How long each stage took for what it did, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// All checks of a block that need no coins.
    pub check: Latencies,
    /// Appending the blocks of one turn to the block files.
    pub write: Latencies,
    /// Judging a block by the coins and changing them.
    pub connect: Latencies,
    /// A block's scripts, from when they were handed to the workers to when the last one was verified: blocks before it, which are
    /// verified first, included.
    pub script: Latencies,
    /// Writing coins, from when they were frozen to when they were on disk.
    pub flush: Latencies,
}

/// [`StageTimes`], as they are written.
#[derive(Debug, Default)]
pub(crate) struct StageClocks {
    pub(crate) check: Histogram,
    pub(crate) write: Histogram,
    pub(crate) connect: Histogram,
    pub(crate) script: Histogram,
    pub(crate) flush: Histogram,
}

impl StageClocks {
    pub(crate) fn read(&self) -> StageTimes {
        StageTimes {
            check: self.check.read(),
            write: self.write.read(),
            connect: self.connect.read(),
            script: self.script.read(),
            flush: self.flush.read(),
        }
    }
}
