//! Which blocks lie between a subscriber and the tip.

use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{BlockHash, Height};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) height: Height,
    pub(super) hash: BlockHash,
    /// The block leaves the active chain; it joins it otherwise.
    pub(super) leaves: bool,
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
            leaves,
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
