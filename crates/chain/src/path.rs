use tipward_primitives::{BlockHash, Height};

use crate::{ChainView, HeaderId};

/// Headers looked up at a time on the way to a far one.
const STRETCH: Height = 128;

/// A block that is still to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingBlock {
    /// Its number in the tree.
    pub id: HeaderId,
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
}

impl ChainView {
    /// Height of the first block on the way to `target` that is not stored; one above `target` if all are.
    ///
    /// Takes a few dozen steps, however long the way is.
    pub fn first_missing(&self, target: HeaderId) -> Height {
        self.tree
            .last_where(target, |id| self.is_linked(id))
            .map_or(0, |last| self.height(last) + 1)
    }

    /// The blocks not yet stored on the way from the genesis block to `target`, in height order from height `from` on.
    ///
    /// Lazy: it looks at a stretch of headers at a time, so that taking the first few on the way to a header 900,000 blocks
    /// ahead costs as little as on the way to a near one. What lies before [`ChainView::first_missing`] is never looked at.
    pub fn missing(&self, target: HeaderId, from: Height) -> impl Iterator<Item = MissingBlock> {
        Path::new(self, target, from.max(self.first_missing(target)))
            .filter(|id| !self.is_stored(*id))
            .map(|id| MissingBlock {
                id,
                hash: self.hash(id),
                height: self.height(id),
            })
    }

    /// Every header on the way from the genesis block to `target`, in height order from height `from` on; lazy.
    pub fn path(&self, target: HeaderId, from: Height) -> impl Iterator<Item = HeaderId> {
        Path::new(self, target, from)
    }
}

/// Walks a branch upwards. The tree only links downwards, so that a stretch is collected from its far end and then given
/// out the other way round.
struct Path<'a> {
    view: &'a ChainView,
    target: HeaderId,
    target_height: Height,
    /// Where the next stretch begins.
    next: Height,
    /// What is left of this one, highest first.
    stretch: Vec<HeaderId>,
}

impl<'a> Path<'a> {
    fn new(view: &'a ChainView, target: HeaderId, from: Height) -> Self {
        Self {
            view,
            target,
            target_height: view.height(target),
            next: from,
            stretch: Vec::new(),
        }
    }
}

impl Iterator for Path<'_> {
    type Item = HeaderId;

    fn next(&mut self) -> Option<HeaderId> {
        if self.stretch.is_empty() && self.next <= self.target_height {
            let last = self
                .target_height
                .min(self.next.saturating_add(STRETCH - 1));
            let tree = &self.view.tree;
            let end = tree.ancestor(self.target, last)?;
            let count = (last - self.next + 1) as usize;
            self.stretch.extend(tree.backwards(end).take(count));
            self.next = last + 1;
        }
        self.stretch.pop()
    }
}

#[cfg(test)]
mod tests;
