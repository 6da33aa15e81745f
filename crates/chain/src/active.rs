//! The active chain: what validation has committed.

use tipward_primitives::{BlockHash, Height};

use crate::status::Status;
use crate::{Chain, HeaderId};

/// The active chain's tip moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TipChange {
    /// The blocks that left the active chain, the old tip first.
    pub disconnected: Vec<BlockRef>,
    /// The blocks that joined it, the new tip last.
    pub connected: Vec<BlockRef>,
}

/// A block of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Its number in the tree.
    pub id: HeaderId,
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
}

impl Chain {
    /// Notes that validation has connected and committed the chain that ends at this block; it is the active chain from
    /// now on. `None` if it was before, and for a block that is not stored with all before it.
    pub fn set_tip(&mut self, hash: &BlockHash) -> Option<TipChange> {
        let tip = self.find(hash).filter(|id| self.is_linked(*id))?;
        let old = self.tip();
        if tip == old {
            return None;
        }
        let joining: Vec<HeaderId> = self
            .tree()
            .backwards(tip)
            .take_while(|id| !self.is_active(*id))
            .collect();
        let first_height = self.height(tip) + 1 - joining.len() as Height;
        let change = TipChange {
            disconnected: (first_height..=self.height(old))
                .rev()
                .filter_map(|height| self.active_at(height))
                .map(|id| self.block_ref(id))
                .collect(),
            connected: joining.iter().rev().map(|id| self.block_ref(*id)).collect(),
        };
        self.view.active.truncate(first_height as usize);
        for id in joining.into_iter().rev() {
            self.view.active.push(id);
            self.status_mut(id).set(Status::WAS_ACTIVE);
        }
        Some(change)
    }

    /// [`Chain::set_tip`] for the tip that an earlier run committed. As in Bitcoin Core its chain counts as complete before
    /// any other: a restart does not change sides between branches with the same work.
    pub fn restore_tip(&mut self, hash: &BlockHash) -> Option<TipChange> {
        let change = self.set_tip(hash);
        for block in change.iter().flat_map(|change| &change.connected) {
            self.links[block.id.at()].turn = 0;
        }
        self.choose_candidate();
        change
    }

    /// Notes that a stored block was part of the active chain in an earlier run, so that it is no stranger in this one
    /// ([`ChainView::is_validated`](crate::ChainView::is_validated)).
    pub fn mark_validated(&mut self, hash: &BlockHash) {
        if let Some(id) = self.find(hash).filter(|id| self.is_linked(*id)) {
            self.status_mut(id).set(Status::WAS_ACTIVE);
        }
    }

    pub(crate) fn block_ref(&self, id: HeaderId) -> BlockRef {
        let entry = self.entry(id);
        BlockRef {
            id,
            hash: entry.hash(),
            height: entry.height(),
        }
    }
}

#[cfg(test)]
mod tests;
