//! How much a block may hold.

use crate::Reject;
use crate::sigops::legacy_sigops;
use crate::transaction::{MAX_BLOCK_WEIGHT, WITNESS_SCALE_FACTOR};
use crate::view::ParsedBlock;

/// The most that a block's signature checks can cost; one outside a witness costs four (BIP141).
pub const MAX_BLOCK_SIGOPS_COST: usize = 80_000;

/// There is a transaction, and without witnesses the block is not too long: `bad-blk-length`.
pub(super) fn check_length(block: &ParsedBlock, stripped_size: usize) -> Result<(), Reject> {
    let count = block.transaction_count();
    let most = MAX_BLOCK_WEIGHT / WITNESS_SCALE_FACTOR;
    if count > 0 && count <= most && stripped_size <= most {
        return Ok(());
    }
    Err(Reject::consensus(
        "bad-blk-length",
        format!(
            "{count} transactions and {stripped_size} bytes without witnesses, 1 to {most} allowed"
        ),
    ))
}

/// `bad-blk-sigops`; returns the number of signature checks.
pub(super) fn check_sigops(block: &ParsedBlock) -> Result<usize, Reject> {
    let sigops = block.transactions().map(legacy_sigops).sum();
    let most = MAX_BLOCK_SIGOPS_COST / WITNESS_SCALE_FACTOR;
    if sigops <= most {
        return Ok(sigops);
    }
    Err(Reject::consensus(
        "bad-blk-sigops",
        format!("{sigops} signature checks, at most {most} allowed"),
    ))
}

/// `bad-blk-weight`; returns the weight.
///
/// It must come after the witness commitment: before that, an oversized witness may be somebody else's addition.
pub(super) fn check_weight(block: &ParsedBlock, stripped_size: usize) -> Result<usize, Reject> {
    let weight = (WITNESS_SCALE_FACTOR - 1) * stripped_size + block.size();
    if weight <= MAX_BLOCK_WEIGHT {
        return Ok(weight);
    }
    Err(Reject::consensus(
        "bad-blk-weight",
        format!("weight {weight}, at most {MAX_BLOCK_WEIGHT} allowed"),
    ))
}
