//! Reading runs from end to end: one, and several as if they were one.
//!
//! The file is read in large pieces and not by the map, which is for single pages and would count as memory of ours.

use std::cmp::Ordering;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::super::page::{Entry, Page};
use super::{Run, beginning};
use crate::CoinsError;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

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
    /// The entry's number in its page, and how many there are.
    number: usize,
    count: usize,
    /// Where the entry is in the piece; nowhere at the end.
    entry: Range<usize>,
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
            number: 0,
            count: 0,
            entry: 0..0,
        };
        cursor.enter()?;
        // Of a transaction that fills many pages, the right one may be far: that is rare, and found by walking.
        loop {
            cursor.number = Page::new(&cursor.piece[cursor.place.clone()]).lower_bound(key);
            if cursor.number < cursor.count || cursor.is_at_end() {
                cursor.find_entry();
                return Ok(cursor);
            }
            cursor.page += 1;
            cursor.enter()?;
        }
    }

    fn is_at_end(&self) -> bool {
        self.page >= self.run.index().len()
    }

    /// Makes the page that `page` names the one that is read.
    fn enter(&mut self) -> Result<(), CoinsError> {
        (self.number, self.count, self.place, self.entry) = (0, 0, 0..0, 0..0);
        if self.is_at_end() {
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
        self.run.verify(bytes)?;
        self.count = Page::new(bytes).len();
        Ok(())
    }

    fn find_entry(&mut self) {
        let page = Page::new(&self.piece[self.place.clone()]);
        self.entry = page.place_of(self.number).map_or(0..0, |entry| {
            self.place.start + entry.start..self.place.start + entry.end
        });
    }

    /// The entry, until the end.
    #[inline]
    pub(crate) fn entry(&self) -> Option<Entry<'_>> {
        Entry::of(&self.piece[self.entry.clone()])
    }

    /// Goes to the next entry.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<(), CoinsError> {
        self.number += 1;
        if self.number >= self.count {
            self.page += 1;
            self.enter()?;
        }
        self.find_entry();
        Ok(())
    }
}

/// The entries of several runs in order, of each key only that of the newest run.
#[derive(Debug)]
pub(crate) struct Merge {
    /// The newest first.
    cursors: Vec<Cursor>,
    /// Beginnings of their keys; the greatest number at their end.
    heads: Vec<u64>,
    least: usize,
}

/// The head of one that is at its end, or whose key really begins so.
const END: u64 = u64::MAX;

impl Merge {
    /// Of runs from the newest to the oldest, from `key` on.
    pub(crate) fn at(runs: impl Iterator<Item = Arc<Run>>, key: &[u8]) -> Result<Self, CoinsError> {
        let cursors: Vec<Cursor> = runs
            .map(|run| Cursor::at(run, key))
            .collect::<Result<_, _>>()?;
        let mut merge = Self {
            heads: cursors.iter().map(head).collect(),
            cursors,
            least: 0,
        };
        merge.choose();
        Ok(merge)
    }

    /// Finds the cursor with the least key, the newest of those.
    #[inline]
    fn choose(&mut self) {
        let mut least = 0;
        for other in 1..self.heads.len() {
            let is_less = match self.heads[other].cmp(&self.heads[least]) {
                Ordering::Less => true,
                Ordering::Equal => self.is_before(other, least),
                Ordering::Greater => false,
            };
            if is_less {
                least = other;
            }
        }
        self.least = least;
    }

    fn key(&self, cursor: usize) -> Option<&[u8]> {
        self.cursors[cursor].entry().map(|entry| entry.key())
    }

    /// By the whole key; the end is after all keys.
    fn is_before(&self, a: usize, b: usize) -> bool {
        match (self.key(a), self.key(b)) {
            (Some(a), Some(b)) => a < b,
            (a, _) => a.is_some(),
        }
    }

    /// The entry, until the end.
    #[inline]
    pub(crate) fn entry(&self) -> Option<Entry<'_>> {
        self.cursors.get(self.least)?.entry()
    }

    /// Goes to the next key.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<(), CoinsError> {
        let (least, head) = (self.least, self.heads[self.least]);
        // Older entries of the same key are overtaken.
        for older in least + 1..self.heads.len() {
            if self.heads[older] == head && self.key(older) == self.key(least) {
                self.step(older)?;
            }
        }
        self.step(least)?;
        self.choose();
        Ok(())
    }

    /// Nothing is left of the oldest run.
    pub(crate) fn oldest_is_at_end(&self) -> bool {
        self.cursors
            .last()
            .is_none_or(|oldest| oldest.entry().is_none())
    }

    /// Goes on with another run, of greater keys, in the place of the oldest.
    pub(crate) fn replace_oldest(&mut self, run: Arc<Run>) -> Result<(), CoinsError> {
        let cursor = Cursor::at(run, &[0; 33])?;
        self.cursors.pop();
        self.heads.pop();
        self.heads.push(head(&cursor));
        self.cursors.push(cursor);
        self.choose();
        Ok(())
    }

    #[inline]
    fn step(&mut self, cursor: usize) -> Result<(), CoinsError> {
        self.cursors[cursor].advance()?;
        self.heads[cursor] = head(&self.cursors[cursor]);
        Ok(())
    }
}

#[inline]
fn head(cursor: &Cursor) -> u64 {
    cursor.entry().map_or(END, |entry| beginning(entry.key()))
}
