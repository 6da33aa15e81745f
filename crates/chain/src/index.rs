use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use hashbrown::HashTable;
use tipward_primitives::BlockHash;

use crate::HeaderId;

/// Number of shards. An insertion after a clone copies one shard, about 250 entries at a million headers.
const SHARDS: usize = 4096;

/// From a block's hash to its number in the tree; cheap to clone, like [`CowVec`](crate::cow::CowVec).
///
/// It holds numbers only: the caller's tree knows the hashes. The hash function takes eight bytes of the block's hash as
/// they are. To make many headers fall into one bucket, an attacker would have to grind bits of the hash beyond the proof
/// of work that each header needs anyway to get into the tree.
#[derive(Clone, Debug)]
pub(crate) struct HashIndex {
    shards: Arc<Vec<Arc<HashTable<HeaderId>>>>,
}

impl HashIndex {
    /// An empty index.
    pub(crate) fn new() -> Self {
        // One empty table, shared until somebody writes to a shard.
        let empty = Arc::new(HashTable::new());
        Self {
            shards: Arc::new(vec![empty; SHARDS]),
        }
    }

    /// The number of `hash`, if it is in here; `hash_of` tells the hash of a number.
    pub(crate) fn find<'a>(
        &self,
        hash: &BlockHash,
        hash_of: impl Fn(HeaderId) -> &'a BlockHash,
    ) -> Option<HeaderId> {
        let key = key(hash);
        self.shards[shard(key)]
            .find(key, |id| hash_of(*id) == hash)
            .copied()
    }

    /// Puts in a `hash` that is not in here.
    pub(crate) fn insert<'a>(
        &mut self,
        hash: &BlockHash,
        id: HeaderId,
        hash_of: impl Fn(HeaderId) -> &'a BlockHash,
    ) {
        let key_of_new = key(hash);
        let shard = &mut Arc::make_mut(&mut self.shards)[shard(key_of_new)];
        Arc::make_mut(shard).insert_unique(key_of_new, id, |id| key(hash_of(*id)));
    }

    /// Makes room for so many more.
    pub(crate) fn reserve<'a>(&mut self, more: usize, hash_of: impl Fn(HeaderId) -> &'a BlockHash) {
        // Hashes do not fall into the shards quite evenly.
        let each = more / SHARDS + more / SHARDS / 4;
        for shard in Arc::make_mut(&mut self.shards) {
            Arc::make_mut(shard).reserve(each, |id| key(hash_of(*id)));
        }
    }
}

/// The first eight bytes: proof of work makes zeros of the last ones.
fn key(hash: &BlockHash) -> u64 {
    let bytes = hash.as_byte_array();
    u64::from_le_bytes([
        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
    ])
}

/// Bits in the middle: the table takes the lowest for its bucket and the highest for its tag.
fn shard(key: u64) -> usize {
    (key >> 40) as usize % SHARDS
}
