//! Finds blocks in a block file again that the index log does not have.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use bitcoin::Block;
use bitcoin::consensus::Decodable as _;
use tipward_primitives::{Header, MAX_BLOCK_SERIALIZED_SIZE, Params, RawBlock};

use crate::error::{Context as _, StoreError};
use crate::layout::FRAME_HEAD;
use crate::records::{FrameRecord, Position};

/// Searches a stretch of a block file for blocks, front to back.
///
/// A block counts only if its header has the proof of work that it names, and its transactions are those that the
/// header (and the witness commitment) commits to: so what is found is a block, whole. Behind bytes that are none (torn,
/// flipped, padding, somebody's garbage) the search goes on with the next bytes that look like a frame. Those may lie
/// within a broken block, put there by whoever made that one; but all that is won with this is that a block is found
/// which anyone could have sent.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    params: &'a Params,
    path: PathBuf,
    /// `None` if the file is missing.
    file: Option<File>,
    at: Position,
    to: u32,
    /// The block that is looked at.
    block: Vec<u8>,
    /// Bytes of the file that are searched for the beginning of a frame, and where they lie in it.
    window: Vec<u8>,
    window_at: u64,
}

/// Bytes that are searched for the beginning of a frame at once.
const WINDOW: usize = 256 << 10;

impl<'a> Search<'a> {
    /// Searches the file at `path`, which is that of `from`, up to the offset `to`, which the file has.
    pub(crate) fn new(
        path: PathBuf,
        params: &'a Params,
        from: Position,
        to: u32,
    ) -> Result<Self, StoreError> {
        let file = match File::open(&path) {
            Ok(file) => Some(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e).context(&path, "open"),
        };
        Ok(Self {
            params,
            path,
            file,
            at: from,
            to,
            block: Vec::new(),
            window: Vec::new(),
            window_at: 0,
        })
    }

    /// The next block; what lies between it and the one before is none.
    pub(crate) fn next_block(&mut self) -> Result<Option<FrameRecord>, StoreError> {
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let found = self.search(&file);
        self.file = Some(file);
        found.context(&self.path, "read")
    }

    fn search(&mut self, file: &File) -> io::Result<Option<FrameRecord>> {
        while self.at.offset < self.to {
            if let Some(record) = self.block_here(file)? {
                self.at.offset = record.position.offset + record.size;
                return Ok(Some(record));
            }
            self.at.offset = self.next_magic(file, self.at.offset + 1)?;
        }
        Ok(None)
    }

    /// The block whose frame begins here, if there is one.
    fn block_here(&mut self, file: &File) -> io::Result<Option<FrameRecord>> {
        const HEADER: usize = FRAME_HEAD + RawBlock::HEADER_SIZE;
        let room = (self.to - self.at.offset) as usize;
        if room < HEADER {
            return Ok(None);
        }
        let mut head = [0; HEADER];
        file.read_exact_at(&mut head, u64::from(self.at.offset))?;
        let (head, header) = head.split_at(FRAME_HEAD);
        let (magic, size) = head.split_at(4);
        let size = size
            .iter()
            .rev()
            .fold(0, |size, &b| size << 8 | usize::from(b));
        let sizes = RawBlock::HEADER_SIZE..=MAX_BLOCK_SERIALIZED_SIZE.min(room - FRAME_HEAD);
        // Cheapest first: whoever made a broken block may have filled it with what looks like frames.
        if magic != self.params.magic || !sizes.contains(&size) || !has_work(header, self.params) {
            return Ok(None);
        }
        let position = Position {
            file: self.at.file,
            offset: self.at.offset + FRAME_HEAD as u32,
        };
        self.block.resize(size, 0);
        file.read_exact_at(&mut self.block, u64::from(position.offset))?;
        let block = bitcoin::consensus::deserialize::<Block>(&self.block).ok();
        Ok(block.filter(is_whole).map(|block| FrameRecord {
            hash: block.block_hash(),
            position,
            size: u32::try_from(size).expect("a frame holds at most 4 MB"),
            transactions: u32::try_from(block.txdata.len())
                .expect("a block of 4 MB has fewer transactions"),
            checksum: crc32c::crc32c(&self.block),
        }))
    }

    /// The first offset from `from` on at which the network's magic lies; the end of the stretch if there is none.
    fn next_magic(&mut self, file: &File, from: u32) -> io::Result<u32> {
        let to = u64::from(self.to);
        let mut at = u64::from(from);
        while at + 4 <= to {
            let window_end = self.window_at + self.window.len() as u64;
            if at < self.window_at || at + 4 > window_end {
                let len = usize::try_from(to - at).map_or(WINDOW, |left| left.min(WINDOW));
                self.window.resize(len, 0);
                self.window_at = at;
                file.read_exact_at(&mut self.window, at)?;
            }
            let skipped = usize::try_from(at - self.window_at).unwrap_or(0);
            let rest = &self.window[skipped..];
            match rest.windows(4).position(|w| w == self.params.magic) {
                // Smaller than `to`.
                Some(found) => return Ok((at + found as u64) as u32),
                // The last three bytes may begin one.
                None => at += rest.len() as u64 - 3,
            }
        }
        Ok(self.to)
    }
}

/// Whether the header has the proof of work that it names, and that is at least the network's least.
fn has_work(mut header: &[u8], params: &Params) -> bool {
    Header::consensus_decode(&mut header).is_ok_and(|header| {
        let target = header.target();
        target <= params.pow_limit && header.validate_pow(target).is_ok()
    })
}

fn is_whole(block: &Block) -> bool {
    let mut txids = HashSet::with_capacity(block.txdata.len());
    block.check_merkle_root()
        && block.check_witness_commitment()
        // A block in which transactions are repeated can have the merkle root of the one without (CVE-2012-2459).
        && block.txdata.iter().all(|tx| txids.insert(tx.compute_txid()))
}
