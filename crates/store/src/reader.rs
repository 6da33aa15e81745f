use std::sync::Arc;

use bitcoin::consensus::Decodable as _;
use bytes::Bytes;
use tipward_primitives::{BlockHash, Header, RawBlock};

use crate::error::StoreError;
use crate::file_table::FileTable;
use crate::frame_reader::FrameReader;
use crate::layout;

/// Reads blocks by hash, from any thread, while the writer appends. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct BlockReader(Arc<FrameReader>);

impl BlockReader {
    pub(crate) fn new(frames: Arc<FrameReader>) -> Self {
        Self(frames)
    }

    /// The block, or `None` if it is not stored. Its bytes are compared with the checksum that was taken when it was
    /// stored: what comes back is what went in, or a [`StoreError::Damaged`] that names the place.
    pub fn read(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        let mut damaged = None;
        for entry in self.0.index().candidates(hash) {
            let bytes = match self.0.read(&entry, entry.size as usize) {
                Ok(bytes) => bytes,
                Err(_) if self.0.is_gone(&entry) => continue,
                Err(e) => {
                    damaged = Some(e);
                    continue;
                }
            };
            if crc32c::crc32c(&bytes) != entry.check {
                let what = format!("the checksum of block {hash} is wrong");
                damaged = Some(self.0.damage(&entry, &what));
                continue;
            }
            match RawBlock::new(Bytes::from(bytes)) {
                Ok(block) if block.block_hash() == *hash => return Ok(Some(block)),
                // Another block with the same tag.
                Ok(_) => {}
                Err(e) => damaged = Some(self.0.damage(&entry, &e.to_string())),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// The header of a stored block, or `None` if no block with this hash can be read.
    pub fn header(&self, hash: &BlockHash) -> Option<Header> {
        self.0.index().candidates(hash).iter().find_map(|entry| {
            let bytes = self.0.read(entry, RawBlock::HEADER_SIZE).ok()?;
            let header = Header::consensus_decode(&mut &bytes[..]).ok()?;
            (header.block_hash() == *hash).then_some(header)
        })
    }

    /// Whether the block is stored (and at least its header can be read).
    pub fn contains(&self, hash: &BlockHash) -> bool {
        self.header(hash).is_some()
    }

    /// Whether the block was stored since the store was opened. Reads no file.
    pub fn is_new(&self, hash: &BlockHash) -> bool {
        let entries = self.0.index().candidates(hash);
        !entries.is_empty() && entries.iter().all(|entry| self.0.is_new(entry))
    }

    /// Size in bytes of the block, or `None` if it is not stored. Reads no file.
    pub fn size_of(&self, hash: &BlockHash) -> Option<u32> {
        self.0.index().candidates(hash).first().map(|e| e.size)
    }

    /// What is in each block file, if it was learned ([`crate::BlockStore::learn_heights`]).
    pub fn files(&self) -> FileTable {
        self.0.table().clone()
    }

    /// Whether blocks were deleted to save space.
    pub fn is_pruned(&self) -> bool {
        self.0.has_gone()
    }

    /// Number of stored blocks.
    pub fn blocks(&self) -> u64 {
        self.0.index().frames()
    }

    /// Bytes that the block files take, as `size_on_disk` of `getblockchaininfo` has it but for the undo files.
    pub fn size_on_disk(&self) -> u64 {
        self.0.index().bytes() + self.blocks() * layout::FRAME_HEAD as u64
    }
}
