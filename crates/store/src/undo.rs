use std::sync::Arc;

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256d};
use tipward_primitives::{BlockHash, Height};

use crate::error::StoreError;
use crate::file_table::FileTable;
use crate::frame_files::Frame;
use crate::frame_reader::FrameReader;
use crate::framed::{Framed, NewFrame};
use crate::health::Health;
use crate::layout::{FRAME_HEAD, UNDO_CHECKSUM};
use crate::lock::Lock;

/// The writing side of the undo files: what each block of the active chain took out of the coin set, as opaque bytes.
/// Goes with the [`crate::BlockStore`] of the same directory, and may live on another thread; the directory stays locked
/// until both are dropped.
///
/// # Correctness
///
/// As for [`crate::BlockStore`]: an append that fails leaves the files as they were, or stops all writing.
#[derive(Debug)]
pub struct UndoFiles {
    frames: Framed,
    health: Health,
    // Last, so that the files are closed before another may open them.
    _lock: Arc<Lock>,
}

impl UndoFiles {
    pub(crate) fn new(frames: Framed, lock: Arc<Lock>) -> Self {
        Self {
            frames,
            health: Health::default(),
            _lock: lock,
        }
    }

    /// A reader of the undo data, for any thread; it sees each as soon as it is appended.
    pub fn reader(&self) -> UndoReader {
        UndoReader(Arc::clone(self.frames.reader()))
    }

    /// Appends the undo data of block `hash` at `height`, whose parent is `previous`. Does nothing if there is undo data of this
    /// block already. All or nothing; not synced.
    pub fn append(
        &mut self,
        hash: &BlockHash,
        previous: &BlockHash,
        height: Height,
        undo: &[u8],
    ) -> Result<(), StoreError> {
        self.health.check()?;
        if self.reader().contains(hash) {
            return Ok(());
        }
        let appended = self.frames.append(&[NewFrame {
            hash: *hash,
            height,
            transactions: 0,
            frame: Frame {
                payload: undo,
                trailer: &checksum(previous, undo),
            },
        }]);
        self.health.note(appended)
    }

    /// As [`crate::BlockStore::learn_heights`].
    pub fn learn_heights(
        &mut self,
        height_of: &dyn Fn(&BlockHash) -> Option<Height>,
    ) -> Result<(), StoreError> {
        self.frames.learn_heights(height_of)
    }

    /// Deletes undo files for good; as [`crate::BlockStore::prune`].
    pub fn prune(&mut self, files: &[u32]) -> Result<(), StoreError> {
        self.sync()?;
        let pruned = self.frames.prune(files);
        self.health.note(pruned).map(|_| ())
    }

    /// Bytes appended since the last [`UndoFiles::sync`].
    pub fn unsynced_bytes(&self) -> u64 {
        self.frames.unsynced_bytes()
    }

    /// Makes all that was appended survive power loss. Does nothing if nothing was. To be called before coins are
    /// flushed: the undo data of every block whose coins are on the disk must be there too.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.health.check()?;
        if !self.frames.dirty() {
            return Ok(());
        }
        let synced = self.frames.sync(0);
        self.health.note(synced)
    }
}

/// Reads undo data by block hash, from any thread, while [`UndoFiles`] appends. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct UndoReader(Arc<FrameReader>);

impl UndoReader {
    /// Whether there is undo data of this block. Reads no file.
    ///
    /// The answer rests on 96 bits of the hash, salted anew in every process, so nobody can make two blocks that are
    /// taken for each other, and chance does not either.
    pub fn contains(&self, hash: &BlockHash) -> bool {
        !self.0.index().candidates(hash).is_empty()
    }

    /// The undo data of block `hash`, whose parent is `previous`, or `None` if there is none. What comes back is what
    /// went in, or a [`StoreError::Damaged`] that names the place and what repairs it.
    pub fn read(
        &self,
        hash: &BlockHash,
        previous: &BlockHash,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut damaged = None;
        for entry in self.0.index().candidates(hash) {
            let mut undo = match self.0.read(&entry, entry.size as usize) {
                Ok(body) => body,
                Err(_) if self.0.is_gone(&entry) => continue,
                Err(e) => {
                    damaged = Some(e);
                    continue;
                }
            };
            if let Some(size) = undo.len().checked_sub(UNDO_CHECKSUM)
                && checksum(previous, &undo[..size]) == undo[size..]
            {
                undo.truncate(size);
                return Ok(Some(undo));
            }
            let what = format!("the checksum of the undo data of block {hash} is wrong");
            damaged = Some(self.0.damage(&entry, &what));
        }
        damaged.map_or(Ok(None), Err)
    }

    /// What is in each undo file, if it was learned ([`UndoFiles::learn_heights`]).
    pub fn files(&self) -> FileTable {
        self.0.table().clone()
    }

    /// Number of blocks of which there is undo data.
    pub fn blocks(&self) -> u64 {
        self.0.index().frames()
    }

    /// Bytes that the undo files take.
    pub fn size_on_disk(&self) -> u64 {
        self.0.index().bytes() + self.blocks() * FRAME_HEAD as u64
    }
}

/// The checksum behind undo data, as in Bitcoin Core's files.
fn checksum(previous: &BlockHash, undo: &[u8]) -> [u8; UNDO_CHECKSUM] {
    let mut engine = sha256d::Hash::engine();
    engine.input(previous.as_byte_array());
    engine.input(undo);
    sha256d::Hash::from_engine(engine).to_byte_array()
}
