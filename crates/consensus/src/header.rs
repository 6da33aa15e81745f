//! The rules about a header: its own proof of work, and what its ancestors demand of it.
//!
//! A header is judged in two steps, as in Bitcoin Core, so that what is cheap comes before what needs the tree:
//! [`check_proof_of_work`] needs nothing but the header, [`check_header_in_context`] needs the headers before it, which
//! it asks a [`HeaderChain`] for.

mod ancestors;
mod difficulty;
mod proof_of_work;
#[cfg(test)]
mod tests;
mod time;
mod version;

pub use ancestors::{Ancestor, HeaderChain};
pub use difficulty::{next_work_required, permitted_difficulty_transition};
pub use proof_of_work::{check_proof_of_work, target_of};
pub use time::{
    MAX_FUTURE_BLOCK_TIME, MAX_TIMEWARP, MEDIAN_TIME_SPAN, median_time_past, median_time_past_of,
};

use tipward_primitives::{Header, Params, Timestamp};

use crate::Reject;

/// Every rule about a header but its proof of work.
///
/// `chain` ends with the header's parent; `now` is the time by our clock. The order of the verdicts is Bitcoin Core's:
///
/// | reject reason | rule |
/// |---|---|
/// | `bad-diffbits` | the target is exactly the one that the ancestors demand |
/// | `time-too-old` | the time lies after the median of the eleven blocks before |
/// | `time-timewarp-attack` | the first block of a difficulty period is not much earlier than its parent (BIP94) |
/// | `time-too-new` | the time is at most two hours ahead of ours; the only verdict that may change with time |
/// | `bad-version(0x........)` | the version is one that BIP34, BIP66 and BIP65 still allow at this height |
pub fn check_header_in_context(
    params: &Params,
    chain: &(impl HeaderChain + ?Sized),
    header: &Header,
    now: Timestamp,
) -> Result<(), Reject> {
    let height = chain.tip_height().saturating_add(1);
    difficulty::check_bits(params, chain, header)?;
    time::check_not_too_old(chain, header)?;
    time::check_no_timewarp(params, chain, header)?;
    time::check_not_too_new(header, now)?;
    version::check_version(params, height, header)
}
