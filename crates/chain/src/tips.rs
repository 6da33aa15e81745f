use tipward_primitives::{BlockHash, Height};

use crate::status::Status;
use crate::{ChainView, HeaderId};

/// The end of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// Hash of its last header.
    pub hash: BlockHash,
    /// Height of its last header.
    pub height: Height,
    /// Blocks that are not part of the active chain.
    pub branch_len: Height,
    /// What is known of it.
    pub status: TipStatus,
}

/// What is known of a branch: the words of Core's `getchaintips`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TipStatus {
    /// The tip of the active chain.
    Active,
    /// It was once the active chain's tip, or part of it.
    ValidFork,
    /// All its blocks are stored, and it was never part of the active chain.
    ValidHeaders,
    /// Blocks are missing.
    HeadersOnly,
    /// One of its blocks is invalid.
    Invalid,
}

impl TipStatus {
    /// Core's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ValidFork => "valid-fork",
            Self::ValidHeaders => "valid-headers",
            Self::HeadersOnly => "headers-only",
            Self::Invalid => "invalid",
        }
    }
}

impl std::fmt::Display for TipStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ChainView {
    /// The active chain's tip and the ends of all other branches, highest first; of one height, first seen first.
    pub fn tips(&self) -> Vec<ChainTip> {
        let active = self.tip();
        let mut ends: Vec<HeaderId> = self
            .leaves
            .iter()
            .copied()
            .filter(|id| *id != active)
            .chain([active])
            .collect();
        ends.sort_by_key(|id| (std::cmp::Reverse(self.height(*id)), *id));
        ends.into_iter().map(|id| self.describe_tip(id)).collect()
    }

    fn describe_tip(&self, id: HeaderId) -> ChainTip {
        let status = self.status[id.at()];
        ChainTip {
            hash: self.hash(id),
            height: self.height(id),
            branch_len: self.height(id) - self.height(self.fork_point(id)),
            status: if self.is_active(id) {
                TipStatus::Active
            } else if !status.is_valid() {
                TipStatus::Invalid
            } else if !status.has(Status::LINKED) {
                TipStatus::HeadersOnly
            } else if status.has(Status::WAS_ACTIVE) {
                TipStatus::ValidFork
            } else {
                TipStatus::ValidHeaders
            },
        }
    }
}
