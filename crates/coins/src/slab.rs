//! Records of one size, many to an allocation.

#[cfg(test)]
mod tests;

/// Records in a chunk: one allocation of some ten kilobytes, so that growing by one wastes little and copies nothing.
const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 10;

/// No record.
const NONE: u32 = u32::MAX;

/// Records of one size, found by their number. A record that is given back is used again before the slab grows.
#[derive(Debug)]
pub(crate) struct Slab {
    record_size: usize,
    chunks: Vec<Box<[u8]>>,
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
        if self.used as usize == self.chunks.len() << CHUNK_BITS {
            self.chunks
                .push(vec![0; CHUNK * self.record_size].into_boxed_slice());
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

    pub(crate) fn get(&self, index: u32) -> &[u8] {
        let (chunk, at) = self.place(index);
        &self.chunks[chunk][at..at + self.record_size]
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut [u8] {
        let (chunk, at) = self.place(index);
        &mut self.chunks[chunk][at..at + self.record_size]
    }

    fn place(&self, index: u32) -> (usize, usize) {
        let chunk = index >> CHUNK_BITS;
        let within = index as usize % CHUNK;
        (chunk as usize, within * self.record_size)
    }

    /// Bytes allocated.
    pub(crate) fn memory(&self) -> usize {
        self.chunks.len() * CHUNK * self.record_size
            + self.chunks.capacity() * size_of::<Box<[u8]>>()
    }
}
