use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use tipward_primitives::BlockHash;

use crate::kind::Kind;
use crate::records::FrameRecord;
use crate::table::{Entry, Table};

/// A power of two: the highest bits of a tag choose the shard. So many that a reader who meets a growing shard waits
/// well under a millisecond.
const SHARDS: usize = 64;

/// Where every frame of one kind lies, in memory. Keyed by 8 bytes of the block's hash, salted anew in every process
/// (nobody can make blocks that collide). A block begins with what its hash is made from, so who looks one up verifies
/// what it finds by reading it; of undo data, which says of no block that it belongs to it, 4 bytes more are compared.
#[derive(Debug)]
pub(crate) struct Index {
    kind: Kind,
    salt: RandomState,
    shards: [RwLock<Table>; SHARDS],
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Index {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            salt: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    fn tag(&self, hash: &BlockHash) -> u64 {
        self.salt.hash_one(hash)
    }

    fn shard(&self, tag: u64) -> &RwLock<Table> {
        &self.shards[(tag >> (64 - SHARDS.ilog2())) as usize]
    }

    /// 32 bits of the hash that are not in its tag.
    fn more_of(&self, hash: &BlockHash) -> u32 {
        self.salt.hash_one((hash, "more")) as u32
    }

    /// Makes room for `frames` in all.
    pub(crate) fn reserve(&self, frames: usize) {
        for shard in &self.shards {
            // Shards are filled evenly, give or take.
            let entries = frames / SHARDS + frames / SHARDS / 16;
            shard
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .reserve(entries);
        }
    }

    pub(crate) fn insert(&self, frame: &FrameRecord) {
        let tag = self.tag(&frame.hash);
        let entry = Entry::new(
            tag,
            frame.position.file,
            frame.position.offset,
            frame.size,
            match self.kind {
                Kind::Blocks => frame.checksum,
                Kind::Undo => self.more_of(&frame.hash),
            },
        );
        self.shard(tag)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(entry);
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes
            .fetch_add(u64::from(frame.size), Ordering::Relaxed);
    }

    /// Entries that may be this block's: none, nearly always one, or more.
    pub(crate) fn candidates(&self, hash: &BlockHash) -> Vec<Entry> {
        let tag = self.tag(hash);
        let mut entries: Vec<Entry> = self
            .shard(tag)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tag)
            .collect();
        if self.kind == Kind::Undo {
            entries.retain(|entry| entry.check == self.more_of(hash));
        }
        entries
    }

    /// Number of frames.
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Bytes of all that is behind the frames' heads.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
