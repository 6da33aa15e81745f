//! Records of one size, many to an allocation.

#[cfg(test)]
mod tests;

use crate::pages::Pages;

/// Records in the first chunk. Each further chunk has as many as all before it together and these once more, so that there
/// are few of them, and large ones.
const FIRST: usize = 1 << FIRST_BITS;
const FIRST_BITS: u32 = 10;

/// No record.
const NONE: u32 = u32::MAX;

/// Records of one size, found by their number. A record that is given back is used again before the slab grows.
#[derive(Debug)]
pub(crate) struct Slab {
    record_size: usize,
    chunks: Vec<Pages>,
    /// Records that have ever been in use.
    used: u32,
    /// The record that was given back last. The next one's number stands in it.
    free: u32,
}

impl Slab {
    /// No records yet. `record_size` is four bytes at least.
    pub(crate) const fn new(record_size: usize) -> Self {
        Self {
            record_size,
            chunks: Vec::new(),
            used: 0,
            free: NONE,
        }
    }

    /// Takes a record into use and returns its number. What is in it is left over from before.
    pub(crate) fn take(&mut self) -> u32 {
        if self.free != NONE {
            let taken = self.free;
            let next = self.get(taken).first_chunk();
            self.free = u32::from_le_bytes(*next.expect("a record has four bytes"));
            return taken;
        }
        if self.used as usize == first_of(self.chunks.len()) {
            let records = FIRST << self.chunks.len();
            self.chunks.push(Pages::zeroed(records * self.record_size));
        }
        let taken = self.used;
        self.used += 1;
        taken
    }

    /// Gives a record back that was taken.
    pub(crate) fn give_back(&mut self, index: u32) {
        let next = self.free.to_le_bytes();
        self.get_mut(index)[..4].copy_from_slice(&next);
        self.free = index;
    }

    /// No record that was ever taken has a number so great.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &[u8] {
        let (chunk, at) = self.place(index);
        &self.chunks[chunk][at..at + self.record_size]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut [u8] {
        let (chunk, at) = self.place(index);
        &mut self.chunks[chunk][at..at + self.record_size]
    }

    #[inline]
    fn place(&self, index: u32) -> (usize, usize) {
        let chunk = ((index >> FIRST_BITS) + 1).ilog2() as usize;
        let within = index as usize - first_of(chunk);
        (chunk, within * self.record_size)
    }

    /// Bytes in use, whole pages counted.
    pub(crate) fn memory(&self) -> usize {
        let Some((last, full)) = self.chunks.split_last() else {
            return 0;
        };
        let in_last = self.used as usize - first_of(full.len());
        full.iter().map(|chunk| chunk.len()).sum::<usize>() + last.taken(in_last * self.record_size)
    }
}

/// The first record of a chunk.
#[inline]
fn first_of(chunk: usize) -> usize {
    ((1 << chunk) - 1) << FIRST_BITS
}
