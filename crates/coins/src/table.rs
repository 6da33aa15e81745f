//! Which record is an outpoint's: a table of numbers, found by a part of the outpoint's hash.
//!
//! ```text
//!   slot: 32 bits of the hash | number of the record, not zero          empty: 0
//! ```
//!
//! Open addressing with linear probing: nearly always one cache line says where an outpoint's record is, or that there is none,
//! and no record is looked at that only shares a place. Slots stand in the order of their hashes, so that a table grows in
//! one pass along both tables. What is taken out leaves no trace, because what follows moves up.

#[cfg(test)]
mod tests;

use crate::pages::Pages;

/// Slots of a table in the beginning: a page of memory.
const FIRST_BITS: u32 = 9;
/// Bytes of a slot.
const SLOT: usize = 8;

#[derive(Debug)]
pub(crate) struct Table {
    slots: Pages,
    /// There are two to the power of this.
    bits: u32,
    used: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self::with_bits(FIRST_BITS)
    }

    fn with_bits(bits: u32) -> Self {
        Self {
            slots: Pages::zeroed(SLOT << bits),
            bits,
            used: 0,
        }
    }

    fn mask(&self) -> usize {
        (1 << self.bits) - 1
    }

    /// Where a hash would stand if nothing were in its way.
    #[inline]
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) << self.bits) >> 32) as usize
    }

    #[inline]
    fn slot(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.slots.as_chunks().0[at])
    }

    #[inline]
    fn put(&mut self, at: usize, slot: u64) {
        self.slots.as_chunks_mut().0[at] = slot.to_ne_bytes();
    }

    /// Loads where a hash is looked for into the processor's caches.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u64 {
        self.slot(self.home(tag_of(hash)))
    }

    /// The place of the first record with this hash that `is` the one, or the free place where it would stand.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Result<usize, usize> {
        let tag = tag_of(hash);
        let mut at = self.home(tag);
        loop {
            let slot = self.slot(at);
            if slot == 0 {
                return Err(at);
            }
            if (slot >> 32) as u32 == tag && is(slot as u32) {
                return Ok(at);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// The record in a place where one was found.
    #[inline]
    pub(crate) fn record(&self, at: usize) -> u32 {
        self.slot(at) as u32
    }

    /// Puts another record in the place of one with the same hash.
    pub(crate) fn replace(&mut self, at: usize, record: u32) {
        let slot = self.slot(at);
        self.put(at, slot >> 32 << 32 | u64::from(record));
    }

    /// Makes sure that one more fits, so that places are true until something is inserted.
    #[inline]
    pub(crate) fn reserve_one(&mut self) {
        // Beyond three quarters the ways to what is not there become long.
        if (self.used + 1) * 4 > 3 << self.bits {
            self.grow();
        }
    }

    /// Puts a record, which is not zero, in the free place where its hash was looked for.
    #[inline]
    pub(crate) fn insert(&mut self, at: usize, hash: u64, record: u32) {
        self.put(at, u64::from(tag_of(hash)) << 32 | u64::from(record));
        self.used += 1;
    }

    /// Takes the record out of a place.
    pub(crate) fn remove(&mut self, mut hole: usize) {
        let mask = self.mask();
        let mut next = (hole + 1) & mask;
        loop {
            let slot = self.slot(next);
            if slot == 0 {
                break;
            }
            let way = next.wrapping_sub(self.home((slot >> 32) as u32)) & mask;
            if way >= next.wrapping_sub(hole) & mask {
                self.put(hole, slot);
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.put(hole, 0);
        self.used -= 1;
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_bits(self.bits + 1);
        for at in 0..=self.mask() {
            let slot = self.slot(at);
            if slot != 0 {
                let mut place = larger.home((slot >> 32) as u32);
                while larger.slot(place) != 0 {
                    place = (place + 1) & larger.mask();
                }
                larger.put(place, slot);
            }
        }
        larger.used = self.used;
        *self = larger;
    }

    /// All records, in the order of their hashes.
    pub(crate) fn records(&self) -> impl Iterator<Item = u32> {
        let slots = self.slots.as_chunks().0.iter();
        slots
            .map(|slot| u64::from_ne_bytes(*slot) as u32)
            .filter(|record| *record != 0)
    }

    /// Records in it.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Bytes allocated: all of them are written to sooner or later.
    pub(crate) fn memory(&self) -> usize {
        self.slots.len()
    }
}

/// The part of a hash that a slot keeps.
#[inline]
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}
