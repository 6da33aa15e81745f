//! What opening a data directory comes to.

use std::path::PathBuf;

use tipward_primitives::{BlockHash, Header};

use crate::error::StoreError;
use crate::log::{Log, Record, Scan};
use crate::marks::BlockMark;
use crate::pruned::Numbers;
use crate::records::IndexRecord;

/// What a data directory held when it was opened.
#[derive(Debug)]
pub struct Loaded {
    /// Every header that was ever appended, parents first, without the genesis header.
    pub headers: Headers,
    /// Every block in the block files, and those that were deleted to save space, in the order of arrival; the genesis
    /// block is the first. After power loss (not
    /// after a mere crash) there may be blocks whose headers are not among [`Loaded::headers`]: pass over them, and
    /// when they come again [`crate::BlockStore::append_blocks`] knows them.
    pub blocks: StoredBlocks,
    /// Every [`BlockMark`] that was ever appended, in that order: to be applied, after the headers, in the same order.
    pub marks: Vec<(BlockHash, BlockMark)>,
    /// What there is, and what had to be repaired.
    pub report: Report,
}

/// What opening found, and what it put right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Number of headers.
    pub headers: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// Number of blocks of which there is undo data.
    pub undo: u64,
    /// In the order they were made; each is worth a line in the log.
    pub repairs: Vec<Repair>,
}

/// How far a search of block files for blocks that the index does not have has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were searched.
    pub done: u64,
    /// Bytes that are to be searched.
    pub total: u64,
}

/// One repair. Displays as a sentence that names the file and the offset.
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
        let Self { path, offset, what } = self;
        write!(f, "{} at offset {offset}: {what}", path.display())
    }
}

/// The headers of a data directory, read as they are asked for, so that they are never all in memory here.
pub struct Headers(pub(crate) Scan<Header>);

impl Iterator for Headers {
    type Item = Result<Header, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        next_whole(&mut self.0).transpose()
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
    /// It was deleted to save space.
    pub pruned: bool,
}

/// The blocks of a data directory, read from the index log as they are asked for.
pub struct StoredBlocks(pub(crate) Scan<IndexRecord>, pub(crate) Numbers);

impl Iterator for StoredBlocks {
    type Item = Result<StoredBlock, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            return match next_whole(&mut self.0).transpose()? {
                Ok(IndexRecord::Frame(block)) => Some(Ok(StoredBlock {
                    hash: block.hash,
                    transactions: block.transactions,
                    size: block.size,
                    pruned: self.1.contains(block.position.file),
                })),
                Ok(IndexRecord::SyncMark { .. } | IndexRecord::Hole { .. }) => continue,
                Err(e) => Some(Err(e)),
            };
        }
    }
}

/// Opening has repaired the log: a record that is not whole has been damaged since.
fn next_whole<R: Record>(scan: &mut Scan<R>) -> Result<Option<R>, StoreError> {
    match scan.next_record()? {
        None => Ok(None),
        Some((_, Some(record))) => Ok(Some(record)),
        Some((number, None)) => Err(StoreError::Damaged {
            path: scan.path().to_owned(),
            offset: Log::<R>::offset(number),
            what: "a record has a wrong checksum".to_owned(),
            repair: "--reindex",
        }),
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Headers").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for StoredBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBlocks").finish_non_exhaustive()
    }
}
