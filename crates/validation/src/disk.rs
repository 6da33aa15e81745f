//! How much of the disk the blocks may take, and how much they do.

use tipward_primitives::Height;
use tipward_store::FileTable;

/// How old blocks are deleted to save space. Those of the last [`KEPT`] heights never are.
#[derive(Clone, Copy, Debug)]
pub struct Prune {
    /// Bytes that block and undo files may take. `None`: nothing is deleted but by order.
    pub target: Option<u64>,
    /// Nothing is deleted without an order before the chain is longer than this.
    pub after_height: Height,
    /// Files are finished when they would pass this size.
    pub file_size: u64,
}

/// Blocks below the tip that are kept in any case: deep enough for every reorganization, and what peers of a node that deletes
/// blocks may ask it for (BIP159).
pub const KEPT: Height = 288;

/// Space that the file system may have set aside for the open file of each kind, beyond its end.
const ALLOCATED_AHEAD: u64 = 16 << 20;

/// Undo data of blocks that are stored and not connected yet is this part of the target, or so much: an eighth of the blocks'
/// bytes on Bitcoin's main chain, and no more blocks are ever fetched ahead than 1 GiB of them.
const UNDO_PART: u64 = 8;
const UNDO_MOST: u64 = 160 << 20;

/// Blocks may turn out larger than those before them, by which they are estimated when they are asked for.
const SLACK_PART: u64 = 16;
const SLACK_MOST: u64 = 64 << 20;

/// So far before the disk is full, files begin to be deleted, so that the download need not wait for it.
const AHEAD_PART: u64 = 8;
const AHEAD_MOST: u64 = 256 << 20;

/// So much more is deleted then: before a file is deleted the coins have to be flushed, and that should not happen all the time.
const AT_ONCE_PART: u64 = 10;
const AT_ONCE_MOST: u64 = 1 << 30;

/// What the block files and undo files take.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) prune: Prune,
    pub(crate) blocks: FileTable,
    pub(crate) undo: FileTable,
}

/// Steps below the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Nothing more is fetched.
    pub(crate) full: u64,
    /// Files are deleted.
    pub(crate) high: u64,
    /// Down to here.
    pub(crate) low: u64,
}

impl Disk {
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.bytes() + self.undo.bytes()
    }

    /// `None` without a target.
    pub(crate) fn marks(&self) -> Option<Marks> {
        let target = self.prune.target?;
        let part = |part: u64, most: u64| (target / part).min(most);
        let allocated = 2 * ALLOCATED_AHEAD.min(self.prune.file_size);
        let kept = allocated + part(UNDO_PART, UNDO_MOST) + part(SLACK_PART, SLACK_MOST);
        let full = target.saturating_sub(kept);
        let high = full.saturating_sub(part(AHEAD_PART, AHEAD_MOST));
        let low = high.saturating_sub(part(AT_ONCE_PART, AT_ONCE_MOST));
        Some(Marks { full, high, low })
    }

    /// Bytes of blocks that may still be fetched; `None` if there is no limit.
    pub(crate) fn room(&self) -> Option<u64> {
        let full = self.marks()?.full;
        Some(full.saturating_sub(self.bytes()))
    }
}
