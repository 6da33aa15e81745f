//! A block file, read from its beginning.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use tipward_primitives::bitcoin::consensus::deserialize;
use tipward_primitives::{Header, Params, RawBlock};

/// Bytes of a header.
const HEADER: usize = 80;
/// No block is larger.
const MAX_BLOCK_SIZE: usize = 4_000_000;

pub(super) struct BlockFile {
    file: BufReader<File>,
    magic: [u8; 4],
}

impl BlockFile {
    pub(super) fn open(path: &Path, params: &Params) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self {
            file: BufReader::new(file),
            magic: params.magic,
        })
    }

    /// Size of the next block; `None` at the end of the file.
    fn frame(&mut self) -> anyhow::Result<Option<usize>> {
        let mut frame = [0; 8];
        match self.file.read_exact(&mut frame) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let [m0, m1, m2, m3, size @ ..] = frame;
        ensure!([m0, m1, m2, m3] == self.magic, "no block of this network");
        let size = u32::from_le_bytes(size) as usize;
        ensure!(
            (HEADER..=MAX_BLOCK_SIZE).contains(&size),
            "no block has {size} bytes"
        );
        Ok(Some(size))
    }

    /// The next block.
    pub(super) fn block(&mut self) -> anyhow::Result<Option<RawBlock>> {
        let Some(size) = self.frame()? else {
            return Ok(None);
        };
        let mut bytes = vec![0; size];
        self.file.read_exact(&mut bytes)?;
        RawBlock::new(bytes.into()).map(Some).context("no block")
    }

    /// The next block's header; its body is passed over.
    pub(super) fn header(&mut self) -> anyhow::Result<Option<Header>> {
        let Some(size) = self.frame()? else {
            return Ok(None);
        };
        let mut bytes = [0; HEADER];
        self.file.read_exact(&mut bytes)?;
        self.file.seek_relative((size - HEADER) as i64)?;
        Ok(Some(deserialize(&bytes)?))
    }
}
