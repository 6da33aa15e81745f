//! Arithmetic on work that cannot overflow.

use tipward_primitives::{CompactTarget, Target, Work};

/// No work at all.
pub(crate) fn zero() -> Work {
    Work::from_le_bytes([0; 32])
}

/// The sum, or the most that 256 bits hold.
pub(crate) fn add(a: Work, b: Work) -> Work {
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let (low, carry) = a_low.overflowing_add(b_low);
    let high = a_high
        .checked_add(b_high)
        .and_then(|high| high.checked_add(u128::from(carry)));
    high.map_or(Work::from_le_bytes([0xff; 32]), |high| whole(high, low))
}

/// The difference, or zero if `b` is more than `a`.
pub(crate) fn subtract(a: Work, b: Work) -> Work {
    if b >= a {
        return zero();
    }
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let (low, borrow) = a_low.overflowing_sub(b_low);
    whole(
        a_high.wrapping_sub(b_high).wrapping_sub(u128::from(borrow)),
        low,
    )
}

/// `work` so many times, or the most that 256 bits hold.
pub(crate) fn times(work: Work, factor: u32) -> Work {
    let mut product = [0; 32];
    let mut carry = 0_u64;
    for (digit, out) in work
        .to_le_bytes()
        .chunks_exact(4)
        .zip(product.chunks_exact_mut(4))
    {
        let digit = u32::from_le_bytes([digit[0], digit[1], digit[2], digit[3]]);
        let sum = u64::from(digit) * u64::from(factor) + carry;
        out.copy_from_slice(&(sum as u32).to_le_bytes());
        carry = sum >> 32;
    }
    if carry == 0 {
        Work::from_le_bytes(product)
    } else {
        Work::from_le_bytes([0xff; 32])
    }
}

/// How many hashes it takes on average to meet the target that `bits` stand for: 2^256 / (target + 1). Zero where they
/// stand for no target, as in Bitcoin Core.
pub(crate) fn of_bits(bits: CompactTarget) -> Work {
    let compact = bits.to_consensus();
    let (exponent, mantissa) = (compact >> 24, compact & 0x007f_ffff);
    let negative = compact & 0x0080_0000 != 0;
    let mantissa_bytes = (u32::BITS - mantissa.leading_zeros()).div_ceil(8);
    if negative || exponent.saturating_sub(3) + mantissa_bytes > 32 {
        return zero();
    }
    match Target::from_compact(bits) {
        Target::ZERO => zero(),
        target => target.to_work(),
    }
}

fn halves(work: Work) -> (u128, u128) {
    let bytes = work.to_be_bytes();
    let half = |from: usize| {
        let mut half = [0; 16];
        half.copy_from_slice(&bytes[from..from + 16]);
        u128::from_be_bytes(half)
    };
    (half(0), half(16))
}

fn whole(high: u128, low: u128) -> Work {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&high.to_be_bytes());
    bytes[16..].copy_from_slice(&low.to_be_bytes());
    Work::from_be_bytes(bytes)
}

/// [`of_bits`] for a run of headers: the division is slow, and neighbours mostly claim the same target.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    /// Two, because a testnet alternates between an ordinary target and the easiest one.
    known: [(CompactTarget, Work); 2],
}

impl Cache {
    pub(crate) fn new() -> Self {
        let nothing = CompactTarget::from_consensus(0);
        Self {
            known: [(nothing, zero()); 2],
        }
    }

    pub(crate) fn of_bits(&mut self, bits: CompactTarget) -> Work {
        if self.known[0].0 != bits {
            self.known.swap(0, 1);
        }
        if self.known[0].0 != bits {
            self.known[0] = (bits, of_bits(bits));
        }
        self.known[0].1
    }
}

#[cfg(test)]
mod tests;
