//! Which files were deleted to save space.
//!
//! # Correctness
//!
//! That a file is to be deleted is on the disk before it is deleted. Whoever opens the directory afterwards deletes what is
//! left of it: so a file that is named here is gone, whenever the node ended, and one that is gone and is not named here
//! was lost.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, StoreError};
use crate::kind::Kind;
use crate::manifest::{sync_dir, write_by_rename};

const TITLE: &str = "tipward pruned files";

/// Numbers of deleted files, as runs: nearly always one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers(BTreeMap<u32, u32>);

impl Numbers {
    pub(crate) fn contains(&self, file: u32) -> bool {
        let run = self.0.range(..=file).next_back();
        run.is_some_and(|(_, &last)| file <= last)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.0.values().next_back().copied()
    }

    pub(crate) fn insert(&mut self, file: u32) {
        if self.contains(file) {
            return;
        }
        let mut run = (file, file);
        if let Some((&first, &last)) = self.0.range(..file).next_back()
            && last + 1 == file
        {
            run.0 = first;
        }
        if let Some(next) = file.checked_add(1)
            && let Some(last) = self.0.remove(&next)
        {
            run.1 = last;
        }
        self.0.insert(run.0, run.1);
    }

    fn text(&self) -> String {
        let runs = self
            .0
            .iter()
            .map(|(first, last)| format!(" {first}-{last}"));
        let body = format!("{TITLE}\nfiles ={}\n", runs.collect::<String>());
        format!("{body}checksum = {:08x}\n", crc32c::crc32c(body.as_bytes()))
    }

    fn parse(text: &str) -> Option<Self> {
        let (body, checksum) = text.rsplit_once("checksum = ")?;
        if u32::from_str_radix(checksum.trim_end(), 16) != Ok(crc32c::crc32c(body.as_bytes())) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next() != Some(TITLE) {
            return None;
        }
        let mut numbers = Self::default();
        for run in lines.next()?.strip_prefix("files =")?.split_whitespace() {
            let (first, last) = run.split_once('-')?;
            numbers.0.insert(first.parse().ok()?, last.parse().ok()?);
        }
        Some(numbers)
    }
}

/// The file that names the deleted files of one kind.
#[derive(Debug)]
pub(crate) struct Pruned {
    kind: Kind,
    blocks_dir: PathBuf,
    numbers: Numbers,
}

impl Pruned {
    /// Reads which files were deleted, and deletes what is left of them.
    pub(crate) fn open(kind: Kind, blocks_dir: &Path) -> Result<Self, StoreError> {
        let path = kind.pruned(blocks_dir);
        let numbers = match fs::read(&path) {
            Ok(bytes) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(Numbers::parse)
                .ok_or_else(|| StoreError::Unusable {
                    path: path.clone(),
                    why: "it is damaged, so that it is not known which files were deleted to save space: start with \
                          --reindex, which downloads all blocks again"
                        .to_owned(),
                })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Numbers::default(),
            Err(e) => return Err(e).context(&path, "read"),
        };
        let pruned = Self {
            kind,
            blocks_dir: blocks_dir.to_owned(),
            numbers,
        };
        pruned.finish()?;
        Ok(pruned)
    }

    fn finish(&self) -> Result<(), StoreError> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.blocks_dir).context(&self.blocks_dir, "list")? {
            let entry = entry.context(&self.blocks_dir, "list")?;
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| self.kind.file_number(name));
            if let Some(number) = number
                && self.numbers.contains(number)
            {
                self.delete(number)?;
            }
        }
        Ok(())
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Says for good that these files are gone. Call [`Pruned::delete`] for each after it.
    pub(crate) fn announce(&mut self, files: &[u32]) -> Result<(), StoreError> {
        let mut numbers = self.numbers.clone();
        for file in files {
            numbers.insert(*file);
        }
        write_by_rename(
            &self.kind.pruned(&self.blocks_dir),
            numbers.text().as_bytes(),
        )?;
        self.numbers = numbers;
        Ok(())
    }

    /// Deletes a file that was announced.
    pub(crate) fn delete(&self, file: u32) -> Result<(), StoreError> {
        let path = self.kind.file(&self.blocks_dir, file);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).context(&path, "delete"),
            _ => Ok(()),
        }
    }

    /// Makes the deletions survive power loss: without it, they are done again at the next start.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        sync_dir(&self.blocks_dir)
    }
}

/// Whether block files of this directory were deleted to save space.
pub(crate) fn is_pruned(blocks_dir: &Path) -> bool {
    Kind::Blocks.pruned(blocks_dir).exists()
}

#[cfg(test)]
mod tests;
