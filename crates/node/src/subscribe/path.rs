//! Which blocks lie between a subscriber and the tip.

use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{BlockHash, Height, RawBlock};

use super::{Cursor, SubscribeError};

/// Where a subscriber is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It has nothing, and begins with the active chain's block at this height, whichever that will be.
    Before(Height),
    /// It has this block and all before it.
    After(Cursor),
}

/// One block further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) height: Height,
    pub(crate) hash: BlockHash,
    pub(crate) parent: BlockHash,
    /// The block leaves the active chain; it joins it otherwise.
    pub(crate) leaves: bool,
    /// The block, once it is read.
    pub(crate) block: Option<RawBlock>,
}

impl Step {
    /// Where a subscriber is that has taken it.
    pub(super) fn cursor(&self) -> Cursor {
        if self.leaves {
            Cursor::before(self.height, self.parent)
        } else {
            Cursor {
                height: self.height,
                hash: self.hash,
            }
        }
    }
}

/// The next steps towards the tip of `view`, `most` at most; none if there is nothing to do but to wait.
pub(super) fn next_steps(
    view: &ChainView,
    place: &Place,
    most: usize,
) -> Result<Vec<Step>, SubscribeError> {
    let step = |leaves: bool| {
        move |id: HeaderId| Step {
            height: view.height(id),
            hash: view.hash(id),
            parent: view.header(id).prev_blockhash,
            leaves,
            block: None,
        }
    };
    let joining = |from: Height| (from..=view.tip_height()).filter_map(|at| view.active_at(at));
    let cursor = match place {
        Place::Before(height) => return Ok(joining(*height).take(most).map(step(false)).collect()),
        Place::After(cursor) => cursor,
    };
    let Some(at) = view.find(&cursor.hash) else {
        // A node that begins anew will hear of it.
        return if cursor.height > view.height(view.best_header()) {
            Ok(Vec::new())
        } else {
            Err(SubscribeError::UnknownCursor(*cursor))
        };
    };
    let fork = view.fork_point(at);
    if fork == view.tip() && at != fork && !view.is_invalid(at) {
        // After a crash the tip can be below what it was: it comes back. Only a block that was found invalid leaves
        // without another in its place.
        return Ok(Vec::new());
    }
    let leaving = view.tree().backwards(at).take_while(|id| *id != fork);
    Ok(leaving
        .map(step(true))
        .chain(joining(view.height(fork) + 1).map(step(false)))
        .take(most)
        .collect())
}
