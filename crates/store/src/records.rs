//! The records of the two logs.

use bitcoin::consensus::{Decodable as _, Encodable as _};
use bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Header};

use crate::layout;
use crate::log::Record;

impl Record for Header {
    const SIZE: usize = layout::HEADER_RECORD;
    const MAGIC: [u8; 8] = layout::HEADER_LOG_MAGIC;

    fn encode(&self, mut out: &mut [u8]) {
        self.consensus_encode(&mut out)
            .expect("a header always has 80 bytes");
    }

    fn decode(mut bytes: &[u8]) -> Self {
        Self::consensus_decode(&mut bytes).expect("80 bytes are a header, whatever they hold")
    }
}

/// Where something lies in the block files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) file: u32,
    pub(crate) offset: u32,
}

/// A block in the block files, as the index log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRecord {
    pub(crate) hash: BlockHash,
    /// Of the block, behind its frame's head.
    pub(crate) position: Position,
    pub(crate) size: u32,
    pub(crate) transactions: u32,
    /// CRC-32C of the block.
    pub(crate) checksum: u32,
}

/// One record of the index log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexRecord {
    Block(BlockRecord),
    /// All before it is synced.
    SyncMark {
        end: Position,
        headers: u32,
    },
    /// Bytes that hold no block.
    Hole {
        start: Position,
        size: u32,
    },
}

impl Record for IndexRecord {
    const SIZE: usize = layout::INDEX_RECORD;
    const MAGIC: [u8; 8] = layout::INDEX_LOG_MAGIC;

    fn encode(&self, out: &mut [u8]) {
        let (hash, position, rest) = match *self {
            Self::Block(b) => (
                b.hash.to_byte_array(),
                b.position,
                [b.size, b.transactions, b.checksum],
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

    fn decode(bytes: &[u8]) -> Self {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[..32]);
        let position = Position {
            file: word(32),
            offset: word(36),
        };
        match (hash, word(40)) {
            ([0, .., 0], 0) if hash == [0; 32] => Self::SyncMark {
                end: position,
                headers: word(44),
            },
            ([0, .., 0], size) if hash == [0; 32] => Self::Hole {
                start: position,
                size,
            },
            (_, size) => Self::Block(BlockRecord {
                hash: BlockHash::from_byte_array(hash),
                position,
                size,
                transactions: word(44),
                checksum: word(48),
            }),
        }
    }
}
