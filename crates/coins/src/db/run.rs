//! A run: a file of sorted entries that is written once, read by a memory map, and deleted when nobody needs it any more.
//!
//! ```text
//!   pages, in the order of their keys                    see `page`
//!   filter                                               see `filter`
//!   index: beginning and output of the first key of each page (12 each)
//!          where each page begins (4 each), if some are larger than others
//!   footer (64): magic | format | pages | entries | sizes of filter and index | their checksum
//! ```
//!
//! Numbers are little-endian.
//!
//! # Finding a coin
//!
//! Transaction ids are spread evenly, so that the place of one in the index follows from its first
//! eight bytes to within a few cache lines (interpolation search). The page that it names is the only one that is touched.
//! Whoever makes ids that share their beginnings gets a binary search instead.
//!
//! # Why a map
//!
//! A read of a page that is in memory takes the system 2 µs, and a look at a mapped one 0.2 µs. What is kept in memory of the coins on
//! disk, and of the filters and indexes, is so for the system to decide, and counts as its cache.
//!
//! If the disk fails to read a page, the system ends the process: nothing is lost by that, the coins on disk are those of the
//! last flush.

mod cursor;
mod index;
mod merge;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::{Advice, Mmap};

pub(super) use merge::Merge;
pub(super) use writer::RunWriter;

use self::index::{FIRST, Index, Mark};
use super::filter::Filter;
use super::page::{Entry, PAGE_SIZE, Page, Walk};
use crate::CoinsError;

const MAGIC: [u8; 8] = *b"tw coins";
const FORMAT: u32 = 2;
const FOOTER: usize = 64;

/// The first eight bytes of a key, which sort as keys do.
pub(super) fn beginning(key: &[u8]) -> u64 {
    u64::from_be_bytes(*key.first_chunk().expect("a key begins with an id"))
}

#[derive(Debug)]
pub(super) struct Run {
    id: u64,
    path: PathBuf,
    file: File,
    map: Mmap,
    entries: u64,
    /// Where they are in the file.
    filter: Range<usize>,
    first: Range<usize>,
    places: Range<usize>,
    /// Not to be deleted when it is dropped: a manifest names it.
    kept: AtomicBool,
}

impl Run {
    pub(super) fn path(dir: &Path, id: u64) -> PathBuf {
        dir.join(format!("{id:08}.run"))
    }

    /// Opens a run that has this size.
    pub(super) fn open(dir: &Path, id: u64, size: u64) -> Result<Self, CoinsError> {
        let path = Self::path(dir, id);
        let io = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => CoinsError::damaged(&path, source.to_string()),
            _ => CoinsError::Io {
                path: path.clone(),
                source,
            },
        };
        let damaged = |what: &str| CoinsError::damaged(&path, what);
        let file = File::open(&path).map_err(io)?;
        let found = file.metadata().map_err(io)?.len();
        if found != size {
            return Err(damaged(&format!("it has {found} bytes and not {size}")));
        }
        if size == 0 {
            return Err(damaged("it is empty"));
        }
        let map = map(&file).map_err(io)?;
        // What lies beside a page will hardly be asked for soon. A system that does not know this reads more.
        let _ = map.advise(Advice::Random);
        let (rest, footer) = map
            .split_last_chunk()
            .ok_or_else(|| damaged("it has no footer"))?;
        let footer = Footer::read(footer).map_err(damaged)?;
        let [filter, first, places] = footer
            .places(rest.len())
            .ok_or_else(|| damaged("its footer does not fit it"))?;
        if crc32c::crc32c(&rest[filter.start..]) != footer.sum {
            return Err(damaged("the checksum of its index does not match"));
        }
        Ok(Self {
            id,
            path,
            file,
            map,
            entries: footer.entries,
            filter,
            first,
            places,
            kept: AtomicBool::new(true),
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Entries, those for coins that are gone included.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.map.len() as u64
    }

    #[inline]
    fn index(&self) -> Index<'_> {
        Index {
            first: self.map[self.first.clone()].as_chunks().0,
            places: self.map[self.places.clone()].as_chunks().0,
        }
    }

    /// It is to stay: a manifest is about to name it.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// No manifest names it any more: it is deleted once nobody reads it.
    pub(super) fn retire(&self) {
        self.kept.store(false, Ordering::Relaxed);
    }

    /// It was written with a filter, as all runs above the last level are.
    #[inline]
    pub(super) fn has_filter(&self) -> bool {
        !self.filter.is_empty()
    }

    /// What it may have.
    #[inline]
    pub(super) fn filter(&self) -> Filter<'_> {
        Filter::new(&self.map[self.filter.clone()])
    }

    /// The page with a key, if there is such a page, whatever other keys there are.
    #[cold]
    fn page_of(&self, key: &[u8]) -> Result<Option<&[u8]>, CoinsError> {
        let mut candidates = self.index().candidates(beginning(key));
        while candidates.len() > 1 {
            let middle = candidates.start.midpoint(candidates.end);
            let first = Page::new(self.page(middle)?).entry(0);
            let first = first.filter(Entry::is_whole);
            let first =
                first.ok_or_else(|| self.damaged("the checksum of a coin does not match"))?;
            if first.key() <= key {
                candidates.start = middle;
            } else {
                candidates.end = middle;
            }
        }
        let page = candidates.next();
        page.map(|page| self.page(page)).transpose()
    }

    /// Loads what says which page has a key into the processor's caches.
    #[inline]
    pub(super) fn touch_index(&self, key: &[u8]) -> u8 {
        self.index().touch(beginning(key))
    }

    /// The bytes of the page where a key most likely is if it is here, without a look at them.
    #[inline]
    pub(super) fn likely_page_of(&self, key: &[u8]) -> Option<&[u8]> {
        self.page(self.index().likely(Mark::of(key))?).ok()
    }

    /// Asks the system to read a page of its own ahead, without waiting for it.
    pub(super) fn read_ahead(&self, page: &[u8]) {
        let at = (page.as_ptr() as usize).wrapping_sub(self.map.as_ptr() as usize);
        // A system that cannot reads it when it is looked at.
        let _ = self.map.advise_range(Advice::WillNeed, at, page.len());
    }

    /// The entry of a key that is not in its likely page.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(super) fn get_elsewhere(&self, key: &[u8]) -> Result<Option<Entry<'_>>, CoinsError> {
        let mark = Mark::of(key);
        let index = self.index();
        if !index.is_shared(index.likely(mark), mark.beginning) {
            return Ok(None);
        }
        match self.page_of(key)? {
            Some(page) => self.get_in(page, key),
            None => Ok(None),
        }
    }

    /// The entry of a key, if it is in this page.
    #[inline]
    pub(super) fn get_in<'a>(
        &self,
        page: &'a [u8],
        key: &[u8],
    ) -> Result<Option<Entry<'a>>, CoinsError> {
        let found = Page::new(page).find(key);
        found.map_err(|_| self.damaged("a checksum of a page does not match"))
    }

    /// The entry of a key.
    ///
    /// # Errors
    ///
    /// If the page where it would be is damaged.
    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Entry<'_>>, CoinsError> {
        if let Some(page) = self.index().likely(Mark::of(key))
            && let Some(entry) = self.get_in(self.page(page)?, key)?
        {
            return Ok(Some(entry));
        }
        self.get_elsewhere(key)
    }

    /// The bytes of a page by its number.
    #[inline]
    fn page(&self, number: usize) -> Result<&[u8], CoinsError> {
        let pages = &self.map[..self.filter.start];
        let page = pages.get(self.index().place(number));
        page.ok_or_else(|| self.damaged("it has fewer pages than its index names"))
    }

    /// A walk along the entries of a page, if its bytes are those that were written.
    fn verify(&self, page: &[u8]) -> Result<Walk, CoinsError> {
        if !Page::is_whole(page) {
            return Err(self.damaged("the checksum of a page does not match"));
        }
        Ok(Page::new(page).walk())
    }

    #[cold]
    fn damaged(&self, what: &str) -> CoinsError {
        CoinsError::damaged(&self.path, what)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !*self.kept.get_mut() {
            // No manifest names it, so that opening deletes what stays.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Maps a run, which nobody changes.
#[allow(unsafe_code, reason = "a map of a file has no other face")]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: runs are never written to once they are finished, and the folder is locked. If somebody does all the same, a page
    // that was verified may be another, and nothing here relies on what is in it to stay within bounds.
    unsafe { Mmap::map(file) }
}

/// The end of a file.
#[derive(Debug, PartialEq, Eq)]
struct Footer {
    /// Of [`PAGE_SIZE`].
    pages: u32,
    /// Pages in the index.
    indexed: u32,
    entries: u64,
    filter_size: u64,
    /// Of filter and index.
    sum: u32,
}

impl Footer {
    /// Where filter, beginnings and places are in a file that has so many bytes before its footer.
    fn places(&self, end: usize) -> Option<[Range<usize>; 3]> {
        let filter = self.pages as usize * PAGE_SIZE;
        let first = filter.checked_add(usize::try_from(self.filter_size).ok()?)?;
        let places = first.checked_add(self.indexed as usize * FIRST)?;
        let size = if self.indexed == self.pages {
            0
        } else {
            (self.indexed as usize + 1) * 4
        };
        (places.checked_add(size) == Some(end)).then_some([
            filter..first,
            first..places,
            places..end,
        ])
    }

    fn write(&self) -> [u8; FOOTER] {
        let mut footer = [0; FOOTER];
        let fields: [&[u8]; 7] = [
            &MAGIC,
            &FORMAT.to_le_bytes(),
            &self.pages.to_le_bytes(),
            &self.indexed.to_le_bytes(),
            &self.sum.to_le_bytes(),
            &self.entries.to_le_bytes(),
            &self.filter_size.to_le_bytes(),
        ];
        let fields = fields.concat();
        footer[..fields.len()].copy_from_slice(&fields);
        let sum = crc32c::crc32c(&footer[..FOOTER - 4]);
        footer[FOOTER - 4..].copy_from_slice(&sum.to_le_bytes());
        footer
    }

    fn read(footer: &[u8; FOOTER]) -> Result<Self, &'static str> {
        let four = |at: usize| u32::from_le_bytes(*footer[at..].first_chunk().expect("within"));
        let eight = |at: usize| u64::from_le_bytes(*footer[at..].first_chunk().expect("within"));
        if footer[..8] != MAGIC || crc32c::crc32c(&footer[..FOOTER - 4]) != four(FOOTER - 4) {
            return Err("its footer is not one, or its checksum does not match");
        }
        if four(8) != FORMAT {
            return Err("its format is unknown");
        }
        Ok(Self {
            pages: four(12),
            indexed: four(16),
            sum: four(20),
            entries: eight(24),
            filter_size: eight(32),
        })
    }
}
