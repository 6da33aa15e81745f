use bitcoin::TxMerkleNode;
use bitcoin::hashes::Hash as _;
use tipward_consensus::header::median_time_past_of;
use tipward_primitives::{BlockHash, BlockVersion, CompactTarget, Header, Height, Work};

use crate::cow::CowVec;
use crate::index::HashIndex;
use crate::work;

/// Number of a header in its tree: from 0 (the genesis block) up in the order of insertion, so that a parent's is less
/// than its child's. It holds for one run of the node only; what is kept names headers by their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderId(u32);

impl HeaderId {
    /// The genesis block.
    pub const GENESIS: Self = Self(0);

    pub(crate) fn at(self) -> usize {
        self.0 as usize
    }

    #[cfg(test)]
    pub(crate) fn nth(at: usize) -> Self {
        Self(at as u32)
    }
}

/// One header with its place in the tree: 128 bytes.
#[derive(Clone, Debug)]
pub struct Entry {
    hash: BlockHash,
    merkle_root: TxMerkleNode,
    chainwork: Work,
    version: BlockVersion,
    time: u32,
    bits: CompactTarget,
    nonce: u32,
    prev: HeaderId,
    /// The ancestor at [`skip_height`].
    skip: HeaderId,
    height: Height,
}

const _: () = assert!(size_of::<Entry>() == 128);

impl Entry {
    /// Hash of the header.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }

    /// Distance from the genesis block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Work of the chain that ends here, this header's own included.
    pub fn chainwork(&self) -> Work {
        self.chainwork
    }

    /// The version that the header claims.
    pub fn version(&self) -> BlockVersion {
        self.version
    }

    /// The time that the header claims, in seconds since the Unix epoch.
    pub fn time(&self) -> u32 {
        self.time
    }

    /// The target that the header claims.
    pub fn bits(&self) -> CompactTarget {
        self.bits
    }
}

/// All known headers, from the genesis block to the tips of every branch.
///
/// Nothing is ever taken out, and an entry never changes: a branch that turns out invalid is marked elsewhere. A clone is
/// a snapshot: it shares the entries and costs no more at a million headers than at ten.
///
/// Each entry knows its parent and, as in Bitcoin Core's skip list, one ancestor far back, so that any ancestor is found
/// in a number of steps that grows with the logarithm of the height.
#[derive(Clone, Debug)]
pub struct HeaderTree {
    entries: CowVec<Entry>,
    index: HashIndex,
    work_of: work::Cache,
}

impl HeaderTree {
    /// A tree of the genesis block alone.
    pub fn new(genesis: &Header) -> Self {
        let mut tree = Self {
            entries: CowVec::default(),
            index: HashIndex::new(),
            work_of: work::Cache::new(),
        };
        let chainwork = tree.work_of.of_bits(genesis.bits);
        tree.push(
            genesis,
            genesis.block_hash(),
            HeaderId::GENESIS,
            HeaderId::GENESIS,
            0,
            chainwork,
        );
        tree
    }

    /// Number of headers, the genesis block's included.
    #[allow(clippy::len_without_is_empty)] // There always is a genesis block.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The header with this hash, if it is known.
    pub fn find(&self, hash: &BlockHash) -> Option<HeaderId> {
        self.index.find(hash, |id| &self.entries[id.at()].hash)
    }

    /// [`HeaderTree::find`] for a hash that most likely is that of the header that was put in last.
    pub(crate) fn find_likely_last(&self, hash: &BlockHash) -> Option<HeaderId> {
        let last = self.last();
        if self.entry(last).hash == *hash {
            Some(last)
        } else {
            self.find(hash)
        }
    }

    fn last(&self) -> HeaderId {
        HeaderId(
            u32::try_from(self.entries.len() - 1).expect("entries fill the memory before 32 bits"),
        )
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, headers: usize) {
        let entries = &self.entries;
        self.index.reserve(headers, |id| &entries[id.at()].hash);
    }

    /// What is known of a header.
    ///
    /// # Panics
    /// If `id` is of another tree, or of a later snapshot of this one.
    pub fn entry(&self, id: HeaderId) -> &Entry {
        &self.entries[id.at()]
    }

    /// The header itself, as it was inserted.
    pub fn header(&self, id: HeaderId) -> Header {
        let entry = self.entry(id);
        Header {
            version: entry.version,
            prev_blockhash: self
                .parent(id)
                .map_or(BlockHash::all_zeros(), |parent| self.entry(parent).hash),
            merkle_root: entry.merkle_root,
            time: entry.time,
            bits: entry.bits,
            nonce: entry.nonce,
        }
    }

    /// The header before; `None` for the genesis block.
    pub fn parent(&self, id: HeaderId) -> Option<HeaderId> {
        (id != HeaderId::GENESIS).then(|| self.entry(id).prev)
    }

    /// The header itself and those before it, back to the genesis block.
    pub fn backwards(&self, id: HeaderId) -> impl Iterator<Item = HeaderId> {
        std::iter::successors(Some(id), |id| self.parent(*id))
    }

    /// The ancestor at `height` (the header itself, if that is its height); `None` if `height` is above it.
    pub fn ancestor(&self, id: HeaderId, height: Height) -> Option<HeaderId> {
        let mut walk = id;
        let mut at = self.entry(walk).height;
        if height > at {
            return None;
        }
        while at > height {
            let skip = skip_height(at);
            let parents_skip = skip_height(at - 1);
            // Skipping is best, unless it overshoots, or the parent's skip is far longer and does not.
            let parent_is_better = parents_skip >= height && parents_skip + 2 < skip;
            let entry = self.entry(walk);
            if skip == height || (skip > height && !parent_is_better) {
                walk = entry.skip;
                at = skip;
            } else {
                walk = entry.prev;
                at -= 1;
            }
        }
        Some(walk)
    }

    /// Whether `ancestor` is `descendant` or one of the headers before it.
    pub fn is_ancestor(&self, ancestor: HeaderId, descendant: HeaderId) -> bool {
        self.ancestor(descendant, self.entry(ancestor).height) == Some(ancestor)
    }

    /// Where two branches part: the last header that both contain.
    pub fn last_common_ancestor(&self, a: HeaderId, b: HeaderId) -> HeaderId {
        let height = self.entry(a).height.min(self.entry(b).height);
        let level = |id| self.ancestor(id, height).unwrap_or(HeaderId::GENESIS);
        let (mut a, mut b) = (level(a), level(b));
        while a != b {
            let (left, right) = (self.entry(a), self.entry(b));
            // Of two headers at one height, the skips lead to one height too.
            if left.skip == right.skip {
                (a, b) = (left.prev, right.prev);
            } else {
                (a, b) = (left.skip, right.skip);
            }
        }
        a
    }

    /// Median of the times of the header and the ten before it, in seconds (fewer near the genesis block).
    pub fn median_time_past(&self, id: HeaderId) -> u32 {
        median_time_past_of(self.backwards(id).map(|id| self.entry(id).time))
    }

    /// The last header on the way from the genesis block to `id` for which `holds`, if that is true of a beginning of
    /// the way and false of the rest of it.
    pub(crate) fn last_where(
        &self,
        id: HeaderId,
        holds: impl Fn(HeaderId) -> bool,
    ) -> Option<HeaderId> {
        if holds(id) {
            return Some(id);
        }
        let mut failing = id;
        loop {
            let entry = self.entry(failing);
            if failing == HeaderId::GENESIS {
                return None;
            }
            // Whichever of the two still fails is nearer to the answer.
            failing = if !holds(entry.skip) {
                entry.skip
            } else if !holds(entry.prev) {
                entry.prev
            } else {
                return Some(entry.prev);
            };
        }
    }

    /// Puts in a header that is not in here yet. `hash` is its hash, `parent` the header that it names as the one before.
    pub(crate) fn insert(
        &mut self,
        header: &Header,
        hash: BlockHash,
        parent: HeaderId,
    ) -> HeaderId {
        let work = self.work_of.of_bits(header.bits);
        let prev = self.entry(parent);
        debug_assert_eq!(prev.hash, header.prev_blockhash);
        let (height, chainwork) = (prev.height + 1, work::add(prev.chainwork, work));
        let skip = self
            .ancestor(parent, skip_height(height))
            .unwrap_or(HeaderId::GENESIS);
        self.push(header, hash, parent, skip, height, chainwork)
    }

    fn push(
        &mut self,
        header: &Header,
        hash: BlockHash,
        prev: HeaderId,
        skip: HeaderId,
        height: Height,
        chainwork: Work,
    ) -> HeaderId {
        self.entries.push(Entry {
            hash,
            merkle_root: header.merkle_root,
            chainwork,
            version: header.version,
            time: header.time,
            bits: header.bits,
            nonce: header.nonce,
            prev,
            skip,
            height,
        });
        let id = self.last();
        let entries = &self.entries;
        self.index.insert(&hash, id, |id| &entries[id.at()].hash);
        id
    }
}

/// The height that the entry at `height` has its second link to: some lower one, mostly near, sometimes very far, such
/// that any ancestor is a few such links away. The choice is that of Bitcoin Core.
fn skip_height(height: Height) -> Height {
    let without_lowest_bit = |n: Height| n & n.wrapping_sub(1);
    if height < 2 {
        0
    } else if height.is_multiple_of(2) {
        without_lowest_bit(height)
    } else {
        without_lowest_bit(without_lowest_bit(height - 1)) + 1
    }
}

#[cfg(test)]
mod tests;
