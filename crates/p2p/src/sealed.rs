//! Small files that are written whole: magic, version, content, checksum. Whatever happened to one, it is noticed.
//!
//! ```text
//! magic     14 bytes
//! version   u32, little-endian
//! content
//! checksum  32 bytes, SHA-256 of all before it
//! ```

use sha2::{Digest as _, Sha256};

/// What a file starts with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) magic: &'static [u8; 14],
    pub(crate) version: u32,
}

const HEAD_SIZE: usize = 18;
const CHECKSUM_SIZE: usize = 32;

/// Why a stored file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is something else, or of another version of this program.
    #[error("unknown format or version")]
    Version,
    /// The checksum is wrong, or what it covers makes no sense.
    #[error("damaged")]
    Damaged,
}

impl Seal {
    fn head(self) -> [u8; HEAD_SIZE] {
        let mut head = [0; HEAD_SIZE];
        head[..14].copy_from_slice(self.magic);
        head[14..].copy_from_slice(&self.version.to_le_bytes());
        head
    }

    pub(crate) fn close(self, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_SIZE + content.len() + CHECKSUM_SIZE);
        out.extend(self.head());
        out.extend(content);
        let checksum = Sha256::digest(&out);
        out.extend(checksum);
        out
    }

    pub(crate) fn open(self, bytes: &[u8]) -> Result<&[u8], LoadError> {
        if !bytes.starts_with(&self.head()) {
            return Err(LoadError::Version);
        }
        let (covered, checksum) = bytes
            .split_last_chunk::<CHECKSUM_SIZE>()
            .ok_or(LoadError::Damaged)?;
        if Sha256::digest(covered)[..] != checksum[..] {
            return Err(LoadError::Damaged);
        }
        covered.get(HEAD_SIZE..).ok_or(LoadError::Damaged)
    }
}
