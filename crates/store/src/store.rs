use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tipward_primitives::{BlockHash, Header, Height, Params, RawBlock};

use crate::error::{Context as _, StoreError};
use crate::frame_files::Frame;
use crate::framed::{Framed, NewFrame};
use crate::health::Health;
use crate::kind::Kind;
use crate::loaded::{Headers, Loaded, Progress, Report, StoredBlocks};
use crate::lock::Lock;
use crate::log::{Log, Record as _};
use crate::marks::{BlockMark, MarkRecord};
use crate::reader::BlockReader;
use crate::undo::UndoFiles;
use crate::{heal, layout, manifest, marks, reindex};

/// The writing side of one network's data directory, but for undo data. There is one per directory: it holds the lock.
///
/// # Correctness
///
/// A write that fails leaves the files as they were before it. When that cannot be had, or a sync fails (after which
/// the kernel may have forgotten what it could not write), every later call fails with [`StoreError::Stopped`], and
/// the next [`BlockStore::open`] recovers.
#[derive(Debug)]
pub struct BlockStore {
    headers: Log<Header>,
    marks: Log<MarkRecord>,
    blocks: Framed,
    reader: BlockReader,
    /// Bytes of headers and marks since the last sync.
    unsynced_bytes: u64,
    /// Headers or marks were written, or something was repaired, since the last sync.
    dirty: bool,
    health: Health,
    // Last, so that the files are closed before another may open them.
    _lock: Arc<Lock>,
}

/// A block to append, which has been checked.
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
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
    /// Opens `dir`, which is `<datadir>/<network>` (see [`layout::network_dir_name`]), or creates it; finds and repairs
    /// what a crash left.
    pub fn open(dir: &Path, params: &Params) -> Result<(Self, UndoFiles, Loaded), StoreError> {
        Self::open_with(dir, params, &mut |_| {})
    }

    /// As [`BlockStore::open`], and tells how far it is when it has to search block files, which takes long when all of
    /// them have to be searched: after [`crate::reindex`], or when `index.log` is lost.
    pub fn open_with(
        dir: &Path,
        params: &Params,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Self, UndoFiles, Loaded), StoreError> {
        Self::open_sized(dir, params, layout::MAX_BLOCK_FILE_SIZE, progress)
    }

    /// As [`BlockStore::open_with`], with files that are finished when they would pass `file_size`.
    pub fn open_sized(
        dir: &Path,
        params: &Params,
        file_size: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Self, UndoFiles, Loaded), StoreError> {
        fs::create_dir_all(dir).context(dir, "create the data directory")?;
        let lock = Arc::new(Lock::take(dir)?);
        manifest::check_or_create(dir, params)?;
        reindex::resume(dir)?;
        let blocks_dir = layout::blocks_dir(dir);
        fs::create_dir_all(&blocks_dir).context(&blocks_dir, "create")?;
        refuse_xor_key(&blocks_dir)?;

        let opened = Framed::open(Kind::Blocks, &blocks_dir, params, file_size, progress)?;
        let (blocks, mut repairs) = (opened.frames, opened.repairs);
        let reader = BlockReader::new(Arc::clone(blocks.reader()));
        let path = layout::header_log(dir);
        let (mut headers, found) = Log::open(path, layout::HEADER_LOG_NAME, params.magic)?;
        repairs.extend(found);
        let genesis_hash = params.genesis_hash;
        let synced = opened.synced_headers;
        repairs.extend(heal::check(
            &mut headers,
            synced,
            blocks.log(),
            &reader,
            genesis_hash,
        )?);
        let path = layout::mark_log(dir);
        let (mut mark_log, found) = Log::open(path, layout::MARK_LOG_NAME, params.magic)?;
        repairs.extend(found);
        let marks = marks::load(&mut mark_log, &mut repairs)?;
        let opened = Framed::open(Kind::Undo, &blocks_dir, params, file_size, progress)?;
        repairs.extend(opened.repairs);

        let mut store = Self {
            headers,
            marks: mark_log,
            blocks,
            reader,
            unsynced_bytes: 0,
            dirty: !repairs.is_empty(),
            health: Health::default(),
            _lock: Arc::clone(&lock),
        };
        // Where blocks were deleted it was among the first.
        if !store.is_pruned() {
            store.append_blocks(&[genesis(params)])?;
        }
        store.sync()?;
        let mut undo = UndoFiles::new(opened.frames, lock);
        undo.sync()?;
        let loaded = Loaded {
            report: Report {
                headers: store.headers.records(),
                blocks: store.reader.blocks(),
                undo: undo.reader().blocks(),
                repairs,
            },
            headers: Headers(store.headers.scan()),
            blocks: StoredBlocks(store.blocks.log().scan(), store.blocks.pruned().clone()),
            marks,
        };
        Ok((store, undo, loaded))
    }

    /// A reader of the blocks, for any thread; it sees each block as soon as it is appended.
    pub fn reader(&self) -> BlockReader {
        self.reader.clone()
    }

    /// Appends headers, parents first, that were not appended before. All or nothing.
    pub fn append_headers(&mut self, headers: &[Header]) -> Result<(), StoreError> {
        self.health.check()?;
        let appended = self.headers.append(headers);
        self.health.note(appended)?;
        self.dirty = true;
        self.unsynced_bytes += (headers.len() * Header::SIZE) as u64;
        Ok(())
    }

    /// Remembers something about a block. Synced with the next [`BlockStore::sync`].
    pub fn append_mark(&mut self, hash: BlockHash, mark: BlockMark) -> Result<(), StoreError> {
        self.health.check()?;
        let appended = self.marks.append([MarkRecord { hash, mark }]);
        self.health.note(appended)?;
        self.dirty = true;
        self.unsynced_bytes += MarkRecord::SIZE as u64;
        Ok(())
    }

    /// Appends blocks whose headers were appended before. Blocks that are stored already are passed over: no block is
    /// ever stored twice.
    ///
    /// When it fails, blocks at the front of the batch may be stored nevertheless; appending them again says
    /// [`Appended::AlreadyThere`].
    pub fn append_blocks(&mut self, blocks: &[NewBlock]) -> Result<Vec<Appended>, StoreError> {
        self.health.check()?;
        let mut seen = HashSet::with_capacity(blocks.len());
        let mut outcomes = Vec::with_capacity(blocks.len());
        let mut new = Vec::with_capacity(blocks.len());
        for block in blocks {
            // One that is damaged may be stored anew.
            let stored = || matches!(self.reader.read(&block.hash), Ok(Some(_)));
            if !seen.insert(block.hash) || stored() {
                outcomes.push(Appended::AlreadyThere);
                continue;
            }
            outcomes.push(Appended::Written);
            new.push(NewFrame {
                hash: block.hash,
                height: block.height,
                transactions: block.transactions,
                frame: Frame {
                    payload: block.block.bytes(),
                    trailer: &[],
                },
            });
        }
        let appended = self.blocks.append(&new);
        self.health.note(appended)?;
        Ok(outcomes)
    }

    /// Whether blocks of this directory were deleted to save space.
    pub fn is_pruned(&self) -> bool {
        !self.blocks.pruned().is_empty()
    }

    /// Has [`BlockReader::files`] know what is in each file, which is what [`BlockStore::prune`] goes by. Reads the log through; to
    /// be called once.
    pub fn learn_heights(
        &mut self,
        height_of: &dyn Fn(&BlockHash) -> Option<Height>,
    ) -> Result<(), StoreError> {
        self.blocks.learn_heights(height_of)
    }

    /// Deletes block files for good, to save space, and returns the blocks that were in them. The file that is appended to
    /// is never deleted. The caller sees to it that nothing needs these blocks any more: coins on disk that contain them, and
    /// no reorganization that reaches so deep.
    ///
    /// A crash leaves a file as it was, or deleted after the next start.
    pub fn prune(&mut self, files: &[u32]) -> Result<Vec<BlockHash>, StoreError> {
        // A record that is not synced would be looked for in its file.
        self.sync()?;
        let pruned = self.blocks.prune(files);
        self.health.note(pruned)
    }

    /// Bytes appended since the last [`BlockStore::sync`].
    pub fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes + self.blocks.unsynced_bytes()
    }

    /// Makes all that was appended survive power loss. Does nothing if nothing was.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.health.check()?;
        if !self.dirty && !self.blocks.dirty() {
            return Ok(());
        }
        let synced = self.sync_all();
        self.health.note(synced)?;
        self.unsynced_bytes = 0;
        self.dirty = false;
        Ok(())
    }

    fn sync_all(&mut self) -> Result<(), StoreError> {
        self.headers.sync()?;
        self.marks.sync()?;
        self.blocks.sync(self.headers.records())
    }
}

fn genesis(params: &Params) -> NewBlock {
    let bytes = bitcoin::consensus::serialize(&params.genesis);
    NewBlock {
        hash: params.genesis_hash,
        height: 0,
        block: RawBlock::new(bytes.into()).expect("a genesis block has a header"),
        transactions: 1,
    }
}

/// Bitcoin Core may leave a key of zeros, which means plain files.
fn refuse_xor_key(blocks_dir: &Path) -> Result<(), StoreError> {
    let path = layout::xor_key(blocks_dir);
    match fs::read(&path) {
        Ok(key) if key.iter().any(|&b| b != 0) => Err(StoreError::Unusable {
            path,
            why: "the block files are xored with this key, which this version cannot do: choose another --datadir"
                .to_owned(),
        }),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).context(&path, "read"),
        _ => Ok(()),
    }
}
