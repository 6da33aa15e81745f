//! Several runs as if they were one.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::page::Entry;
use super::cursor::Cursor;
use super::{Run, beginning};
use crate::CoinsError;

/// The entries of several runs in order, of each key only that of the newest run.
///
/// The runs are kept in the order of what they have next. Whichever was first goes on from there until what it has comes after what
/// another has, and then down to its place: runs that are far larger than the others stay near the front.
#[derive(Debug)]
pub(crate) struct Merge {
    /// The newest first.
    cursors: Vec<Cursor>,
    /// In the order of their keys; of the same key the newest first.
    heads: Vec<Head>,
}

/// What a run has next.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// How its key begins.
    begins: u64,
    cursor: usize,
}

/// The head of one that is at its end, or whose key really begins so.
const END: u64 = u64::MAX;

impl Merge {
    /// Of runs from the newest to the oldest, from `key` on.
    pub(crate) fn at(runs: impl Iterator<Item = Arc<Run>>, key: &[u8]) -> Result<Self, CoinsError> {
        let cursors = runs
            .map(|run| Cursor::at(run, key))
            .collect::<Result<_, _>>()?;
        let mut merge = Self {
            cursors,
            heads: Vec::new(),
        };
        merge.sort();
        Ok(merge)
    }

    fn sort(&mut self) {
        let mut heads: Vec<Head> = (0..self.cursors.len())
            .map(|cursor| self.head(cursor))
            .collect();
        heads.sort_by(|a, b| self.compare(a, b));
        self.heads = heads;
    }

    #[inline]
    fn head(&self, cursor: usize) -> Head {
        let begins = self.key(cursor).map_or(END, beginning);
        Head { begins, cursor }
    }

    #[inline]
    fn key(&self, cursor: usize) -> Option<&[u8]> {
        self.cursors[cursor].entry().map(|entry| entry.key())
    }

    #[inline]
    fn compare(&self, a: &Head, b: &Head) -> Ordering {
        let by_beginning = a.begins.cmp(&b.begins);
        by_beginning.then_with(|| self.compare_keys(a.cursor, b.cursor))
    }

    #[inline]
    fn have_same_key(&self, a: usize, b: usize) -> bool {
        match (self.key(a), self.key(b)) {
            (Some(a), Some(b)) => compare(a, b).is_eq(),
            _ => false,
        }
    }

    /// By the whole key; the end is after all keys.
    #[inline]
    fn compare_keys(&self, a: usize, b: usize) -> Ordering {
        let by_key = match (self.key(a), self.key(b)) {
            (Some(a), Some(b)) => compare(a, b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        by_key.then(a.cmp(&b))
    }

    /// The entry, until the end.
    #[inline]
    pub(crate) fn entry(&self) -> Option<Entry<'_>> {
        self.cursors[self.heads.first()?.cursor].entry()
    }

    /// Goes to the next key. There is an entry.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<(), CoinsError> {
        let first = self.heads[0];
        // Older entries of the same key are overtaken.
        while let Some(second) = self.heads.get(1)
            && second.begins == first.begins
            && self.have_same_key(first.cursor, second.cursor)
        {
            self.step(1)?;
        }
        self.step(0)
    }

    /// One of them goes on, and to its place in the order.
    #[inline]
    fn step(&mut self, mut at: usize) -> Result<(), CoinsError> {
        let cursor = self.heads[at].cursor;
        self.cursors[cursor].advance()?;
        let head = self.head(cursor);
        while let Some(next) = self.heads.get(at + 1)
            && self.compare(next, &head).is_lt()
        {
            self.heads[at] = *next;
            at += 1;
        }
        self.heads[at] = head;
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
        self.cursors.push(cursor);
        self.sort();
        Ok(())
    }
}

/// As slices are compared, but made for two that begin with the same id, and have a short index.
#[inline]
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match (a.split_first_chunk::<32>(), b.split_first_chunk::<32>()) {
        (Some((a_id, [a_index])), Some((b_id, [b_index]))) if a_id == b_id => a_index.cmp(b_index),
        _ => a.cmp(b),
    }
}
