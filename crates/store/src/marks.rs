//! What was found out, or ordered, about blocks that are invalid.

use bitcoin::hashes::Hash as _;
use tipward_primitives::BlockHash;

use crate::error::StoreError;
use crate::layout;
use crate::loaded::Repair;
use crate::log::{Log, Record};

/// What is to be remembered about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockMark {
    /// It breaks a rule, or the user said so: it and what builds on it are not to be connected.
    Invalid,
    /// The user took that back for it, its ancestors and its descendants.
    Reconsidered,
}

/// One record of the marks log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarkRecord {
    pub(crate) hash: BlockHash,
    pub(crate) mark: BlockMark,
}

impl Record for MarkRecord {
    const SIZE: usize = layout::MARK_RECORD;

    fn encode(&self, out: &mut [u8]) {
        let mark: u32 = match self.mark {
            BlockMark::Invalid => 1,
            BlockMark::Reconsidered => 2,
        };
        out[..32].copy_from_slice(self.hash.as_byte_array());
        out[32..].copy_from_slice(&mark.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (hash, mark) = bytes.split_at(32);
        let mark = match mark {
            [1, 0, 0, 0] => BlockMark::Invalid,
            [2, 0, 0, 0] => BlockMark::Reconsidered,
            _ => return None,
        };
        let hash = BlockHash::from_slice(hash).ok()?;
        Some(Self { hash, mark })
    }
}

/// All marks, in the order they were made. A damaged record is dropped from the log: an invalid block is then found to
/// be invalid again.
pub(crate) fn load(
    log: &mut Log<MarkRecord>,
    repairs: &mut Vec<Repair>,
) -> Result<Vec<(BlockHash, BlockMark)>, StoreError> {
    let mut whole = Vec::new();
    let mut scan = log.scan();
    while let Some((number, record)) = scan.next_record()? {
        match record {
            Some(record) => whole.push(record),
            None => {
                let offset = Log::<MarkRecord>::offset(number);
                repairs.push(log.repair(offset, "a record has a wrong checksum; dropped it"));
            }
        }
    }
    if (whole.len() as u64) < log.records() {
        log.replace(&whole)?;
    }
    Ok(whole.into_iter().map(|r| (r.hash, r.mark)).collect())
}
