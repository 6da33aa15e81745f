use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, StoreError};
use crate::kind::Kind;
use crate::records::{FrameRecord, IndexRecord};

/// Compares frames with their checksums; keeps the last file open.
pub(crate) struct BodyReader<'a> {
    kind: Kind,
    blocks_dir: &'a Path,
    file: Option<(u32, File, PathBuf)>,
    bytes: Vec<u8>,
}

impl<'a> BodyReader<'a> {
    pub(crate) fn new(kind: Kind, blocks_dir: &'a Path) -> Self {
        Self {
            kind,
            blocks_dir,
            file: None,
            bytes: Vec::new(),
        }
    }

    /// The record's frame was found to lie within its file before.
    pub(crate) fn is_whole(&mut self, record: &IndexRecord) -> Result<bool, StoreError> {
        let IndexRecord::Frame(FrameRecord {
            position,
            size,
            checksum,
            ..
        }) = record
        else {
            return Ok(true);
        };
        if self.file.as_ref().is_none_or(|(n, ..)| *n != position.file) {
            let path = self.kind.file(self.blocks_dir, position.file);
            let file = File::open(&path).context(&path, "open")?;
            self.file = Some((position.file, file, path));
        }
        let Some((_, file, path)) = &self.file else {
            return Ok(false);
        };
        self.bytes.resize(*size as usize, 0);
        file.read_exact_at(&mut self.bytes, u64::from(position.offset))
            .context(path, "read")?;
        Ok(crc32c::crc32c(&self.bytes) == *checksum)
    }
}
