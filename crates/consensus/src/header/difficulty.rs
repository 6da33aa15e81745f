//! What target a header must claim.

use tipward_primitives::{CompactTarget, Header, Height, Params, Target};

use super::proof_of_work::{expand, target_of};
use super::{Ancestor, HeaderChain};
use crate::Reject;

/// How much easier or harder one change of difficulty may make it.
const MAX_STEP: u32 = 4;

/// The header claims the target that its ancestors demand: `bad-diffbits`.
pub(super) fn check_bits(
    params: &Params,
    chain: &(impl HeaderChain + ?Sized),
    header: &Header,
) -> Result<(), Reject> {
    let required = next_work_required(params, chain, header.time);
    if header.bits == required {
        Ok(())
    } else {
        Err(Reject::header(
            "bad-diffbits",
            format!(
                "bits {:#010x}, required {:#010x}",
                header.bits.to_consensus(),
                required.to_consensus()
            ),
        ))
    }
}

/// The target that a header after `chain` must claim. Its `time`, in seconds, matters only where a late block may be
/// easy (testnet's 20-minute rule).
pub fn next_work_required(
    params: &Params,
    chain: &(impl HeaderChain + ?Sized),
    time: u32,
) -> CompactTarget {
    let height = chain.tip_height().saturating_add(1);
    if height.is_multiple_of(params.difficulty_interval()) {
        return retarget(params, chain);
    }
    let tip = chain.tip();
    if !params.pow_allow_min_difficulty {
        return tip.bits;
    }
    let easy_after = i64::from(tip.time) + 2 * i64::from(params.pow_target_spacing);
    if i64::from(time) > easy_after {
        params.pow_limit_bits
    } else {
        last_ordinary_bits(params, chain)
    }
}

/// The target of the last block that did not use the 20-minute rule, searched no further back than the beginning of the
/// difficulty period.
fn last_ordinary_bits(params: &Params, chain: &(impl HeaderChain + ?Sized)) -> CompactTarget {
    let height = chain.tip_height();
    let back_to_period_start = height % params.difficulty_interval();
    chain
        .backwards()
        .take(back_to_period_start as usize)
        .find(|ancestor| ancestor.bits != params.pow_limit_bits)
        .unwrap_or_else(|| chain.header_at(height - back_to_period_start))
        .bits
}

/// The target of a new difficulty period: the old one in proportion to the time that the last period took.
///
/// The span measured is one block short (2015 blocks of 2016), which is what makes the timewarp attack possible, and what
/// Bitcoin has always done.
fn retarget(params: &Params, chain: &(impl HeaderChain + ?Sized)) -> CompactTarget {
    let last = chain.tip();
    if params.pow_no_retargeting {
        return last.bits;
    }
    // The tip is the last block of a period, so that its height is at least the interval less one.
    let first_height = (chain.tip_height() + 1) - params.difficulty_interval();
    let first = chain.header_at(first_height);
    // BIP94: a period's first block may not use the 20-minute rule, so it keeps the true difficulty of the network.
    let base: Ancestor = if params.enforce_bip94 { first } else { last };

    let elapsed = i64::from(last.time) - i64::from(first.time);
    let shortest = params.pow_target_timespan / MAX_STEP;
    let longest = params.pow_target_timespan * MAX_STEP;
    let elapsed = elapsed.clamp(i64::from(shortest), i64::from(longest));
    let elapsed = u32::try_from(elapsed).unwrap_or(longest);
    // Headers in the tree have targets in range; an impossible one would demand the easiest.
    let old = expand(base.bits).unwrap_or(params.pow_limit);
    scaled(params, old, elapsed)
}

/// Whether a header at `height` can claim `new` after a parent that claims `old`, without a look at any other header.
///
/// It holds for every valid chain, and bounds how fast a made-up one can raise its claims of work; it is what the
/// low-work header defence relies on. Where blocks may be easy at any time, everything is permitted.
pub fn permitted_difficulty_transition(
    params: &Params,
    height: Height,
    old: CompactTarget,
    new: CompactTarget,
) -> bool {
    if params.pow_allow_min_difficulty {
        return true;
    }
    if !height.is_multiple_of(params.difficulty_interval()) {
        return old == new;
    }
    let (Some(old), Some(new)) = (target_of(params, old), target_of(params, new)) else {
        return false;
    };
    let timespan = params.pow_target_timespan;
    let easiest = Target::from_compact(scaled(params, old, timespan * MAX_STEP));
    let hardest = Target::from_compact(scaled(params, old, timespan / MAX_STEP));
    (hardest..=easiest).contains(&new)
}

/// `target * elapsed / timespan`, at most the network's limit, rounded as the compact form rounds.
fn scaled(params: &Params, target: Target, elapsed: u32) -> CompactTarget {
    multiply_divide(target, elapsed, params.pow_target_timespan)
        .map_or(params.pow_limit, |new| new.min(params.pow_limit))
        .to_compact_lossy()
}

/// `target * factor / divisor`, rounded down; `None` if that takes more than 256 bits.
fn multiply_divide(target: Target, factor: u32, divisor: u32) -> Option<Target> {
    let bytes = target.to_le_bytes();
    // Schoolbook arithmetic on 32-bit digits, least significant first; the ninth takes the product's overflow.
    let mut digits = [0_u32; 9];
    let mut carry = 0_u64;
    for (digit, four) in digits.iter_mut().zip(bytes.chunks_exact(4)) {
        let value = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        let product = u64::from(value) * u64::from(factor) + carry;
        *digit = product as u32;
        carry = product >> 32;
    }
    digits[8] = carry as u32;

    let mut remainder = 0_u64;
    for digit in digits.iter_mut().rev() {
        let value = (remainder << 32) | u64::from(*digit);
        *digit = (value / u64::from(divisor)) as u32;
        remainder = value % u64::from(divisor);
    }
    if digits[8] != 0 {
        return None;
    }
    let mut quotient = [0_u8; 32];
    for (four, digit) in quotient.chunks_exact_mut(4).zip(digits) {
        four.copy_from_slice(&digit.to_le_bytes());
    }
    Some(Target::from_le_bytes(quotient))
}
