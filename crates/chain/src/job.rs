//! What the peer-to-peer machine and the validation pipeline say to each other.
//!
//! ```text
//!  machine ── BlockJob ──────────────────────────▶ check, store
//!  machine ◀─ BlockVerdict: stored or refused ──── check, store
//!  machine ── goal: the view with its candidate ─▶ connect
//!  machine ◀─ ChainEvent ───────────────────────── connect
//! ```

use std::sync::Arc;

use tipward_consensus::{BlockContext, Reject};
use tipward_primitives::{BlockHash, Height};

/// A block that was asked for, with all that its checks need of the header tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockJob {
    /// Identifies the delivery: the machine that asked gives every job a number of its own, and the verdict carries it
    /// back.
    pub id: u64,
    /// What the checks need of the header tree; names the block.
    pub context: BlockContext,
}

impl BlockJob {
    /// The block.
    pub fn hash(&self) -> BlockHash {
        self.context.hash
    }

    /// Its height.
    pub fn height(&self) -> Height {
        self.context.height
    }
}

/// What became of a [`BlockJob`]. Every job gets exactly one.
#[derive(Clone, Debug)]
pub struct BlockVerdict {
    /// Number of the job.
    pub id: u64,
    /// The block.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Size in bytes of what was delivered.
    pub size: usize,
    /// The verdict itself.
    pub outcome: BlockOutcome,
}

/// The verdict on a delivered block.
#[derive(Clone, Debug)]
pub enum BlockOutcome {
    /// It keeps every rule that can be checked without coins, and it is in a block file.
    Stored {
        /// Number of its transactions.
        transactions: u32,
    },
    /// It breaks a rule, or its body is not the header's.
    Refused(Reject),
    /// We could not check or store it; nobody else is to blame.
    Failed(Fault),
}

/// What connecting has done to the active chain. Every event is about the newest goal that was given by then, or an older
/// one.
#[derive(Clone, Debug)]
pub enum ChainEvent {
    /// The active chain ends here now: every block of it has been connected and committed. In a reorganization this comes
    /// once, when the new branch has more work than the old one had, or when connecting has gone as far as it can.
    TipMoved {
        /// The new tip.
        tip: BlockHash,
    },
    /// A stored block breaks a rule that needs coins, or one of its scripts fails.
    BlockInvalid {
        /// The block.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// The rule.
        reject: Reject,
    },
    /// Blocks were deleted from the disk to save space.
    Pruned {
        /// All of them.
        blocks: Arc<Vec<BlockHash>>,
    },
    /// Connecting has reached a goal, or has gone towards it as far as it can: then [`ChainEvent::BlockInvalid`] came
    /// before and said why. All goals before it are settled too.
    Settled {
        /// The goal's number.
        goal: u64,
    },
}

/// What the user or a broken rule made of a block, as it is kept for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockMark {
    /// See [`Chain::mark_invalid`](crate::Chain::mark_invalid).
    Invalid,
    /// See [`Chain::reconsider`](crate::Chain::reconsider).
    Reconsidered,
}

/// Our own failure: the disk, the clock, a bug. It blames no peer and condemns no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// What went wrong and what to do about it, for people.
    pub what: String,
    /// The node should pause taking blocks rather than stop (a full disk).
    pub may_pass: bool,
}
