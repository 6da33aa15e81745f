//! Writing a run.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::filter::{FilterBuilder, KeyBits};
use super::super::page::{Entry, PAGE_SIZE, PageBuilder};
use super::index::Mark;
use super::{Footer, Run};
use crate::CoinsError;

/// Bytes that are written at once: they are in the processor's caches still.
const CHUNK: usize = 256 << 10;

/// A run that is being written. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct RunWriter {
    dir: PathBuf,
    id: u64,
    file: Option<File>,
    /// Pages that are not in the file yet.
    buffer: Vec<u8>,
    page: PageBuilder,
    /// Marks of the pages' first keys, and where they begin.
    first: Vec<Mark>,
    places: Vec<u32>,
    pages: u32,
    entries: u64,
    filter: Option<FilterBuilder>,
    /// Bytes of pages, those in the buffer included.
    size: u64,
}

impl RunWriter {
    /// Begins a run. `filter_keys`: it gets a filter with room for so many keys.
    pub(crate) fn create(
        dir: &Path,
        id: u64,
        filter_keys: Option<u64>,
    ) -> Result<Self, CoinsError> {
        let path = Run::path(dir, id);
        let file = File::create(&path).map_err(|source| CoinsError::Io { path, source })?;
        Ok(Self {
            dir: dir.to_owned(),
            id,
            file: Some(file),
            buffer: Vec::with_capacity(CHUNK + PAGE_SIZE),
            page: PageBuilder::default(),
            first: Vec::new(),
            places: Vec::new(),
            pages: 0,
            entries: 0,
            filter: filter_keys.map(FilterBuilder::for_keys),
            size: 0,
        })
    }

    /// Entries so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of its pages so far, but for the last.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry, whose key is greater than those before.
    #[inline]
    pub(crate) fn push(&mut self, entry: &Entry<'_>) -> Result<(), CoinsError> {
        if !self.page.has_room(entry) {
            self.finish_page()?;
        }
        if self.page.is_empty() {
            self.first.push(Mark::of(entry.key()));
            self.places.push(self.pages);
        }
        self.page.push(entry);
        self.entries += 1;
        if let Some(filter) = &mut self.filter {
            filter.insert(KeyBits::of(entry.key()));
        }
        Ok(())
    }

    fn finish_page(&mut self) -> Result<(), CoinsError> {
        let before = self.buffer.len();
        self.pages += self.page.finish(&mut self.buffer);
        self.size += (self.buffer.len() - before) as u64;
        if self.buffer.len() >= CHUNK {
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), CoinsError> {
        let file = self
            .file
            .as_mut()
            .expect("it is there until it is finished");
        let written = file.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|source| self.io_error(source))
    }

    fn io_error(&self, source: io::Error) -> CoinsError {
        let path = Run::path(&self.dir, self.id);
        CoinsError::Io { path, source }
    }

    /// Writes the rest and makes it durable. The folder is not synced, and unless it is [kept](Run::keep) the run is deleted when it
    /// is dropped.
    pub(crate) fn finish(mut self) -> Result<Run, CoinsError> {
        if !self.page.is_empty() {
            self.finish_page()?;
        }
        // Filter and index.
        let mut tail = Vec::new();
        if let Some(filter) = self.filter.take() {
            filter.write(&mut tail);
        }
        let filter_size = tail.len() as u64;
        tail.extend(self.first.iter().flat_map(|first| first.to_bytes()));
        let indexed = self.first.len() as u32;
        if indexed != self.pages {
            self.places.push(self.pages);
            tail.extend(self.places.iter().flat_map(|at| at.to_le_bytes()));
        }
        let footer = Footer {
            pages: self.pages,
            indexed,
            entries: self.entries,
            filter_size,
            sum: crc32c::crc32c(&tail),
        };
        tail.extend(footer.write());
        let size = self.size + tail.len() as u64;
        self.write_out()?;
        self.buffer = tail;
        self.write_out()?;
        let file = self.file.take().expect("it is finished only once");
        if let Err(source) = file.sync_data() {
            self.file = Some(file);
            return Err(self.io_error(source));
        }
        let run = Run::open(&self.dir, self.id, size)?;
        run.retire();
        Ok(run)
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // What cannot be deleted now is when the coins are opened: no manifest names it.
            let _ = fs::remove_file(Run::path(&self.dir, self.id));
        }
    }
}
