//! Double SHA-256, on the paths that run once for every transaction.
//!
//! `sha2` uses the processor's SHA instructions where it has them. Where the length is fixed its compression function is
//! called directly: a node of the merkle tree is three blocks, two of which are mostly padding that never changes.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// The state that SHA-256 starts from (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// What follows a message of 64 bytes: a one bit, zeros, and the length in bits.
const PADDING_OF_64_BYTES: [u8; 64] = {
    let mut block = [0; 64];
    block[0] = 0x80;
    block[62] = 0x02;
    block
};

/// Double SHA-256 of the concatenation of `parts`.
pub(crate) fn sha256d(parts: &[&[u8]]) -> [u8; 32] {
    let mut engine = Sha256::new();
    for part in parts {
        engine.update(part);
    }
    sha256_of_32_bytes(&engine.finalize().into())
}

/// Double SHA-256 of two hashes: the parent of two nodes of a merkle tree.
pub(crate) fn sha256d_pair(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(left);
    block[32..].copy_from_slice(right);
    let mut state = INITIAL;
    compress256(&mut state, &[block, PADDING_OF_64_BYTES]);
    sha256_of_32_bytes(&bytes_of(&state))
}

fn sha256_of_32_bytes(message: &[u8; 32]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(message);
    block[32] = 0x80;
    // 256 bits.
    block[62] = 0x01;
    let mut state = INITIAL;
    compress256(&mut state, &[block]);
    bytes_of(&state)
}

fn bytes_of(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (four, word) in bytes.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
