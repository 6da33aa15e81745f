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
        self.insert_all(&[self.entry(frame)]);
    }

    /// For many insertions in a row.
    pub(crate) fn filling(&self) -> Filling<'_> {
        Filling {
            index: self,
            waiting: std::array::from_fn(|_| Vec::new()),
        }
    }

    fn entry(&self, frame: &FrameRecord) -> Entry {
        Entry::new(
            self.tag(&frame.hash),
            frame.position.file,
            frame.position.offset,
            frame.size,
            match self.kind {
                Kind::Blocks => frame.checksum,
                Kind::Undo => self.more_of(&frame.hash),
            },
        )
    }

    /// Inserts entries that are all of the same shard.
    fn insert_all(&self, entries: &[Entry]) {
        let Some(first) = entries.first() else {
            return;
        };
        let mut shard = self.shards[shard(first.tag())]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            shard.insert(*entry);
        }
        drop(shard);
        let bytes = entries.iter().map(|entry| u64::from(entry.size)).sum();
        self.frames
            .fetch_add(entries.len() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Drops all frames of files that are gone.
    pub(crate) fn forget(&self, is_gone: impl Fn(u32) -> bool) {
        for shard in &self.shards {
            let (mut frames, mut bytes) = (0, 0);
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            for entry in shard.iter().filter(|entry| is_gone(entry.file)) {
                frames += 1;
                bytes += u64::from(entry.size);
            }
            if frames > 0 {
                shard.retain(|entry| !is_gone(entry.file));
                self.frames.fetch_sub(frames, Ordering::Relaxed);
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
    }

    /// Entries that may be this block's: none, nearly always one, or more.
    pub(crate) fn candidates(&self, hash: &BlockHash) -> Vec<Entry> {
        let tag = self.tag(hash);
        let mut entries: Vec<Entry> = self.shards[shard(tag)]
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

/// Number of the shard that has this tag.
fn shard(tag: u64) -> usize {
    (tag >> (64 - SHARDS.ilog2())) as usize
}

/// Inserts frames into an [`Index`], many at once into each shard: a shard fits into the processor's cache, the index of
/// a million frames does not, and so this takes less than half the time. All are there when this is dropped.
pub(crate) struct Filling<'a> {
    index: &'a Index,
    waiting: [Vec<Entry>; SHARDS],
}

impl Filling<'_> {
    /// Entries that wait for each shard: of all shards they take 6 MB.
    const MOST: usize = 4096;

    pub(crate) fn insert(&mut self, frame: &FrameRecord) {
        let entry = self.index.entry(frame);
        let waiting = &mut self.waiting[shard(entry.tag())];
        waiting.push(entry);
        if waiting.len() == Self::MOST {
            self.index.insert_all(waiting);
            waiting.clear();
        }
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        for waiting in &self.waiting {
            self.index.insert_all(waiting);
        }
    }
}
