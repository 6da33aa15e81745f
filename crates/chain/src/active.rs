//! How the active chain follows what is stored and what is found invalid.

use std::cmp::Reverse;
use std::collections::VecDeque;

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
    /// Notes that a block's body was checked without coins and is in a block file. `transactions` is their number.
    ///
    /// Blocks may come in any order. If this one completes a chain with more work than the active one, the tip moves to
    /// the end of it. On average over all blocks it costs the same however far ahead of the tip they come: each block is
    /// linked once, when the last one before it is stored, and that one finds it through the tree.
    ///
    /// A block that is not in the tree, or stored already, changes nothing.
    pub fn mark_stored(&mut self, hash: &BlockHash, transactions: u32) -> Option<TipChange> {
        let id = self.find(hash)?;
        if self.is_stored(id) {
            return None;
        }
        let status = self.status_mut(id);
        status.set(Status::STORED);
        status.transactions = transactions;

        let parent = self.tree().parent(id)?;
        if !self.is_linked(parent) {
            return None;
        }
        let best = self.link_from(id);
        self.activate(best)
    }

    /// Notes that a block breaks a rule, and with it all that builds on it. If it is part of the active chain, or the best
    /// header builds on it, the best of the others take their place.
    ///
    /// A block that is not in the tree, and the genesis block, cannot be marked.
    pub fn mark_invalid(&mut self, hash: &BlockHash) -> Option<TipChange> {
        let id = self.find(hash).filter(|id| *id != HeaderId::GENESIS)?;
        self.status_mut(id).set(Status::FAILED);
        let mut descendants: Vec<HeaderId> = self.children(id).collect();
        while let Some(descendant) = descendants.pop() {
            // A mark that is there already covers all that builds on it.
            if !self.view.status[descendant.at()].has(Status::FAILED_ANCESTOR) {
                self.status_mut(descendant).set(Status::FAILED_ANCESTOR);
                descendants.extend(self.children(descendant));
            }
        }
        if self.is_invalid(self.best_header) {
            self.view.best_header = self.find_best_header();
        }
        let tip = self.tip();
        if self.is_invalid(tip) {
            let best = self.find_best_candidate();
            self.activate(best)
        } else {
            None
        }
    }

    /// Links `id`, whose parent is linked, and all stored blocks that only waited for it. Returns the one of them that
    /// should be the tip: it or, if none of them has more work, the present tip.
    fn link_from(&mut self, id: HeaderId) -> HeaderId {
        let mut best = self.tip();
        let mut next = Some(id);
        // Those whose parents are linked, nearest first.
        let mut ready = VecDeque::new();
        while let Some(id) = next {
            let before = self
                .tree()
                .parent(id)
                .and_then(|parent| self.chain_transactions(parent))
                .unwrap_or(0);
            let status = self.status_mut(id);
            status.set(Status::LINKED);
            status.chain_transactions = before.saturating_add(u64::from(status.transactions));
            let valid = status.is_valid();
            self.links[id.at()].turn = self.linked;
            self.linked = self.linked.saturating_add(1);
            if valid && self.entry(id).chainwork() > self.entry(best).chainwork() {
                best = id;
            }
            let at = ready.len();
            ready.extend(self.children(id).filter(|child| self.is_stored(*child)));
            // First seen first.
            ready.make_contiguous()[at..].reverse();
            next = ready.pop_front();
        }
        best
    }

    /// Makes `tip` the active chain's tip.
    fn activate(&mut self, tip: HeaderId) -> Option<TipChange> {
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

    fn find_best_header(&self) -> HeaderId {
        let is_valid = |id: HeaderId| !self.is_invalid(id);
        self.ends_where(is_valid)
            .max_by_key(|id| (self.entry(*id).chainwork(), Reverse(*id)))
            .unwrap_or(HeaderId::GENESIS)
    }

    fn find_best_candidate(&self) -> HeaderId {
        let is_candidate = |id: HeaderId| self.view.status[id.at()].is_candidate();
        self.ends_where(is_candidate)
            .max_by_key(|id| {
                (
                    self.entry(*id).chainwork(),
                    Reverse(self.links[id.at()].turn),
                )
            })
            .unwrap_or(HeaderId::GENESIS)
    }

    /// For each branch the last header up to which all are as wanted.
    fn ends_where(&self, holds: impl Fn(HeaderId) -> bool) -> impl Iterator<Item = HeaderId> {
        self.view
            .leaves
            .iter()
            .filter_map(move |leaf| self.tree().last_where(*leaf, &holds))
    }

    fn status_mut(&mut self, id: HeaderId) -> &mut Status {
        self.view
            .status
            .get_mut(id.at())
            .expect("every header of the tree has a status")
    }

    fn block_ref(&self, id: HeaderId) -> BlockRef {
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
