//! Which blocks the files hold, by the header tree, and in which order to take them.
//!
//! Blocks may lie in any order. The first pass takes headers alone: one whose parent is not known yet waits until that
//! comes. So when the second pass begins, every header is in the tree, and bodies can be fed in the order of heights.
//!
//! # Bounds
//! 24 bytes for each block, and about 200 for each one that waits for its parent, in a chain that lies the wrong way
//! round: 200 MB for a million of them.

use std::collections::{HashMap, HashSet};

use tipward_chain::{ChainView, HeaderId};
use tipward_consensus::{Reject, RejectKind};
use tipward_primitives::{BlockHash, Header, Timestamp};

use super::frames::Frame;
use crate::offline::Offline;

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Number of the file.
    pub(super) file: u32,
    pub(super) size: u32,
    pub(super) offset: u64,
}

/// What the first pass found.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    found: Vec<(HeaderId, Spot)>,
    /// Headers whose parents are not known, by these.
    orphans: HashMap<BlockHash, Vec<(Header, Spot)>>,
    /// Blocks that are known as invalid, or build on one.
    pub(super) invalid: u64,
    /// Headers that break a rule, and the first of them.
    pub(super) refused: u64,
    pub(super) first_refused: Option<(BlockHash, Reject)>,
}

/// A block to feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) id: HeaderId,
    pub(super) spot: Spot,
    /// It can be connected when all that the files hold is stored; others are only stored.
    pub(super) connects: bool,
}

/// What the second pass has to do.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By height, the best chain's block first.
    pub(super) items: Vec<Item>,
    /// Where further copies lie of blocks that lie in the files more than once, the last first.
    pub(super) spare: HashMap<HeaderId, Vec<Spot>>,
    /// Blocks that are stored already.
    pub(super) known: u64,
    /// Bytes of what is stored and can be connected before or among the items.
    pub(super) waiting: u64,
}

impl Catalog {
    /// Takes a frame's header, and those that waited for it.
    pub(super) fn add(&mut self, node: &mut Offline, file: u32, frame: &Frame, now: Timestamp) {
        let spot = Spot {
            file,
            size: frame.size,
            offset: frame.offset,
        };
        let mut ready = vec![(frame.header, spot)];
        while let Some((header, spot)) = ready.pop() {
            match node.accept_header(&header, now) {
                Ok(accepted) => {
                    self.found.push((accepted.id, spot));
                    if !self.orphans.is_empty() {
                        let freed = self.orphans.remove(&accepted.hash).unwrap_or_default();
                        ready.extend(freed.into_iter().rev());
                    }
                }
                Err(reject) => self.refuse(header, spot, reject),
            }
        }
    }

    fn refuse(&mut self, header: Header, spot: Spot, reject: Reject) {
        match reject.kind {
            RejectKind::MissingPrev => {
                let waiting = self.orphans.entry(header.prev_blockhash).or_default();
                waiting.push((header, spot));
            }
            RejectKind::CachedInvalid | RejectKind::InvalidPrev => self.invalid += 1,
            _ => {
                self.refused += 1;
                self.first_refused
                    .get_or_insert_with(|| (header.block_hash(), reject));
            }
        }
    }

    /// Blocks whose headers are in the tree.
    pub(super) fn found(&self) -> usize {
        self.found.len()
    }

    /// Blocks that build on none that is known, and one that is missing for it.
    pub(super) fn orphans(&self) -> (usize, Option<BlockHash>) {
        let headers = self.orphans.values().flatten();
        let waiting: HashSet<BlockHash> = headers.map(|(header, _)| header.block_hash()).collect();
        // Always the same one, for who compares two runs.
        let missing = self.orphans.keys().filter(|hash| !waiting.contains(*hash));
        let count = self.orphans.values().map(Vec::len).sum();
        (count, missing.min().copied())
    }

    /// What is to be fed, in what order. The headers that wait are let go.
    pub(super) fn plan(self, view: &ChainView, size_of: impl Fn(&BlockHash) -> u64) -> Plan {
        drop(self.orphans);
        let mut plan = Plan::default();
        let mut found = self.found;
        found.retain(|(id, _)| {
            // What was deleted to save space has done its service.
            let known = view.is_stored(*id) || (view.is_pruned(*id) && view.is_active(*id));
            // Everybody has the genesis block.
            plan.known += u64::from(known && *id != HeaderId::GENESIS);
            !known && !view.is_invalid(*id)
        });
        let best = view.best_header();
        let is_best = |id: HeaderId| view.tree().is_ancestor(id, best);
        // The sort is stable: of several copies the first in the files comes first.
        found.sort_by_cached_key(|(id, _)| (view.height(*id), !is_best(*id), *id));
        for (id, spot) in found {
            match plan.items.last() {
                Some(last) if last.id == id => plan.spare.entry(id).or_default().push(spot),
                _ => plan.items.push(Item {
                    id,
                    spot,
                    connects: false,
                }),
            }
        }
        for copies in plan.spare.values_mut() {
            copies.reverse();
        }
        plan.note_what_connects(view, size_of);
        plan
    }

    #[cfg(test)]
    pub(super) fn of(found: Vec<(HeaderId, Spot)>) -> Self {
        Self {
            found,
            ..Self::default()
        }
    }
}

impl Plan {
    /// Walks from where the active chain and the best header's part to the first block that is neither stored nor in the
    /// files.
    fn note_what_connects(&mut self, view: &ChainView, size_of: impl Fn(&BlockHash) -> u64) {
        let best = view.best_header();
        let fork = view.height(view.fork_point(best));
        let mut items = self.items.iter_mut().peekable();
        for id in view.path(best, fork + 1) {
            let height = view.height(id);
            while items
                .next_if(|item| view.height(item.id) < height)
                .is_some()
            {}
            if view.is_stored(id) {
                self.waiting += size_of(&view.hash(id));
            } else if let Some(item) = items.next_if(|item| item.id == id) {
                item.connects = true;
            } else {
                return;
            }
        }
    }

    /// Bytes of all items.
    pub(super) fn bytes(&self) -> u64 {
        self.items
            .iter()
            .map(|item| u64::from(item.spot.size))
            .sum()
    }
}

#[cfg(test)]
mod tests;
