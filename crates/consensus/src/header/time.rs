//! When a header may say that it was made.

use tipward_primitives::{Header, Params, Timestamp};

use super::{Ancestor, HeaderChain};
use crate::Reject;

/// How many blocks the median time past is taken over.
pub const MEDIAN_TIME_SPAN: usize = 11;

/// Seconds that a block may be ahead of our clock.
pub const MAX_FUTURE_BLOCK_TIME: u64 = 2 * 60 * 60;

/// Seconds that the first block of a difficulty period may be earlier than its parent (BIP94).
pub const MAX_TIMEWARP: u32 = 600;

/// Median time past of the tip of `chain`, in seconds: the median of the times of the last eleven blocks, or of all if
/// there are fewer. A block's time must lie after that of its parent, and lock times are compared with it (BIP113).
pub fn median_time_past(chain: &(impl HeaderChain + ?Sized)) -> u32 {
    median_time_past_of(chain.backwards().map(|ancestor| ancestor.time))
}

/// The same from the times themselves, in seconds, the tip's first; only the first eleven count. Zero if there is none.
pub fn median_time_past_of(times: impl IntoIterator<Item = u32>) -> u32 {
    let mut span = [0_u32; MEDIAN_TIME_SPAN];
    let mut len = 0;
    for (slot, time) in span.iter_mut().zip(times) {
        *slot = time;
        len += 1;
    }
    let span = &mut span[..len];
    span.sort_unstable();
    span.get(len / 2).copied().unwrap_or(0)
}

pub(super) fn check_not_too_old(
    chain: &(impl HeaderChain + ?Sized),
    header: &Header,
) -> Result<(), Reject> {
    let median = median_time_past(chain);
    if header.time > median {
        Ok(())
    } else {
        Err(Reject::header(
            "time-too-old",
            format!(
                "time {} is not after the median time past {median}",
                header.time
            ),
        ))
    }
}

pub(super) fn check_no_timewarp(
    params: &Params,
    chain: &(impl HeaderChain + ?Sized),
    header: &Header,
) -> Result<(), Reject> {
    let height = chain.tip_height().saturating_add(1);
    if !params.enforce_bip94 || !height.is_multiple_of(params.difficulty_interval()) {
        return Ok(());
    }
    let Ancestor { time: parent, .. } = chain.tip();
    if header.time >= parent.saturating_sub(MAX_TIMEWARP) {
        Ok(())
    } else {
        Err(Reject::header(
            "time-timewarp-attack",
            format!(
                "time {} of a difficulty period's first block is more than {MAX_TIMEWARP} s before its parent's {parent}",
                header.time
            ),
        ))
    }
}

pub(super) fn check_not_too_new(header: &Header, now: Timestamp) -> Result<(), Reject> {
    // In microseconds on both sides: a block of exactly two hours ahead of a clock between two seconds is allowed.
    let latest = now
        .as_micros()
        .saturating_add(MAX_FUTURE_BLOCK_TIME * 1_000_000);
    if Timestamp::from_secs(u64::from(header.time)).as_micros() <= latest {
        Ok(())
    } else {
        Err(Reject::new(
            crate::RejectKind::TimeFuture,
            "time-too-new",
            format!(
                "time {} is more than {MAX_FUTURE_BLOCK_TIME} s after our {}",
                header.time,
                now.as_secs()
            ),
        ))
    }
}
