//! What the peer-to-peer machine and the validation pipeline say to each other.

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

/// Our own failure: the disk, the clock, a bug. It blames no peer and condemns no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// What went wrong and what to do about it, for people.
    pub what: String,
    /// The node should pause taking blocks rather than stop (a full disk).
    pub may_pass: bool,
}
