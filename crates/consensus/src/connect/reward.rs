//! What a block may create: its subsidy, and the fees of its transactions.

use tipward_primitives::{Height, Params};

use super::inputs::value_out;
use crate::Reject;
use crate::transaction::MAX_MONEY;
use crate::view::TransactionView;

/// Satoshis that a block could create at first.
pub const INITIAL_SUBSIDY: u64 = 50 * 100_000_000;

/// Satoshis that the block at `height` may create: half as many after each [`Params::subsidy_halving_interval`] blocks,
/// rounded down, until there are none.
pub fn subsidy(params: &Params, height: Height) -> u64 {
    let halvings = height / params.subsidy_halving_interval;
    INITIAL_SUBSIDY.checked_shr(halvings).unwrap_or(0)
}

/// The fees of a block's transactions so far and that of one more, in satoshis: `bad-txns-accumulated-fee-outofrange`.
pub fn add_fee(fees: u64, fee: u64) -> Result<u64, Reject> {
    const MOST: u64 = MAX_MONEY.unsigned_abs();
    let sum = fees.saturating_add(fee);
    if sum <= MOST {
        return Ok(sum);
    }
    Err(Reject::consensus(
        "bad-txns-accumulated-fee-outofrange",
        format!("fees of {sum} satoshis, at most {MOST} allowed"),
    ))
}

/// The coinbase pays no more than the block's `subsidy` and its `fees` (satoshis): `bad-cb-amount`.
pub fn check_coinbase_value(
    coinbase: TransactionView<'_>,
    subsidy: u64,
    fees: u64,
) -> Result<(), Reject> {
    let actual = value_out(coinbase);
    let limit = subsidy.saturating_add(fees);
    if actual <= limit {
        return Ok(());
    }
    Err(Reject::consensus(
        "bad-cb-amount",
        format!("coinbase pays too much (actual={actual} vs limit={limit})"),
    ))
}

#[cfg(test)]
mod tests;
