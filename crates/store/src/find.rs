//! Finds blocks in a block file again that the index log does not have.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bitcoin::Block;
use tipward_primitives::MAX_BLOCK_SERIALIZED_SIZE;

use crate::error::{Context as _, StoreError};
use crate::layout::FRAME_HEAD;
use crate::records::{FrameRecord, Position};

/// The blocks whose frames lie one after the other from `from` on, up to `to`, and where the last of them ends.
///
/// A block counts only if its transactions are those that its header (and its witness commitment) commits to. So what
/// is found is what was once written, and that had been checked; a torn or zeroed frame ends the search. There is no
/// search beyond it: bytes within a block could look like a frame.
pub(crate) fn blocks(
    path: &Path,
    magic: [u8; 4],
    from: Position,
    to: u32,
) -> Result<(Vec<FrameRecord>, u32), StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), from.offset)),
        Err(e) => return Err(e).context(path, "open"),
    };
    let mut found = Vec::new();
    let mut at = from.offset;
    let mut bytes = Vec::new();
    while let Some(size) = frame_size(&file, magic, at, to).context(path, "read")? {
        let position = Position {
            file: from.file,
            offset: at + FRAME_HEAD as u32,
        };
        bytes.resize(size as usize, 0);
        file.read_exact_at(&mut bytes, u64::from(position.offset))
            .context(path, "read")?;
        let Ok(block) = bitcoin::consensus::deserialize::<Block>(&bytes) else {
            break;
        };
        if !block.check_merkle_root() || !block.check_witness_commitment() {
            break;
        }
        found.push(FrameRecord {
            hash: block.block_hash(),
            position,
            size,
            transactions: u32::try_from(block.txdata.len())
                .expect("a block of 4 MB has fewer transactions"),
            checksum: crc32c::crc32c(&bytes),
        });
        at = position.offset + size;
    }
    Ok((found, at))
}

/// Size of the block whose frame begins at `at`, if one does and ends within `to`.
fn frame_size(file: &File, magic: [u8; 4], at: u32, to: u32) -> io::Result<Option<u32>> {
    let left = to.saturating_sub(at) as usize;
    if left < FRAME_HEAD {
        return Ok(None);
    }
    let mut head = [0; FRAME_HEAD];
    file.read_exact_at(&mut head, u64::from(at))?;
    let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let fits = (size as usize) <= (left - FRAME_HEAD).min(MAX_BLOCK_SERIALIZED_SIZE);
    Ok((head[..4] == magic && fits).then_some(size))
}
