//! Relative lock times (BIP68): an input can demand that its coin has a certain age.

use tipward_primitives::Height;

use super::inputs::refused;
use crate::view::TransactionView;
use crate::{BlockContext, Reject};

/// The input demands nothing.
const DISABLED: u32 = 1 << 31;
/// The age is counted in time, not in blocks.
const IN_TIME: u32 = 1 << 22;
/// The bits of the age.
const AGE: u32 = 0xffff;
/// Seconds of one step of an age in time are two to the power of this.
const SECONDS_SHIFT: u32 = 9;

/// From this version on a transaction's sequence numbers are relative lock times.
const LEAST_VERSION: u32 = 2;

/// Every coin that `tx` spends is as old as the input demands: `bad-txns-nonfinal`.
///
/// `coin_heights` are the heights of the blocks that made the coins, one for each input, in order. `median_time_past_at`
/// is asked for the median time past (in seconds) of the block's ancestor at a height, for ages in time only. `tx` is no
/// coinbase.
///
/// Ages in blocks are measured from the coin's block to this one, ages in time from the median time past of the block
/// before the coin's to that of the block before this one.
pub fn check_sequence_locks(
    tx: TransactionView<'_>,
    coin_heights: impl IntoIterator<Item = Height>,
    context: &BlockContext,
    median_time_past_at: impl Fn(Height) -> u32,
) -> Result<(), Reject> {
    if !context.csv || tx.version() < LEAST_VERSION {
        return Ok(());
    }
    for (index, (input, coin)) in tx.inputs().zip(coin_heights).enumerate() {
        let sequence = input.sequence();
        if sequence & DISABLED != 0 {
            continue;
        }
        let age = sequence & AGE;
        let (reached, required, of) = if sequence & IN_TIME != 0 {
            let since = median_time_past_at(coin.saturating_sub(1));
            let required = u64::from(since) + (u64::from(age) << SECONDS_SHIFT);
            (context.prev_median_time_past, required, "median time past")
        } else {
            (context.height, u64::from(coin) + u64::from(age), "height")
        };
        if u64::from(reached) < required {
            return Err(refused(
                tx,
                "bad-txns-nonfinal",
                format!("input {index} is locked until {of} {required}, {reached} reached"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
