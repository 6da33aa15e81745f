use std::collections::HashSet;
use std::fs;
use std::path::Path;

use tipward_primitives::{BlockHash, Header, Params, RawBlock};

use crate::block_files::{BlockFiles, MAX_BLOCKS_AT_ONCE};
use crate::error::{Context as _, StoreError};
use crate::loaded::{Headers, Loaded, Repair, Report, StoredBlocks};
use crate::lock::Lock;
use crate::log::{Log, Opened, Record};
use crate::reader::BlockReader;
use crate::records::{BlockRecord, IndexRecord, Position};
use crate::{heal, layout, manifest, recover};

/// The writing side of one network's data directory. There is one per directory: it holds the lock.
///
/// # Correctness
///
/// A write that fails leaves the files as they were before it. When that cannot be had, or a sync fails (after which
/// the kernel may have forgotten what it could not write), every later call fails with [`StoreError::Stopped`], and
/// the next [`BlockStore::open`] recovers.
#[derive(Debug)]
pub struct BlockStore {
    headers: Log<Header>,
    index_log: Log<IndexRecord>,
    files: BlockFiles,
    reader: BlockReader,
    unsynced_bytes: u64,
    /// Something happened since the last sync.
    dirty: bool,
    stopped: Option<String>,
    // Last, so that the files are closed before another may open them.
    _lock: Lock,
}

/// A block to append, which has been checked.
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
    /// Opens `dir`, which is `<datadir>/<network>` (see [`layout::network_dir_name`]), or creates it; finds and repairs
    /// what a crash left.
    pub fn open(dir: &Path, params: &Params) -> Result<(Self, Loaded), StoreError> {
        fs::create_dir_all(dir).context(dir, "create the data directory")?;
        let lock = Lock::take(dir)?;
        manifest::check_or_create(dir, params)?;
        let blocks_dir = layout::blocks_dir(dir);
        fs::create_dir_all(&blocks_dir).context(&blocks_dir, "create")?;
        refuse_xor_key(&blocks_dir)?;

        let mut repairs = Vec::new();
        let (mut index_log, opened) = Log::open(layout::index_log(dir), params.magic)?;
        note_opened(&index_log, &opened, &mut repairs);
        let (mut headers, opened) = Log::open(layout::header_log(dir), params.magic)?;
        note_opened(&headers, &opened, &mut repairs);

        let reader = BlockReader::new(blocks_dir.clone());
        let recovered = recover::load(&mut index_log, &blocks_dir, params.magic, reader.index())?;
        let files = BlockFiles::open(&blocks_dir, params.magic, recovered.end)?;
        repairs.extend(recovered.repairs);
        repairs.extend(heal::check(
            &mut headers,
            recovered.synced_headers,
            &index_log,
            &reader,
            params.genesis_hash,
        )?);

        let mut store = Self {
            headers,
            index_log,
            files,
            reader,
            unsynced_bytes: 0,
            dirty: recovered.unsynced || !repairs.is_empty(),
            stopped: None,
            _lock: lock,
        };
        store.append_blocks(&[genesis(params)])?;
        store.sync()?;
        let loaded = Loaded {
            report: Report {
                headers: store.headers.records(),
                blocks: store.reader.blocks(),
                repairs,
            },
            headers: Headers(store.headers.scan()),
            blocks: StoredBlocks(store.index_log.scan()),
        };
        Ok((store, loaded))
    }

    /// A reader of the blocks, for any thread; it sees each block as soon as it is appended.
    pub fn reader(&self) -> BlockReader {
        self.reader.clone()
    }

    /// Appends headers, parents first, that were not appended before. All or nothing.
    pub fn append_headers(&mut self, headers: &[Header]) -> Result<(), StoreError> {
        self.check_running()?;
        let appended = self.headers.append(headers);
        self.stop_if_broken(appended)?;
        self.dirty = true;
        self.unsynced_bytes += (headers.len() * Header::SIZE) as u64;
        Ok(())
    }

    /// Appends blocks whose headers were appended before. Blocks that are stored already are passed over: no block is
    /// ever stored twice.
    ///
    /// When it fails, blocks at the front of the batch may be stored nevertheless; appending them again says
    /// [`Appended::AlreadyThere`].
    pub fn append_blocks(&mut self, blocks: &[NewBlock]) -> Result<Vec<Appended>, StoreError> {
        self.check_running()?;
        let mut seen = HashSet::with_capacity(blocks.len());
        let mut outcomes = Vec::with_capacity(blocks.len());
        let mut run: Vec<&NewBlock> = Vec::with_capacity(blocks.len());
        let mut run_bytes = 0;
        for block in blocks {
            // One that is damaged may be stored anew.
            let stored = || matches!(self.reader.read(&block.hash), Ok(Some(_)));
            if !seen.insert(block.hash) || stored() {
                outcomes.push(Appended::AlreadyThere);
                continue;
            }
            outcomes.push(Appended::Written);
            let bytes = (layout::FRAME_HEAD + block.block.size()) as u64;
            let room = self.files.has_room_for(run_bytes + bytes);
            if !room || run.len() == MAX_BLOCKS_AT_ONCE {
                self.append_run(&run)?;
                run.clear();
                run_bytes = 0;
            }
            if !self.files.has_room_for(bytes) {
                let next = self.files.next_file();
                self.stop_if_broken(next)?;
            }
            run.push(block);
            run_bytes += bytes;
        }
        self.append_run(&run)?;
        Ok(outcomes)
    }

    /// Appends blocks that fit into the open file.
    fn append_run(&mut self, blocks: &[&NewBlock]) -> Result<(), StoreError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let start = self.files.end();
        let mut offset = start.offset;
        let records: Vec<IndexRecord> = blocks
            .iter()
            .map(|block| {
                let position = Position {
                    file: start.file,
                    offset: offset + layout::FRAME_HEAD as u32,
                };
                let size = u32::try_from(block.block.size()).expect("a block has at most 4 MB");
                offset = position.offset + size;
                IndexRecord::Block(BlockRecord {
                    hash: block.hash,
                    position,
                    size,
                    transactions: block.transactions,
                    checksum: crc32c::crc32c(block.block.bytes()),
                })
            })
            .collect();
        let payloads: Vec<&[u8]> = blocks.iter().map(|b| &b.block.bytes()[..]).collect();

        let written = self.files.append(&payloads);
        self.stop_if_broken(written)?;
        if let Err(e) = self.index_log.append(&records) {
            let rolled_back = self.files.roll_back(start);
            self.stop_if_broken(rolled_back)?;
            return self.stop_if_broken(Err(e));
        }
        for record in &records {
            if let IndexRecord::Block(block) = record {
                self.reader.index().insert(block);
            }
        }
        self.dirty = true;
        self.unsynced_bytes += u64::from(offset - start.offset);
        Ok(())
    }

    /// Bytes appended since the last [`BlockStore::sync`].
    pub fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes
    }

    /// Makes all that was appended survive power loss. Does nothing if nothing was.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.check_running()?;
        if !self.dirty {
            return Ok(());
        }
        let synced = self.headers.sync().and_then(|()| self.files.sync());
        self.stop(synced)?;
        let mark = IndexRecord::SyncMark {
            end: self.files.end(),
            headers: u32::try_from(self.headers.records()).unwrap_or(u32::MAX),
        };
        let marked = self.index_log.append([mark]);
        self.stop_if_broken(marked)?;
        let synced = self.index_log.sync();
        self.stop(synced)?;
        self.unsynced_bytes = 0;
        self.dirty = false;
        Ok(())
    }

    fn check_running(&self) -> Result<(), StoreError> {
        match &self.stopped {
            None => Ok(()),
            Some(why) => Err(StoreError::Stopped(why.clone())),
        }
    }

    /// An append that could not even be taken back stops the store.
    fn stop_if_broken<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Stopped(why)) = &result {
            self.stopped = Some(why.clone());
        }
        result
    }

    /// Any failure of `result` stops the store.
    fn stop<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(e) = &result {
            self.stopped = Some(e.to_string());
        }
        result
    }
}

fn genesis(params: &Params) -> NewBlock {
    let bytes = bitcoin::consensus::serialize(&params.genesis);
    NewBlock {
        hash: params.genesis_hash,
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

fn note_opened<R: Record>(log: &Log<R>, opened: &Opened, repairs: &mut Vec<Repair>) {
    let mut repair = |offset, what: String| {
        repairs.push(Repair {
            path: log.path().to_owned(),
            offset,
            what,
        });
    };
    if opened.head_rewritten {
        repair(0, "the head was damaged; wrote it anew".to_owned());
    }
    if opened.torn_bytes > 0 {
        repair(
            Log::<R>::offset(log.records()),
            format!(
                "a torn record of {} bytes at the end; cut it",
                opened.torn_bytes
            ),
        );
    }
}
