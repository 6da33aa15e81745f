//! How far each step of validation is, and the one ordering that holds among them:
//!
//! ```text
//! flushed <= verified <= connected <= stored without a gap <= best header
//! ```
//!
//! `flushed` is the last block of the connected chain that the coins on disk contain. While the chain is being
//! disconnected below the block of which the coins on disk are, that is the block below.

use tipward_chain::{BlockRef, ChainView, Fault, HeaderId};

use crate::faults::lasting;

/// The steps of validation, each with the last block that it has done.
#[derive(Clone, Debug)]
pub(crate) struct Frontiers {
    flushed: BlockRef,
    verified: BlockRef,
    connected: BlockRef,
}

impl Frontiers {
    /// All at the block of which the coins on disk are.
    pub(crate) fn new(tip: BlockRef) -> Self {
        Self {
            flushed: tip,
            verified: tip,
            connected: tip,
        }
    }

    /// Up to here the coins on disk contain the connected chain.
    pub(crate) fn flushed(&self) -> BlockRef {
        self.flushed
    }

    /// Up to here every rule was checked.
    pub(crate) fn verified(&self) -> BlockRef {
        self.verified
    }

    /// Up to here every rule but scripts was checked, and the coins in memory are those after this block.
    pub(crate) fn connected(&self) -> BlockRef {
        self.connected
    }

    /// A block on top was connected.
    pub(crate) fn connect(&mut self, block: BlockRef, view: &ChainView) -> Result<(), Fault> {
        let follows = view.tree().parent(block.id) == Some(self.connected.id);
        self.connected = block;
        self.hold(view, follows)
    }

    /// The scripts of the next block are verified, and its undo data is written.
    pub(crate) fn verify(&mut self, block: BlockRef, view: &ChainView) -> Result<(), Fault> {
        let follows = view.tree().parent(block.id) == Some(self.verified.id);
        self.verified = block;
        self.hold(view, follows)
    }

    /// The last connected block, whose scripts are not verified, was taken back.
    pub(crate) fn roll_back(&mut self, view: &ChainView) -> Result<(), Fault> {
        let follows = self.connected.height > self.verified.height;
        self.connected = parent_of(self.connected, view);
        self.hold(view, follows)
    }

    /// The last verified block was disconnected.
    pub(crate) fn disconnect(&mut self, view: &ChainView) -> Result<(), Fault> {
        let follows = self.connected == self.verified;
        self.verified = parent_of(self.verified, view);
        self.connected = self.verified;
        if self.flushed.height > self.verified.height {
            self.flushed = self.verified;
        }
        self.hold(view, follows)
    }

    /// The coins on disk are those after `block` now, which was verified when they were frozen.
    pub(crate) fn flush(&mut self, block: BlockRef, view: &ChainView) -> Result<(), Fault> {
        let tree = view.tree();
        let fork = tree.last_common_ancestor(block.id, self.verified.id);
        self.flushed = block_ref(fork, view);
        self.hold(view, true)
    }

    fn hold(&self, view: &ChainView, follows: bool) -> Result<(), Fault> {
        let holds = follows
            && self.flushed.height <= self.verified.height
            && self.verified.height <= self.connected.height
            && view.is_linked(self.connected.id);
        debug_assert!(
            holds && view.tree().is_ancestor(self.flushed.id, self.verified.id),
            "{self:?}"
        );
        debug_assert!(
            view.tree().is_ancestor(self.verified.id, self.connected.id),
            "{self:?}"
        );
        if holds {
            return Ok(());
        }
        Err(lasting(format!(
            "the steps of validation are out of order, which is a bug of ours: flushed {}, verified {}, connected {} at \
             height {}",
            self.flushed.height, self.verified.height, self.connected.hash, self.connected.height
        )))
    }
}

/// A block with its hash and height.
pub(crate) fn block_ref(id: HeaderId, view: &ChainView) -> BlockRef {
    BlockRef {
        id,
        hash: view.hash(id),
        height: view.height(id),
    }
}

fn parent_of(block: BlockRef, view: &ChainView) -> BlockRef {
    let parent = view.tree().parent(block.id).unwrap_or(HeaderId::GENESIS);
    block_ref(parent, view)
}
