//! Pages: sorted entries with a directory and a checksum.
//!
//! ```text
//!   checksum of the rest (4) | checksum of the directory (4) | entries (2) | 0 (2)
//!   fingerprint of each key (2 each)
//!   end of each entry (2 each)
//!   entries: key | value, empty if the coin is gone | checksum of both (4)
//! ```
//!
//! Numbers are little-endian. The checksum of a page is a CRC-32, those within it CRC-32Cs: each is the faster one at its size. A page has [`PAGE_SIZE`] bytes, or a multiple of it if its only entry does not fit into one.
//!
//! The fingerprints are looked through first: of a page that is mapped and not in the processor's caches, they and the entry
//! are the only lines that are fetched from memory. An entry that is found vouches for itself; of one that is not found, the
//! directory's checksum says that it never was there.

#[cfg(test)]
mod tests;

use std::ops::Range;

/// Bytes of a page, those of the system's on nearly every machine.
pub(super) const PAGE_SIZE: usize = 4 << 10;

/// Bytes before the directory.
const HEAD: usize = 12;
/// What the directory's checksum is of begins here.
const DIRECTORY_AT: usize = 8;
/// Bytes of an entry's part of the directory.
const DIRECTORY: usize = 4;
/// Bytes of a checksum.
const CHECKSUM: usize = 4;
/// Cache lines of the directory of a page, about.
const DIRECTORY_LINES: usize = 4;

/// A key as it stands in the store (see [`value`](super::value)) and what it leads to, as bytes that can be copied as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Key, value, checksum.
    bytes: &'a [u8],
    key_size: usize,
}

/// Appends the bytes of an entry.
pub(super) fn put_entry(to: &mut Vec<u8>, key: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
    let began = to.len();
    to.extend_from_slice(key);
    value(to);
    let sum = crc32c::crc32c(&to[began..]);
    to.extend_from_slice(&sum.to_le_bytes());
}

#[cfg(test)]
pub(super) fn entry_bytes(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_entry(&mut bytes, key, |to| to.extend_from_slice(value));
    bytes
}

impl<'a> Entry<'a> {
    /// `None` if the bytes do not begin with a key, or have no room for a checksum.
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let key_size = super::value::key_size(*bytes.get(32)?)?;
        (bytes.len() >= key_size + CHECKSUM).then_some(Self { bytes, key_size })
    }

    /// Of bytes of which is known that they are an entry with a key of this size.
    #[inline]
    pub(super) fn with_key_size(bytes: &'a [u8], key_size: usize) -> Self {
        Self { bytes, key_size }
    }

    #[inline]
    pub(super) fn key(&self) -> &'a [u8] {
        &self.bytes[..self.key_size]
    }

    /// Empty if the coin is gone.
    #[inline]
    pub(super) fn value(&self) -> &'a [u8] {
        &self.bytes[self.key_size..self.bytes.len() - CHECKSUM]
    }

    /// Whether these are the bytes that were written.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        let (bytes, sum) = self.bytes.split_at(self.bytes.len() - CHECKSUM);
        crc32c::crc32c(bytes).to_le_bytes() == sum
    }
}

/// What the directory keeps of a key: the end of the transaction's id, and the index, so that the outputs of one transaction
/// differ.
fn fingerprint(key: &[u8]) -> u16 {
    let id = u16::from_le_bytes([key[30], key[31]]);
    let index = u16::from_be_bytes([key[key.len() - 2], key[key.len() - 1]]);
    id ^ index.wrapping_mul(0x9e3b)
}

/// Gathers the entries of one page after another.
#[derive(Debug, Default)]
pub(super) struct PageBuilder {
    fingerprints: Vec<u8>,
    ends: Vec<u8>,
    entries: Vec<u8>,
}

impl PageBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether one more entry has room in the page. The first always has.
    pub(super) fn has_room(&self, entry: &Entry<'_>) -> bool {
        let size = entry.bytes.len();
        let taken = HEAD + self.ends.len() * 2 + self.entries.len();
        self.is_empty() || taken + DIRECTORY + size <= PAGE_SIZE
    }

    /// The entry has room, and its key is greater than those before.
    ///
    /// # Panics
    ///
    /// If the entry has more than 65,535 bytes: no coin has.
    pub(super) fn push(&mut self, entry: &Entry<'_>) {
        self.entries.extend_from_slice(entry.bytes);
        let end = u16::try_from(self.entries.len()).expect("a script has at most 10,000 bytes");
        self.fingerprints
            .extend_from_slice(&fingerprint(entry.key()).to_le_bytes());
        self.ends.extend_from_slice(&end.to_le_bytes());
    }

    /// Appends the page, and begins a new one. Returns its size in [`PAGE_SIZE`].
    pub(super) fn finish(&mut self, to: &mut Vec<u8>) -> u32 {
        let began = to.len();
        let count = (self.ends.len() / 2) as u16;
        to.extend_from_slice(&[0; DIRECTORY_AT]);
        to.extend_from_slice(&count.to_le_bytes());
        to.extend_from_slice(&[0; 2]);
        to.append(&mut self.fingerprints);
        to.append(&mut self.ends);
        let checksum = crc32c::crc32c(&to[began + DIRECTORY_AT..]);
        to[began + 4..began + DIRECTORY_AT].copy_from_slice(&checksum.to_le_bytes());
        to.append(&mut self.entries);
        let pages = (to.len() - began).div_ceil(PAGE_SIZE);
        to.resize(began + pages * PAGE_SIZE, 0);
        let checksum = crc32fast::hash(&to[began + 4..]);
        to[began..began + 4].copy_from_slice(&checksum.to_le_bytes());
        pages as u32
    }
}

/// A page is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn;

/// A page, whole or not. What contradicts itself has no entries where it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Page<'a> {
    /// Whether these are the bytes that were written.
    pub(super) fn is_whole(bytes: &[u8]) -> bool {
        bytes
            .split_first_chunk()
            .is_some_and(|(sum, rest)| u32::from_le_bytes(*sum) == crc32fast::hash(rest))
    }

    /// The page in these bytes.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let count = match bytes {
            [_, _, _, _, _, _, _, _, low, high, ..] => {
                usize::from(u16::from_le_bytes([*low, *high]))
            }
            _ => 0,
        };
        if HEAD + count * DIRECTORY <= bytes.len() {
            Self { bytes, count }
        } else {
            Self {
                bytes: &[0; HEAD],
                count: 0,
            }
        }
    }

    /// Number of entries.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn fingerprints(&self) -> &'a [[u8; 2]] {
        self.bytes[HEAD..HEAD + 2 * self.count].as_chunks().0
    }

    fn ends(&self) -> &'a [[u8; 2]] {
        self.bytes[HEAD + 2 * self.count..HEAD + DIRECTORY * self.count]
            .as_chunks()
            .0
    }

    /// An entry by its number.
    #[inline]
    pub(super) fn entry(&self, number: usize) -> Option<Entry<'a>> {
        Entry::of(self.bytes_of(number)?)
    }

    #[inline]
    fn bytes_of(&self, number: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.place_of(number)?)
    }

    /// Where an entry is in the page.
    #[inline]
    fn place_of(&self, number: usize) -> Option<Range<usize>> {
        let ends = self.ends();
        let entries = HEAD + DIRECTORY * self.count;
        let end = |at: usize| {
            let end = ends.get(at)?;
            Some(entries + usize::from(u16::from_le_bytes(*end)))
        };
        let begin = if number == 0 {
            entries
        } else {
            end(number - 1)?
        };
        Some(begin..end(number)?)
    }

    /// Loads the directory of the page in these bytes into the processor's caches.
    #[inline]
    pub(super) fn touch_directory(bytes: &[u8]) -> u8 {
        let lines = bytes.iter().step_by(64).take(DIRECTORY_LINES);
        lines.fold(0, |seen, byte| seen ^ byte)
    }

    /// Loads what most likely is the entry of a key into the processor's caches.
    #[inline]
    pub(super) fn touch_entry(&self, key: &[u8]) -> u8 {
        let wanted = fingerprint(key).to_le_bytes();
        let number = self
            .fingerprints()
            .iter()
            .position(|print| *print == wanted);
        number
            .and_then(|number| self.bytes_of(number))
            .map_or(0, |bytes| {
                bytes.first().unwrap_or(&0) ^ bytes.last().unwrap_or(&0)
            })
    }

    /// The entry of a key, if there is one.
    ///
    /// # Errors
    ///
    /// If what says so is not what was written.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<Entry<'a>>, Torn> {
        let wanted = fingerprint(key).to_le_bytes();
        for (number, print) in self.fingerprints().iter().enumerate() {
            if *print == wanted {
                let entry = self.entry(number).filter(Entry::is_whole).ok_or(Torn)?;
                if entry.key() == key {
                    return Ok(Some(entry));
                }
            }
        }
        let directory = &self.bytes[DIRECTORY_AT..HEAD + DIRECTORY * self.count];
        if self.bytes[4..DIRECTORY_AT] == crc32c::crc32c(directory).to_le_bytes() {
            Ok(None)
        } else {
            Err(Torn)
        }
    }

    /// A walk from the first entry on.
    pub(super) fn walk(&self) -> Walk {
        let entries = HEAD + DIRECTORY * self.count;
        Walk {
            left: self.count,
            end_at: HEAD + 2 * self.count,
            entries,
            next: entries,
        }
    }
}

/// A walk along the entries of a page, whose bytes somebody else keeps.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Entries that are left.
    left: usize,
    /// Where it says where the next entry ends.
    end_at: usize,
    /// Where the first entry begins.
    entries: usize,
    /// Where the next begins.
    next: usize,
}

impl Walk {
    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// Where the next entry is in its page, and how large its key is; `None` if there is none.
    #[inline]
    pub(super) fn next(&mut self, page: &[u8]) -> Option<(Range<usize>, usize)> {
        self.left = self.left.checked_sub(1)?;
        let end = page.get(self.end_at..)?.first_chunk()?;
        let place = self.next..self.entries + usize::from(u16::from_le_bytes(*end));
        let entry = Entry::of(page.get(place.clone())?)?;
        self.end_at += 2;
        self.next = place.end;
        Some((place, entry.key_size))
    }
}
