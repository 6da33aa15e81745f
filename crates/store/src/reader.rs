use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bitcoin::consensus::Decodable as _;
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use tipward_primitives::{BlockHash, Header, RawBlock};

use crate::error::{Context as _, StoreError};
use crate::index::Index;
use crate::layout;
use crate::table::Entry;

/// Reads blocks by hash, from any thread, while the writer appends. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct BlockReader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    blocks_dir: PathBuf,
    index: Index,
    /// Open block files, the last used one last.
    files: Mutex<Vec<(u32, Arc<File>)>>,
}

/// Block files that are kept open for reading.
const OPEN_FILES: usize = 32;

impl BlockReader {
    pub(crate) fn new(blocks_dir: PathBuf) -> Self {
        Self(Arc::new(Shared {
            blocks_dir,
            index: Index::new(),
            files: Mutex::default(),
        }))
    }

    pub(crate) fn index(&self) -> &Index {
        &self.0.index
    }

    /// The block, or `None` if it is not stored. Its bytes are compared with the checksum that was taken when it was
    /// stored: what comes back is what went in, or a [`StoreError::Damaged`] that names the place.
    pub fn read(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        let mut damaged = None;
        for entry in self.index().candidates(hash) {
            let bytes = match self.read_at(&entry, entry.size as usize) {
                Ok(bytes) => bytes,
                Err(e) => {
                    damaged = Some(e);
                    continue;
                }
            };
            if crc32c::crc32c(&bytes) != entry.checksum {
                damaged = Some(self.damage(&entry, "the block's checksum is wrong"));
                continue;
            }
            match RawBlock::new(Bytes::from(bytes)) {
                Ok(block) if block.block_hash() == *hash => return Ok(Some(block)),
                // Another block with the same tag.
                Ok(_) => {}
                Err(e) => damaged = Some(self.damage(&entry, &e.to_string())),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// The header of a stored block, or `None` if no block with this hash can be read.
    pub fn header(&self, hash: &BlockHash) -> Option<Header> {
        self.index().candidates(hash).iter().find_map(|entry| {
            let bytes = self.read_at(entry, RawBlock::HEADER_SIZE).ok()?;
            let header = Header::consensus_decode(&mut &bytes[..]).ok()?;
            (header.block_hash() == *hash).then_some(header)
        })
    }

    /// Whether the block is stored (and at least its header can be read).
    pub fn contains(&self, hash: &BlockHash) -> bool {
        self.header(hash).is_some()
    }

    /// Size in bytes of the block, or `None` if it is not stored. Reads no file.
    pub fn size_of(&self, hash: &BlockHash) -> Option<u32> {
        self.index().candidates(hash).first().map(|e| e.size)
    }

    /// Number of stored blocks.
    pub fn blocks(&self) -> u64 {
        self.index().blocks()
    }

    /// Bytes that the block files take, as `size_on_disk` of `getblockchaininfo` has it.
    pub fn size_on_disk(&self) -> u64 {
        self.index().bytes() + self.blocks() * layout::FRAME_HEAD as u64
    }

    fn read_at(&self, entry: &Entry, len: usize) -> Result<Vec<u8>, StoreError> {
        let path = || layout::block_file(&self.0.blocks_dir, entry.file);
        let file = self.file(entry.file).context(&path(), "open")?;
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let offset = u64::from(entry.offset) + bytes.len() as u64;
            match rustix::io::pread(&file, spare_capacity(&mut bytes), offset) {
                Ok(0) => return Err(self.damage(entry, "the file ends within the block")),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e).context(&path(), "read"),
            }
        }
        // The allocator may have given more than was asked for.
        bytes.truncate(len);
        Ok(bytes)
    }

    fn file(&self, number: u32) -> io::Result<Arc<File>> {
        let lock = || self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut files = lock();
            if let Some(at) = files.iter().rposition(|(n, _)| *n == number) {
                let found = files.remove(at);
                let file = Arc::clone(&found.1);
                files.push(found);
                return Ok(file);
            }
        }
        let file = Arc::new(File::open(layout::block_file(&self.0.blocks_dir, number))?);
        let mut files = lock();
        if files.len() >= OPEN_FILES {
            files.remove(0);
        }
        files.push((number, Arc::clone(&file)));
        Ok(file)
    }

    fn damage(&self, entry: &Entry, what: &str) -> StoreError {
        StoreError::Damaged {
            path: layout::block_file(&self.0.blocks_dir, entry.file),
            offset: u64::from(entry.offset),
            what: what.to_owned(),
        }
    }
}
