//! The records of the logs.

use bitcoin::consensus::{Decodable as _, Encodable as _};
use bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Header};

use crate::layout;
use crate::log::Record;

impl Record for Header {
    const SIZE: usize = layout::HEADER_RECORD;

    fn encode(&self, mut out: &mut [u8]) {
        self.consensus_encode(&mut out)
            .expect("a header always has 80 bytes");
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        Self::consensus_decode(&mut bytes).ok()
    }
}

/// Where something lies in the files of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) file: u32,
    pub(crate) offset: u32,
}

/// A block in the block files or its undo data in the undo files, as the index log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRecord {
    /// Of the block.
    pub(crate) hash: BlockHash,
    /// Of what is behind the frame's head.
    pub(crate) position: Position,
    /// Of all that is behind the frame's head: of undo data, with its checksum.
    pub(crate) size: u32,
    /// Of the block; zero for undo data.
    pub(crate) transactions: u32,
    /// CRC-32C of all that is behind the frame's head.
    pub(crate) checksum: u32,
}

/// One record of an index log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexRecord {
    Frame(FrameRecord),
    /// All before it is synced.
    SyncMark {
        end: Position,
        headers: u32,
    },
    /// Bytes that hold no frame.
    Hole {
        start: Position,
        size: u32,
    },
}

impl Record for IndexRecord {
    const SIZE: usize = layout::INDEX_RECORD;

    fn encode(&self, out: &mut [u8]) {
        let (hash, position, rest) = match *self {
            Self::Frame(f) => (
                f.hash.to_byte_array(),
                f.position,
                [f.size, f.transactions, f.checksum],
            ),
            Self::SyncMark { end, headers } => ([0; 32], end, [0, headers, 0]),
            Self::Hole { start, size } => ([0; 32], start, [size, 0, 0]),
        };
        out[..32].copy_from_slice(&hash);
        let words = [position.file, position.offset].into_iter().chain(rest);
        for (out, word) in out[32..].chunks_exact_mut(4).zip(words) {
            out.copy_from_slice(&word.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[..32]);
        let position = Position {
            file: word(32),
            offset: word(36),
        };
        let no_hash = hash == [0; 32];
        Some(match word(40) {
            0 if no_hash => Self::SyncMark {
                end: position,
                headers: word(44),
            },
            size if no_hash => Self::Hole {
                start: position,
                size,
            },
            // No frame is empty.
            0 => return None,
            size => Self::Frame(FrameRecord {
                hash: BlockHash::from_byte_array(hash),
                position,
                size,
                transactions: word(44),
                checksum: word(48),
            }),
        })
    }
}
