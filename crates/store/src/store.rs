#![allow(clippy::unimplemented, unused_variables, missing_docs)] // FACE ONLY
use std::path::{Path, PathBuf};

use tipward_primitives::{BlockHash, Header, Params, RawBlock};

use crate::StoreError;

/// The writing side of one network's data directory. There is one per directory: it holds the lock.
pub struct BlockStore(());

/// What a data directory held when it was opened.
pub struct Loaded {
    /// Every header that was ever appended, parents first, without the genesis header.
    pub headers: Headers,
    /// Every block in the block files, in the order of arrival, the genesis block included.
    pub blocks: StoredBlocks,
    /// What had to be repaired.
    pub report: Report,
}

/// The headers of a data directory, read as they are asked for.
pub struct Headers(());
impl Iterator for Headers {
    type Item = Result<Header, StoreError>;
    fn next(&mut self) -> Option<Self::Item> {
        unimplemented!()
    }
}

/// A block in the block files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// Number of its transactions.
    pub transactions: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// The blocks of a data directory, read from the index as they are asked for.
pub struct StoredBlocks(());
impl Iterator for StoredBlocks {
    type Item = Result<StoredBlock, StoreError>;
    fn next(&mut self) -> Option<Self::Item> {
        unimplemented!()
    }
}

/// What opening found wrong and put right; each is worth a line in the log.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Number of headers.
    pub headers: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// In the order they were made.
    pub repairs: Vec<Repair>,
}

/// One repair. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The file.
    pub path: PathBuf,
    /// Byte at which what was wrong begins.
    pub offset: u64,
    /// What was wrong there and what was done.
    pub what: String,
}

impl std::fmt::Display for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} at offset {}: {}",
            self.path.display(),
            self.offset,
            self.what
        )
    }
}

/// A block to append.
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// Its bytes.
    pub block: RawBlock,
    /// Number of its transactions.
    pub transactions: u32,
}

/// What became of a [`NewBlock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It was written.
    Written,
    /// It was there before; nothing was written.
    AlreadyThere,
}

impl BlockStore {
    /// Opens (or creates) `dir`, which is `<datadir>/<network>`; finds and repairs what a crash left.
    pub fn open(dir: &Path, params: &Params) -> Result<(Self, Loaded), StoreError> {
        unimplemented!()
    }
    /// A reader of the blocks, for any thread.
    pub fn reader(&self) -> BlockReader {
        unimplemented!()
    }
    /// Appends headers, parents first.
    pub fn append_headers(&mut self, headers: &[Header]) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Appends blocks, each of whose headers was appended before. All or nothing.
    pub fn append_blocks(&mut self, blocks: &[NewBlock]) -> Result<Vec<Appended>, StoreError> {
        unimplemented!()
    }
    /// Bytes appended since the last [`BlockStore::sync`].
    pub fn unsynced_bytes(&self) -> u64 {
        unimplemented!()
    }
    /// Makes all that was appended survive power loss.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        unimplemented!()
    }
}

/// Reads blocks by hash from any thread while the writer appends. Cloning is cheap.
#[derive(Clone)]
pub struct BlockReader(());

impl BlockReader {
    /// The block, or `None` if it is not stored.
    pub fn read(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        unimplemented!()
    }
    /// Whether the block is stored.
    pub fn contains(&self, hash: &BlockHash) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// Size in bytes of the block, or `None` if it is not stored.
    pub fn size_of(&self, hash: &BlockHash) -> Result<Option<u32>, StoreError> {
        unimplemented!()
    }
    /// Bytes that all block files take on disk.
    pub fn size_on_disk(&self) -> u64 {
        unimplemented!()
    }
}
