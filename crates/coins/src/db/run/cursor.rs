//! Reading a run from end to end.
//!
//! The file is read in large pieces and not by the map, which is for single pages and would count as memory of ours.

use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::super::page::{Entry, Walk};
use super::{Run, beginning};
use crate::CoinsError;

/// Bytes that are read at once: as many as stay in the processor's caches, with those of some twenty other runs.
const PIECE: usize = 64 << 10;

/// A place in a run.
#[derive(Debug)]
pub(crate) struct Cursor {
    run: Arc<Run>,
    /// Some pages of the run, and where they are in the file.
    piece: Vec<u8>,
    piece_at: usize,
    /// The number of the page that is read, and where it is in the piece.
    page: usize,
    place: Range<usize>,
    /// What follows in the page.
    walk: Walk,
    /// Where the entry is in the piece, nowhere at the end, and how large its key is.
    entry: Range<usize>,
    key_size: usize,
}

impl Cursor {
    /// A cursor at the first entry that is not before `key`.
    pub(crate) fn at(run: Arc<Run>, key: &[u8]) -> Result<Self, CoinsError> {
        let mut cursor = Self {
            page: run.index().candidates(beginning(key)).start,
            run,
            piece: Vec::new(),
            piece_at: 0,
            place: 0..0,
            walk: Walk::default(),
            entry: 0..0,
            key_size: 0,
        };
        cursor.enter()?;
        // Of a transaction that fills many pages, the right one may be far: that is rare, and found by walking.
        while cursor.entry().is_some_and(|entry| entry.key() < key) {
            cursor.advance()?;
        }
        Ok(cursor)
    }

    /// Goes to the first entry of the page that `page` names.
    fn enter(&mut self) -> Result<(), CoinsError> {
        self.entry = 0..0;
        if self.page >= self.run.index().len() {
            return Ok(());
        }
        let Range { start, end } = self.run.index().place(self.page);
        let pages_end = self.run.filter.start;
        if end > pages_end || start >= end {
            return Err(self.run.damaged("it has fewer pages than its index names"));
        }
        if end > self.piece_at + self.piece.len() {
            let size = (pages_end - start).min(PIECE.max(end - start));
            self.piece.resize(size, 0);
            self.piece_at = start;
            let read = self.run.file.read_exact_at(&mut self.piece, start as u64);
            read.map_err(|source| CoinsError::Io {
                path: self.run.path.clone(),
                source,
            })?;
        }
        self.place = start - self.piece_at..end - self.piece_at;
        let bytes = &self.piece[self.place.clone()];
        self.walk = self.run.verify(bytes)?;
        self.take_entry()
    }

    /// Goes to the next entry of the page, which has one.
    #[inline]
    fn take_entry(&mut self) -> Result<(), CoinsError> {
        let page = &self.piece[self.place.clone()];
        match self.walk.next(page) {
            Some((entry, key_size)) => {
                self.entry = self.place.start + entry.start..self.place.start + entry.end;
                self.key_size = key_size;
                Ok(())
            }
            None => Err(self.run.damaged("an entry has no key")),
        }
    }

    /// The entry, until the end.
    #[inline]
    pub(crate) fn entry(&self) -> Option<Entry<'_>> {
        if self.entry.is_empty() {
            return None;
        }
        Some(Entry::with_key_size(
            &self.piece[self.entry.clone()],
            self.key_size,
        ))
    }

    /// Goes to the next entry.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<(), CoinsError> {
        if self.walk.is_at_end() {
            self.page += 1;
            self.enter()
        } else {
            self.take_entry()
        }
    }
}
