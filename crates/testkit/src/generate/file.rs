use std::fs::File;
use std::io::{BufWriter, Result, Write as _};
use std::path::Path;

use tipward_primitives::RawBlock;

/// Writes blocks as Bitcoin Core's `blk*.dat` files frame them: the network's magic, the size (32 bits, least significant
/// byte first), the block.
#[derive(Debug)]
pub struct BlockFileWriter {
    file: BufWriter<File>,
    magic: [u8; 4],
}

impl BlockFileWriter {
    /// Creates the file, or empties the one that is there.
    pub fn create(path: &Path, magic: [u8; 4]) -> Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            magic,
        })
    }

    /// Appends a block.
    pub fn write(&mut self, block: &RawBlock) -> Result<()> {
        let size = u32::try_from(block.size()).map_err(std::io::Error::other)?;
        self.file.write_all(&self.magic)?;
        self.file.write_all(&size.to_le_bytes())?;
        self.file.write_all(block.bytes())
    }

    /// Hands everything to the operating system. Without it, an error in doing so goes unseen.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush()
    }
}

/// Writes all `blocks` into a new file.
pub fn write_block_file(
    path: &Path,
    magic: [u8; 4],
    blocks: impl IntoIterator<Item = RawBlock>,
) -> Result<()> {
    let mut writer = BlockFileWriter::create(path, magic)?;
    for block in blocks {
        writer.write(&block)?;
    }
    writer.finish()
}
