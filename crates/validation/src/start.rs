use tipward_chain::{BlockRef, ChainView, Fault, HeaderId};
use tipward_coins::{CoinsDb, DbState};
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::faults::lasting;
use crate::frontiers::block_ref;

/// The block that the coins on disk are of: the validated tip that a node starts from.
///
/// # Errors
/// If `view` does not know the block.
pub fn validated_tip(coins: &CoinsDb, view: &ChainView) -> Result<BlockRef, Fault> {
    Start::of(coins, view).map(|start| start.tip)
}

/// Where connecting starts, by what the coins on disk say that they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The block that the coins are of.
    pub(crate) tip: BlockRef,
    /// What the coins on disk are of; all zero if there are none.
    pub(crate) on_disk: BlockHash,
}

impl Start {
    pub(crate) fn of(coins: &CoinsDb, view: &ChainView) -> Result<Self, Fault> {
        let state = coins.state();
        let find = |hash: BlockHash| {
            let id = match hash {
                none if none == BlockHash::all_zeros() => Some(HeaderId::GENESIS),
                hash => view.find(&hash).filter(|id| view.is_linked(*id)),
            };
            id.map(|id| block_ref(id, view)).ok_or_else(|| {
                lasting(format!(
                    "the coins on disk are {state}, and block {hash}, or a block before it, is not in the block files; starting \
                     with --reindex-chainstate makes the coins anew"
                ))
            })
        };
        let nothing = BlockHash::all_zeros();
        Ok(match state {
            DbState::Empty => Self {
                tip: find(nothing)?,
                on_disk: nothing,
            },
            DbState::At { tip } => Self {
                tip: find(tip)?,
                on_disk: tip,
            },
        })
    }
}
