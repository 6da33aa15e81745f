//! A hash of a set of coins that does not depend on their order: MuHash3072, as in Bitcoin Core's
//! `gettxoutsetinfo muhash`.
//!
//! Two nodes with the same hash have the same coins, so that a whole coin set can be compared in 32 bytes, and followed
//! block by block without going over it again:
//!
//! ```text
//!   coin -> coin_bytes -> SHA-256 -> ChaCha20 -> a number of 3072 bits
//!                                                     |
//!              insert: numerator *= it                |           remove: denominator *= it
//!                                                     v
//!              digest: SHA-256(numerator / denominator)   modulo 2^3072 - 1103717
//! ```
//!
//! Sets whose hashes are known can be joined and taken apart ([`MuHash::join`]), which is how several threads share the
//! work. Removing what was never inserted is not noticed: it is a hash, not a set.
//!
//! This crate is pure, and knows nothing of where coins are kept.

mod coin;
mod number;
mod set;

pub use coin::coin_bytes;
pub use set::{MuHash, SetDigest};
