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

use tipward_chain::{ChainView, Fault, HeaderId};
use tipward_consensus::{ParsedBlock, Reject, ScriptFlags, check_block};
use tipward_primitives::{BlockHash, Height, RawBlock};
use tipward_store::StoreError;

use crate::{Backend, BlockUndo, CoinSet, SubmitError};
use overlay::Overlay;

/// The most thorough level.
pub const MAX_LEVEL: u32 = 4;

/// Changed coins that are kept in memory at most, for levels 3 and 4: about 200 MB.
pub const MAX_CHANGES: usize = 1_000_000;

/// Where blocks and undo data are read, and scripts are run: a node, or a data directory without one.
pub trait Ground: Sync {
    /// Reads a stored block; `None` if it is not stored.
    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError>;

    /// Reads what a block spends; `None` if there is no undo data of it.
    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault>;

    /// Runs all scripts of a block with the coins that it spends, and checks a signet's block solution.
    fn check_scripts(
        &self,
        block: &RawBlock,
        spent: &BlockUndo,
        flags: ScriptFlags,
    ) -> Result<(), SubmitError>;
}

/// What is wrong, and where.
#[derive(Clone, Debug)]
pub struct Damage {
    /// Height of the block at which it shows.
    pub height: Height,
    /// What of it is damaged.
    pub part: Part,
    /// What is wrong.
    pub what: String,
}

/// What can be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The block itself.
    Block,
    /// What it spent.
    Undo,
    /// The coins, or the undo data, which says other than they do.
    Coins,
}

impl fmt::Display for Damage {
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
    Damaged(Damage),
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
        return Verified::Damaged(Damage {
            height: view.tip_height(),
            part: Part::Coins,
            what: format!("the coins are those of an unknown block, {}", coins.tip()),
        });
    };
    let height = view.height(tip);
    let count = match blocks {
        1.. if blocks < height => blocks,
        _ => height,
    };
    // What was deleted to save space cannot be verified; as in Core the rest is all that there is.
    let chain: Vec<HeaderId> = view
        .tree()
        .backwards(tip)
        .take(count as usize)
        .take_while(|id| !view.is_pruned(*id))
        .collect();
    let ground = &OfNode(node);
    let verifier = Verifier {
        ground,
        view,
        level,
    };
    let mut coin_check = CoinCheck::new(&verifier, coins);
    for id in &chain {
        if stop() {
            return Verified::Stopped;
        }
        if coin_check.changes() > MAX_CHANGES {
            return Verified::TooMany;
        }
        let gone_back = match level {
            0..3 => verifier.block(*id),
            3.. => coin_check.back(*id),
        };
        if let Err(damage) = gone_back {
            return Verified::Damaged(damage);
        }
    }
    if level >= 4 {
        for id in chain.into_iter().rev() {
            if stop() {
                return Verified::Stopped;
            }
            if let Err(damage) = coin_check.forward(id) {
                return Verified::Damaged(damage);
            }
        }
    }
    Verified::Whole
}

/// The files of a running node.
struct OfNode<'a>(&'a dyn Backend);

impl Ground for OfNode<'_> {
    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        self.0.read_block(hash)
    }

    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault> {
        self.0.read_undo(hash)
    }

    fn check_scripts(
        &self,
        block: &RawBlock,
        spent: &BlockUndo,
        flags: ScriptFlags,
    ) -> Result<(), SubmitError> {
        self.0.check_scripts(block, spent, flags)
    }
}

/// Verifies blocks, each for itself, on any thread.
#[derive(Clone, Copy)]
pub struct Verifier<'a> {
    /// Where they are.
    pub ground: &'a dyn Ground,
    /// The chain that they are part of.
    pub view: &'a ChainView,
    /// How thoroughly.
    pub level: u32,
}

impl Verifier<'_> {
    /// Levels 0 to 2.
    ///
    /// # Errors
    /// What is wrong.
    pub fn block(&self, id: HeaderId) -> Result<(), Damage> {
        self.read_and_check(id).map(drop)
    }

    fn read_and_check(&self, id: HeaderId) -> Result<(ParsedBlock, BlockUndo), Damage> {
        let block = self.read(id)?;
        if self.level >= 1 {
            let raw = block.raw().clone();
            check_block(&self.view.context(id), raw)
                .map_err(|reject| self.damage(id, Part::Block, broken(reject)))?;
        }
        let undo = match self.level {
            0..2 => BlockUndo::new(),
            2.. => self.read_undo(id)?,
        };
        Ok((block, undo))
    }

    fn damage(&self, id: HeaderId, part: Part, what: String) -> Damage {
        Damage {
            height: self.view.height(id),
            part,
            what,
        }
    }

    fn read(&self, id: HeaderId) -> Result<ParsedBlock, Damage> {
        let hash = self.view.hash(id);
        let block = match self.ground.read_block(&hash) {
            Ok(Some(raw)) if raw.block_hash() == hash => {
                ParsedBlock::parse(raw).map_err(|error| error.to_string())
            }
            Ok(Some(raw)) => Err(format!("its file holds {} instead", raw.block_hash())),
            Ok(None) => Err("it is not stored".into()),
            Err(error) => Err(error.to_string()),
        };
        block.map_err(|what| self.damage(id, Part::Block, what))
    }

    fn read_undo(&self, id: HeaderId) -> Result<BlockUndo, Damage> {
        let undo = match self.ground.read_undo(&self.view.hash(id)) {
            Ok(Some(undo)) => Ok(undo),
            Ok(None) => Err("there is no undo data".into()),
            Err(fault) => Err(fault.what),
        };
        undo.map_err(|what| self.damage(id, Part::Undo, what))
    }
}

/// Levels 3 and 4: holds blocks and undo data against the coins, in memory.
pub struct CoinCheck<'a> {
    verifier: &'a Verifier<'a>,
    overlay: Overlay<'a>,
}

impl<'a> CoinCheck<'a> {
    /// Begins with the coins as they are, at the tip that they are of.
    pub fn new(verifier: &'a Verifier<'a>, coins: &'a dyn CoinSet) -> Self {
        Self {
            verifier,
            overlay: Overlay::new(coins),
        }
    }

    /// Coins that are held in memory; more than [`MAX_CHANGES`] are too many.
    pub fn changes(&self) -> usize {
        self.overlay.len()
    }

    /// Levels 0 to 3 of a block: the first time of the tip, then of its parent, and so on.
    ///
    /// # Errors
    /// What is wrong. Nothing can be said about the coins before it, then.
    pub fn back(&mut self, id: HeaderId) -> Result<(), Damage> {
        let (block, undo) = self.verifier.read_and_check(id)?;
        let context = self.verifier.view.context(id);
        disconnect::disconnect(&block, undo, &context, &mut self.overlay)
            .map_err(|what| self.verifier.damage(id, Part::Coins, what))
    }

    /// Level 4 of a block whose parent is the last one that was connected or not disconnected.
    ///
    /// # Errors
    /// What is wrong.
    pub fn forward(&mut self, id: HeaderId) -> Result<(), Damage> {
        let (verifier, view) = (self.verifier, self.verifier.view);
        let block = verifier.read(id)?;
        let context = view.context(id);
        let median_time_past_at = |height| {
            let ancestor = view.tree().ancestor(id, height);
            ancestor.map_or(0, |ancestor| view.median_time_past(ancestor))
        };
        let damage = |what| verifier.damage(id, Part::Coins, what);
        let spent = connect::connect(&block, &context, &mut self.overlay, median_time_past_at)
            .map_err(damage)?;
        let checked = verifier
            .ground
            .check_scripts(block.raw(), &spent, context.script_flags);
        checked.map_err(|error| {
            damage(match error {
                SubmitError::Refused(reject) => broken(reject),
                SubmitError::Failed(fault) => fault.what,
            })
        })
    }
}

/// A broken rule, for people.
fn broken(reject: Reject) -> String {
    reject.to_string()
}

#[cfg(test)]
mod tests;
