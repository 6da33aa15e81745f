//! Numbers modulo the greatest prime of 3072 bits that makes reduction cheap.

#[cfg(test)]
mod tests;

use crypto_bigint::{Limb, Odd, U3072, Word};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// The modulus is 2^3072 less this.
const PRIME_DIFFERENCE: Word = 1_103_717;

const MODULUS: Odd<U3072> = U3072::MAX
    .wrapping_sub(&U3072::from_word(PRIME_DIFFERENCE - 1))
    .to_odd()
    .expect_copied("the difference is odd, so that the modulus is");

/// Bytes of a number.
pub(crate) const SIZE: usize = 384;

/// A number from 0 to the modulus less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(U3072);

impl Number {
    pub(crate) const ONE: Self = Self(U3072::ONE);

    /// The number that stands for an element: its hash, stretched.
    pub(crate) fn of_element(element: &[u8]) -> Self {
        let mut stretched = [0; SIZE];
        ChaCha20Rng::from_seed(Sha256::digest(element).into()).fill_bytes(&mut stretched);
        Self::from_bytes(&stretched)
    }

    /// Reads a number, least significant byte first; one past the modulus is reduced.
    pub(crate) fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        let number = U3072::from_le_slice(bytes);
        Self(if number >= *MODULUS.as_ref() {
            number.wrapping_sub(MODULUS.as_ref())
        } else {
            number
        })
    }

    /// Writes the number, least significant byte first.
    pub(crate) fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(&self.0.to_le_bytes());
        bytes
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        Self(self.0.mul_mod_special(&other.0, Limb(PRIME_DIFFERENCE)))
    }

    /// The number that makes one when multiplied with this one; 0 for 0, which has none.
    pub(crate) fn inverse(&self) -> Self {
        Self(
            self.0
                .invert_odd_mod_vartime(&MODULUS)
                .unwrap_or(U3072::ZERO),
        )
    }
}
