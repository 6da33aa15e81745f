//! Holds what is on disk against itself: blocks, undo data and coins of the active chain's end.
//!
//! ```text
//!   tip ──▶ back, block by block                                   ──▶ forward to the tip
//!           0 read it                                                   4 connect it again in memory, scripts too
//!           1 and check all that needs no coins
//!           2 and read what it spent
//!           3 and disconnect it in memory
//! ```
//!
//! Nothing is changed: coins are those of a snapshot, with the changes beside them in an [`Overlay`].

mod connect;
mod disconnect;
mod overlay;

use std::fmt;

use tipward_chain::{ChainView, HeaderId};
use tipward_consensus::{ParsedBlock, Reject, check_block};
use tipward_primitives::Height;

use crate::{Backend, BlockUndo, CoinSet, SubmitError};
use overlay::Overlay;

/// The most thorough level.
pub(crate) const MAX_LEVEL: u32 = 4;

/// Changed coins that are kept in memory at most, for levels 3 and 4: about 200 MB.
const MAX_CHANGES: usize = 1_000_000;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Problem {
    height: Height,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}: {}", self.height, self.what)
    }
}

/// How the verification ended.
#[derive(Debug)]
pub(crate) enum Verified {
    /// All is well.
    Whole,
    /// So many blocks would take too much memory at this level.
    TooMany,
    /// It was told to stop.
    Stopped,
    /// Something is wrong.
    Damaged(Problem),
}

/// Verifies up to `blocks` blocks (0 for all) below and at the tip of `coins`, at a level up to [`MAX_LEVEL`].
pub(crate) fn verify(
    node: &dyn Backend,
    view: &ChainView,
    coins: &dyn CoinSet,
    level: u32,
    blocks: Height,
    stop: &dyn Fn() -> bool,
) -> Verified {
    let Some(tip) = view.find(&coins.tip()) else {
        return Verified::Damaged(Problem {
            height: view.tip_height(),
            what: format!("the coins are those of an unknown block, {}", coins.tip()),
        });
    };
    let height = view.height(tip);
    let count = match blocks {
        1.. if blocks < height => blocks,
        _ => height,
    };
    let mut chain: Vec<HeaderId> = view.tree().backwards(tip).take(count as usize).collect();
    let mut overlay = Overlay::new(coins);
    let verifier = Verifier { node, view, level };
    for id in &chain {
        if stop() {
            return Verified::Stopped;
        }
        if overlay.len() > MAX_CHANGES {
            return Verified::TooMany;
        }
        if let Err(what) = verifier.back(*id, &mut overlay) {
            return verifier.damaged(*id, what);
        }
    }
    if level >= 4 {
        chain.reverse();
        for id in &chain {
            if stop() {
                return Verified::Stopped;
            }
            if let Err(what) = verifier.forward(*id, &mut overlay) {
                return verifier.damaged(*id, what);
            }
        }
    }
    Verified::Whole
}

struct Verifier<'a> {
    node: &'a dyn Backend,
    view: &'a ChainView,
    level: u32,
}

impl Verifier<'_> {
    fn damaged(&self, id: HeaderId, what: String) -> Verified {
        Verified::Damaged(Problem {
            height: self.view.height(id),
            what,
        })
    }

    fn read(&self, id: HeaderId) -> Result<ParsedBlock, String> {
        let hash = self.view.hash(id);
        match self.node.read_block(&hash) {
            Ok(Some(raw)) if raw.block_hash() == hash => {
                ParsedBlock::parse(raw).map_err(|error| error.to_string())
            }
            Ok(Some(raw)) => Err(format!("its file holds {} instead", raw.block_hash())),
            Ok(None) => Err("it is not stored".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn read_undo(&self, id: HeaderId) -> Result<BlockUndo, String> {
        match self.node.read_undo(&self.view.hash(id)) {
            Ok(Some(undo)) => Ok(undo),
            Ok(None) => Err("there is no undo data".into()),
            Err(fault) => Err(fault.what),
        }
    }

    fn back(&self, id: HeaderId, overlay: &mut Overlay<'_>) -> Result<(), String> {
        let block = self.read(id)?;
        if self.level >= 1 {
            let raw = block.raw().clone();
            check_block(&self.view.context(id), raw).map_err(|reject| reject.to_string())?;
        }
        if self.level >= 2 {
            let undo = self.read_undo(id)?;
            if self.level >= 3 {
                disconnect::disconnect(&block, undo, &self.view.context(id), overlay)?;
            }
        }
        Ok(())
    }

    fn forward(&self, id: HeaderId, overlay: &mut Overlay<'_>) -> Result<(), String> {
        let block = self.read(id)?;
        let context = self.view.context(id);
        let median_time_past_at = |height| {
            let ancestor = self.view.tree().ancestor(id, height);
            ancestor.map_or(0, |ancestor| self.view.median_time_past(ancestor))
        };
        let spent = connect::connect(&block, &context, overlay, median_time_past_at)?;
        self.node
            .check_scripts(block.raw(), &spent, context.script_flags)
            .map_err(|error| match error {
                SubmitError::Refused(reject) => reject.to_string(),
                SubmitError::Failed(fault) => fault.what,
            })
    }
}

/// A broken rule, for people.
fn broken(reject: Reject) -> String {
    reject.to_string()
}
