/// A queue of bits that is first filled, then emptied.
#[derive(Clone, Debug, Default)]
pub(super) struct Commitments {
    words: Vec<u64>,
    len: u64,
    taken: u64,
}

impl Commitments {
    /// Number of bits that were ever put in.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn push(&mut self, bit: bool) {
        let offset = self.len % 64;
        if offset == 0 {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(bit) << offset;
        }
        self.len += 1;
    }

    /// The next bit in the order in which they were put in.
    pub(super) fn take(&mut self) -> Option<bool> {
        if self.taken == self.len {
            return None;
        }
        let word = self.words.get(usize::try_from(self.taken / 64).ok()?)?;
        let bit = word >> (self.taken % 64) & 1 == 1;
        self.taken += 1;
        Some(bit)
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}
