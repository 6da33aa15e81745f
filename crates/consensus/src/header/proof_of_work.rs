use tipward_primitives::{BlockHash, CompactTarget, Params, Target};

use crate::Reject;

/// Bit of the compact form that says that the number is negative.
const SIGN: u32 = 0x0080_0000;
/// Bits of the compact form that hold the number's leading three bytes.
const MANTISSA: u32 = 0x007f_ffff;

/// The header's hash, read as a number, is not above the target that it claims, and that target is in range.
///
/// Both failures are `high-hash`, as in Bitcoin Core.
pub fn check_proof_of_work(
    params: &Params,
    hash: BlockHash,
    bits: CompactTarget,
) -> Result<(), Reject> {
    let Some(target) = target_of(params, bits) else {
        return Err(Reject::header(
            "high-hash",
            format!(
                "bits {:#010x} are not a target between 1 and the limit {:#010x}",
                bits.to_consensus(),
                params.pow_limit_bits.to_consensus()
            ),
        ));
    };
    if target.is_met_by(hash) {
        Ok(())
    } else {
        Err(Reject::header(
            "high-hash",
            format!("hash {hash} is above the target {target:064x}"),
        ))
    }
}

/// The target that `bits` stand for; `None` if it is negative, zero, more than 256 bits wide or easier than the network
/// allows.
pub fn target_of(params: &Params, bits: CompactTarget) -> Option<Target> {
    let target = expand(bits)?;
    (target <= params.pow_limit).then_some(target)
}

/// The number that `bits` stand for; `None` if it is negative, zero or more than 256 bits wide.
///
/// rust-bitcoin expands the rest: it silently drops what overflows and does not see every negative number.
pub(super) fn expand(bits: CompactTarget) -> Option<Target> {
    let compact = bits.to_consensus();
    let exponent = compact >> 24;
    let mantissa = compact & MANTISSA;
    let mantissa_bytes = (32 - mantissa.leading_zeros()).div_ceil(8);
    let overflows = exponent.saturating_sub(3) + mantissa_bytes > 32;
    if compact & SIGN != 0 || overflows {
        return None;
    }
    let target = Target::from_compact(bits);
    (target != Target::ZERO).then_some(target)
}
