//! Blocks that were deleted to save space.
//!
//! A block of the active chain stays what it was, but for its bytes: what builds on it is still complete. A block of another
//! branch would have to be connected if that branch were to become the active chain, so that the branch is not complete any
//! more: it is no candidate until the block is fetched again.

use tipward_primitives::BlockHash;

use crate::status::Status;
use crate::{Chain, HeaderId};

impl Chain {
    /// Notes that these blocks are not on the disk any more. Returns whether the candidate changed.
    pub fn mark_pruned(&mut self, hashes: &[BlockHash]) -> bool {
        let mut candidate_lost = false;
        for hash in hashes {
            let Some(id) = self.find(hash).filter(|id| self.is_stored(*id)) else {
                continue;
            };
            self.status_mut(id).unset(Status::STORED);
            if self.is_active(id) {
                let height = self.height(id);
                self.view.pruned = self.view.pruned.max(height + 1);
            } else {
                candidate_lost |= self.unlink(id);
            }
        }
        candidate_lost && self.choose_candidate()
    }

    /// The way to this block, and to all that build on it, is not complete any more. Returns whether the candidate was among
    /// them.
    fn unlink(&mut self, id: HeaderId) -> bool {
        let mut found = false;
        let mut unlinked = vec![id];
        while let Some(id) = unlinked.pop() {
            if !self.is_linked(id) || self.is_active(id) {
                continue;
            }
            self.status_mut(id).unset(Status::LINKED);
            found |= id == self.candidate;
            unlinked.extend(self.children(id));
        }
        found
    }
}

#[cfg(test)]
mod tests;
