//! How far ahead blocks are asked for: by the width of the window, and by the room on the disk.
//!
//! Where old blocks are deleted to save space, what was fetched ahead of the active chain's tip has to share the disk with
//! the blocks that have to stay. So the window takes in no more blocks than there is room for. The first few after the tip
//! are fetched in any case: only when they are connected can older ones be deleted.

use tipward_primitives::Height;

use super::{Download, Route, State};

/// The window never gets narrower than this many blocks: a few hundred let every peer of a full set have a batch.
const NARROWEST: usize = 256;

/// Blocks after the active chain's tip that are fetched without room for them.
const ALWAYS: Height = 16;

/// What is asked for may turn out so many times larger than the blocks before it.
const CAUTION: u64 = 2;

/// The room on the disk.
#[derive(Debug)]
pub(super) struct Room {
    /// Bytes that blocks may still take; `None` if there is no limit.
    bytes: Option<u64>,
    /// Blocks up to this height are fetched in any case.
    always: Height,
    /// Blocks in the window that are stored: they have their room.
    pub(super) stored: usize,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            bytes: None,
            always: 0,
            stored: 0,
        }
    }
}

impl Download {
    /// So many bytes of blocks may still be stored, and the active chain is so high.
    pub(crate) fn set_room(&mut self, bytes: Option<u64>, tip: Height) {
        self.room.bytes = bytes;
        self.room.always = tip.saturating_add(ALWAYS);
    }

    /// Whether the block at this height, the next one after the window, may be asked for.
    pub(super) fn may_append(&self, route: &impl Route, height: Height) -> bool {
        height <= route.end()
            && (height <= self.room.always || self.have_room(self.window.len() + 1))
    }

    /// Whether a window of so many blocks fits on the disk.
    fn have_room(&self, blocks: usize) -> bool {
        let coming = (blocks - self.room.stored) as u64;
        let bytes = coming.saturating_mul(CAUTION * self.size.bytes());
        self.room.bytes.is_none_or(|room| bytes <= room)
    }

    /// Blocks turned out larger than those before them, or the disk fuller: what was not asked for yet leaves the window's end.
    pub(super) fn trim(&mut self) {
        while !self.have_room(self.window.len())
            && let Some(last) = self.window.back()
            && let Some(wanted) = self.blocks.get(last)
            && wanted.height > self.room.always
            && matches!(wanted.state, State::Open | State::Stored)
        {
            self.room.stored -= usize::from(wanted.state == State::Stored);
            self.open.remove(&wanted.height);
            self.blocks.remove(last);
            self.window.pop_back();
        }
    }

    /// Width of the window in blocks.
    pub(super) fn width(&self) -> usize {
        let by_bytes = usize::try_from(self.limits.window_bytes / self.size.bytes()).unwrap_or(0);
        by_bytes
            .max(NARROWEST)
            .min(self.limits.window_blocks.max(1))
    }
}
