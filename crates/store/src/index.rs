use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use tipward_primitives::BlockHash;

use crate::records::BlockRecord;
use crate::table::{Entry, Table};

/// A power of two: the highest bits of a tag choose the shard. So many that a reader who meets a growing shard waits
/// well under a millisecond.
const SHARDS: usize = 64;

/// Where every stored block lies, in memory. Keyed by 8 bytes of a hash that is salted anew in every process (nobody
/// can make blocks that collide); who looks up verifies what it finds by reading it.
#[derive(Debug)]
pub(crate) struct Index {
    salt: RandomState,
    shards: [RwLock<Table>; SHARDS],
    blocks: AtomicU64,
    bytes: AtomicU64,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            salt: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
            blocks: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    fn tag(&self, hash: &BlockHash) -> u64 {
        self.salt.hash_one(hash)
    }

    fn shard(&self, tag: u64) -> &RwLock<Table> {
        &self.shards[(tag >> (64 - SHARDS.ilog2())) as usize]
    }

    /// Makes room for `blocks` in all.
    pub(crate) fn reserve(&self, blocks: usize) {
        for shard in &self.shards {
            // Shards are filled evenly, give or take.
            let entries = blocks / SHARDS + blocks / SHARDS / 16;
            shard
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .reserve(entries);
        }
    }

    pub(crate) fn insert(&self, block: &BlockRecord) {
        let tag = self.tag(&block.hash);
        let entry = Entry::new(
            tag,
            block.position.file,
            block.position.offset,
            block.size,
            block.checksum,
        );
        self.shard(tag)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(entry);
        self.blocks.fetch_add(1, Ordering::Relaxed);
        self.bytes
            .fetch_add(u64::from(block.size), Ordering::Relaxed);
    }

    /// Entries that may be this block's: none, nearly always one, or more.
    pub(crate) fn candidates(&self, hash: &BlockHash) -> Vec<Entry> {
        let tag = self.tag(hash);
        self.shard(tag)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tag)
            .collect()
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks.load(Ordering::Relaxed)
    }

    /// Bytes of all blocks.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
