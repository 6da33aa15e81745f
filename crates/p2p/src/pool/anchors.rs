//! The anchors as bytes for a file: the peers that a restart connects to first.
//!
//! The content of the sealed file is one address a line.

use crate::addr::Address;
use crate::sealed::{LoadError, Seal};

/// Most anchors that are kept.
pub const MAX_ANCHORS: usize = 2;

const SEAL: Seal = Seal {
    magic: b"tipward anchor",
    version: 1,
};

/// The anchors as bytes for a file. Write it at shutdown and remove it at start: anchors that make the node fail would
/// otherwise do so forever.
pub fn anchors_to_bytes(anchors: &[Address]) -> Vec<u8> {
    let lines: String = anchors.iter().map(|a| format!("{a}\n")).collect();
    SEAL.close(lines.as_bytes())
}

/// What [`anchors_to_bytes`] gave.
///
/// # Errors
/// If the bytes are damaged or of another version.
pub fn anchors_from_bytes(bytes: &[u8]) -> Result<Vec<Address>, LoadError> {
    let text = str::from_utf8(SEAL.open(bytes)?).map_err(|_| LoadError::Damaged)?;
    text.lines()
        .take(MAX_ANCHORS)
        .map(|line| line.parse().map_err(|_| LoadError::Damaged))
        .collect()
}
