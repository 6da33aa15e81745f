use std::collections::VecDeque;

use bitcoin::TxMerkleNode;
use tipward_primitives::{BlockHash, BlockVersion, CompactTarget, Header};

/// Headers that follow each other, kept in 48 bytes each: all but the parent's hash, which is that of the one before.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    headers: VecDeque<Compressed>,
    /// What the first one names as its parent.
    before_first: BlockHash,
    /// Hash of the last one, or of the one before the first while there is none.
    last_hash: BlockHash,
}

#[derive(Clone, Copy, Debug)]
struct Compressed {
    version: BlockVersion,
    merkle_root: TxMerkleNode,
    time: u32,
    bits: CompactTarget,
    nonce: u32,
}

/// Bytes that a header takes in the buffer.
pub(super) const COMPRESSED_SIZE: usize = size_of::<Compressed>();

const _: () = assert!(COMPRESSED_SIZE == 48);

impl Buffer {
    /// An empty one, whose first header will name `before_first` as its parent.
    pub(super) fn after(before_first: BlockHash) -> Self {
        Self {
            headers: VecDeque::new(),
            before_first,
            last_hash: before_first,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.headers.len()
    }

    pub(super) fn last_hash(&self) -> BlockHash {
        self.last_hash
    }

    /// Puts a header with this hash behind the last one, which it must name as its parent.
    pub(super) fn push(&mut self, header: &Header, hash: BlockHash) {
        debug_assert_eq!(header.prev_blockhash, self.last_hash);
        self.headers.push_back(Compressed {
            version: header.version,
            merkle_root: header.merkle_root,
            time: header.time,
            bits: header.bits,
            nonce: header.nonce,
        });
        self.last_hash = hash;
    }

    /// Takes the first header out.
    pub(super) fn pop(&mut self) -> Option<Header> {
        let first = self.headers.pop_front()?;
        let header = Header {
            version: first.version,
            prev_blockhash: self.before_first,
            merkle_root: first.merkle_root,
            time: first.time,
            bits: first.bits,
            nonce: first.nonce,
        };
        self.before_first = header.block_hash();
        Some(header)
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.headers.capacity() * COMPRESSED_SIZE
    }
}
