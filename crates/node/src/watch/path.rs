//! Bytes of all blocks on the way to one of them, kept up while that moves.

use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{BlockHash, Height};

/// A block, and the bytes of it and all before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    at: HeaderId,
    bytes: u64,
}

/// What a move was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Blocks that came.
    pub(super) blocks: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Path {
    /// At the genesis block, which nobody downloads.
    pub(super) fn new() -> Self {
        Self {
            at: HeaderId::GENESIS,
            bytes: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Goes to another block: back to where the ways part, and on from there. It costs one look-up for each block on the
    /// way, and `size_of` must say the same of a block each time.
    pub(super) fn go_to(
        &mut self,
        view: &ChainView,
        to: HeaderId,
        size_of: impl Fn(&BlockHash, Height) -> u64,
    ) -> Moved {
        let fork = view.tree().last_common_ancestor(self.at, to);
        let sum = |from: HeaderId| {
            let mut moved = Moved::default();
            for id in view.tree().backwards(from).take_while(|id| *id != fork) {
                moved.blocks += 1;
                moved.bytes += size_of(&view.hash(id), view.height(id));
            }
            moved
        };
        let back = sum(self.at);
        let on = sum(to);
        self.bytes = self.bytes.saturating_sub(back.bytes) + on.bytes;
        self.at = to;
        on
    }
}
