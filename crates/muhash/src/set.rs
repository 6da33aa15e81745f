#[cfg(test)]
mod tests;

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::number::{Number, SIZE};

/// The running hash of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuHash {
    numerator: Number,
    denominator: Number,
}

/// The hash of a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetDigest([u8; 32]);

impl MuHash {
    /// Bytes of its serialization.
    pub const SERIALIZED_SIZE: usize = 2 * SIZE;

    /// The hash of the empty set.
    pub const EMPTY: Self = Self {
        numerator: Number::ONE,
        denominator: Number::ONE,
    };

    /// Puts an element in. An element that is inserted twice counts twice.
    pub fn insert(&mut self, element: &[u8]) {
        self.numerator = self.numerator.times(&Number::of_element(element));
    }

    /// Takes an element out that was, or will be, inserted.
    pub fn remove(&mut self, element: &[u8]) {
        self.denominator = self.denominator.times(&Number::of_element(element));
    }

    /// Puts in all that `other` holds, and takes out all that was taken out of it.
    pub fn join(&mut self, other: &Self) {
        self.numerator = self.numerator.times(&other.numerator);
        self.denominator = self.denominator.times(&other.denominator);
    }

    /// The hash of what is in the set now. This divides, which costs as much as some hundred insertions.
    pub fn digest(&self) -> SetDigest {
        let quotient = self.numerator.times(&self.denominator.inverse());
        SetDigest(Sha256::digest(quotient.to_bytes()).into())
    }

    /// Writes the running hash as Bitcoin Core does: numerator, then denominator, each with its least significant byte
    /// first.
    pub fn to_bytes(&self) -> [u8; Self::SERIALIZED_SIZE] {
        let mut bytes = [0; Self::SERIALIZED_SIZE];
        bytes[..SIZE].copy_from_slice(&self.numerator.to_bytes());
        bytes[SIZE..].copy_from_slice(&self.denominator.to_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8; Self::SERIALIZED_SIZE]) -> Self {
        let (numerator, denominator) = bytes.split_at(SIZE);
        let number = |half: &[u8]| {
            let half = half.try_into().expect("both halves have this size");
            Number::from_bytes(half)
        };
        Self {
            numerator: number(numerator),
            denominator: number(denominator),
        }
    }
}

impl Default for MuHash {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl SetDigest {
    /// The bytes in the order in which SHA-256 gives them.
    pub fn to_byte_array(self) -> [u8; 32] {
        self.0
    }
}

/// Last byte first, as Bitcoin Core shows it.
impl fmt::Display for SetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for SetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetDigest({self})")
    }
}
