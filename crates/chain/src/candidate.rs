//! Where the active chain should go: how the candidate follows what is stored, what is found invalid, and what the user says.

use std::cmp::Reverse;
use std::collections::VecDeque;

use tipward_primitives::{BlockHash, Work};

use crate::status::Status;
use crate::{BlockMark, Chain, HeaderId};

impl Chain {
    /// Notes that a block's body was checked without coins and is in a block file. `transactions` is their number. Returns
    /// whether the candidate changed.
    ///
    /// Blocks may come in any order. If this one completes a chain with more work than the candidate's, the end of that is
    /// the candidate. On average over all blocks it costs the same however far ahead of the tip they come: each block is
    /// linked once, when the last one before it is stored, and that one finds it through the tree.
    ///
    /// A block that is not in the tree, or stored already, changes nothing.
    pub fn mark_stored(&mut self, hash: &BlockHash, transactions: u32) -> bool {
        let Some(id) = self.find(hash).filter(|id| !self.is_stored(*id)) else {
            return false;
        };
        let status = self.status_mut(id);
        status.set(Status::STORED);
        status.transactions = transactions;
        if status.has(Status::LINKED) {
            // It was deleted from its file, and is back.
            return false;
        }
        // Until it is linked, its turn in being stored.
        self.links[id.at()].turn = self.next_turn();
        let Some(parent) = self.tree().parent(id) else {
            return false;
        };
        self.is_linked(parent) && self.link_from(id)
    }

    fn next_turn(&mut self) -> i32 {
        let turn = self.turns;
        self.turns = turn.saturating_add(1);
        turn
    }

    /// Notes that a block breaks a rule, and with it all that builds on it. If the candidate or the best header is among
    /// them, the best of the others takes its place. The active chain stays as it is until validation has left the block
    /// ([`Chain::set_tip`]). Returns whether candidate or best header changed.
    ///
    /// A block that is not in the tree, and the genesis block, cannot be marked.
    pub fn mark_invalid(&mut self, hash: &BlockHash) -> bool {
        let Some(id) = self.find(hash).filter(|id| *id != HeaderId::GENESIS) else {
            return false;
        };
        let mut failed = vec![id];
        while let Some(id) = failed.pop() {
            // A mark that is there already covers all that builds on it.
            if !self.is_invalid(id) {
                self.status_mut(id).set(Status::FAILED);
                failed.extend(self.children(id));
            }
        }
        let best_header = self.is_invalid(self.best_header) && self.choose_best_header();
        let candidate = self.is_invalid(self.candidate) && self.choose_candidate();
        best_header || candidate
    }

    /// Takes back that a block, what it builds on and what builds on it are invalid, and chooses candidate and best header
    /// anew. Returns whether one of them changed.
    ///
    /// As in Bitcoin Core, whose marks are on every block for itself: a branch that leaves the block's way further down,
    /// and became invalid together with it, stays so.
    pub fn reconsider(&mut self, hash: &BlockHash) -> bool {
        let Some(id) = self.find(hash) else {
            return false;
        };
        if let Some(first) = self.first_invalid(id) {
            let before = (self.height(id) - self.height(first)) as usize;
            let way: Vec<HeaderId> = self.tree().backwards(id).skip(1).take(before).collect();
            for id in way {
                self.status_mut(id).unset(Status::FAILED);
            }
        }
        let mut pardoned = vec![id];
        while let Some(id) = pardoned.pop() {
            if self.is_invalid(id) {
                self.status_mut(id).unset(Status::FAILED);
            }
            pardoned.extend(self.children(id));
        }
        let best_header = self.choose_best_header();
        let candidate = self.choose_candidate();
        best_header || candidate
    }

    /// What is to be kept for the next run if this block is reconsidered now: applied in this order to the tree as it is
    /// then, with whatever headers came in between, these marks come to the same as [`Chain::reconsider`] does now.
    pub fn marks_of_reconsidering(&self, hash: &BlockHash) -> Vec<(BlockHash, BlockMark)> {
        let Some(id) = self.find(hash) else {
            return Vec::new();
        };
        let Some(first) = self.first_invalid(id) else {
            return vec![(*hash, BlockMark::Reconsidered)];
        };
        let mut marks = vec![(self.hash(first), BlockMark::Reconsidered)];
        let mut next = id;
        while next != first {
            let Some(parent) = self.tree().parent(next) else {
                break;
            };
            let beside = self.children(parent).filter(|child| *child != next);
            marks.extend(beside.map(|child| (self.hash(child), BlockMark::Invalid)));
            next = parent;
        }
        marks
    }

    /// Prefers a block to all others with the same work, as if it had been complete first. Returns whether the candidate
    /// changed.
    ///
    /// As Bitcoin Core's `preciousblock`: it does nothing for a block with less work than the candidate; a later preference
    /// beats an earlier one; and it ends when another block brings more work.
    pub fn precious(&mut self, hash: &BlockHash) -> bool {
        let best = self.entry(self.candidate).chainwork();
        let Some(id) = self.find(hash).filter(|id| self.is_linked(*id)) else {
            return false;
        };
        if self.entry(id).chainwork() < best {
            return false;
        }
        if best > self.last_precious_work {
            self.next_precious = -1;
        }
        self.last_precious_work = best;
        self.links[id.at()].turn = self.next_precious;
        self.next_precious = self.next_precious.saturating_sub(1);
        self.choose_candidate()
    }

    /// Links `id`, whose parent is linked, and all stored blocks that only waited for it. Returns whether one of them is
    /// the candidate now.
    fn link_from(&mut self, id: HeaderId) -> bool {
        let before = self.candidate;
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
            self.links[id.at()].turn = self.next_turn();
            if valid && self.rank(id) > self.rank(self.candidate) {
                self.view.candidate = id;
            }
            let at = ready.len();
            ready.extend(self.children(id).filter(|child| self.is_stored(*child)));
            // First stored first, as in Bitcoin Core, whatever the order of the headers.
            ready.make_contiguous()[at..].sort_unstable_by_key(|id| self.links[id.at()].turn);
            next = ready.pop_front();
        }
        self.candidate != before
    }

    /// What decides between two blocks that could be the candidate: the greater one wins.
    fn rank(&self, id: HeaderId) -> (Work, Reverse<(i32, HeaderId)>) {
        let turn = self.links[id.at()].turn;
        (self.entry(id).chainwork(), Reverse((turn, id)))
    }

    /// Chooses anew, and returns whether that changed anything.
    pub(crate) fn choose_candidate(&mut self) -> bool {
        let is_candidate = |id: HeaderId| self.view.status[id.at()].is_candidate();
        let best = self
            .ends_where(is_candidate)
            .max_by_key(|id| self.rank(*id))
            .unwrap_or(HeaderId::GENESIS);
        std::mem::replace(&mut self.view.candidate, best) != best
    }

    /// Chooses anew, and returns whether that changed anything. Of several with the same work the active chain's is
    /// preferred, as in Bitcoin Core, then the first seen.
    fn choose_best_header(&mut self) -> bool {
        let is_valid = |id: HeaderId| !self.is_invalid(id);
        let active = self.tree().last_where(self.tip(), is_valid);
        let best = self
            .ends_where(is_valid)
            .chain(active)
            .max_by_key(|id| {
                let work = self.entry(*id).chainwork();
                (work, Some(*id) == active, Reverse(*id))
            })
            .unwrap_or(HeaderId::GENESIS);
        std::mem::replace(&mut self.view.best_header, best) != best
    }

    /// For each branch the last header up to which all are as wanted.
    fn ends_where(&self, holds: impl Fn(HeaderId) -> bool) -> impl Iterator<Item = HeaderId> {
        self.view
            .leaves
            .iter()
            .filter_map(move |leaf| self.tree().last_where(*leaf, &holds))
    }

    pub(crate) fn status_mut(&mut self, id: HeaderId) -> &mut Status {
        self.view
            .status
            .get_mut(id.at())
            .expect("every header of the tree has a status")
    }
}

#[cfg(test)]
mod tests;
