//! A blocked Bloom filter: whether a run may have a key, at one cache line a look.
//!
//! Only runs above the last level have one: what is looked for nearly always exists, so that a filter of the last level would
//! say yes and cost what it takes. 10 bits a key leave about one false yes in 70.

#[cfg(test)]
mod tests;

/// Bits for each key.
const BITS: u64 = 10;
/// Bits that a key sets, all in one line.
const PROBES: u32 = 6;

/// A cache line.
type Line = [u64; 8];
const LINE_BYTES: usize = size_of::<Line>();

/// A filter that is being filled.
#[derive(Debug)]
pub(super) struct FilterBuilder {
    lines: Box<[Line]>,
}

/// A filter that is full, in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter<'a> {
    lines: &'a [[u8; LINE_BYTES]],
}

/// What a filter takes of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyBits(u64);

impl KeyBits {
    /// Mixes the middle of the transaction's id, which its order does not use, with the index.
    #[inline]
    pub(super) fn of(key: &[u8]) -> Self {
        let eight = |at: usize| {
            let bytes = key[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(bytes)
        };
        let index = key[32..]
            .iter()
            .fold(1, |index: u64, byte| index << 8 | u64::from(*byte));
        let mixed = (eight(8) ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self((mixed ^ mixed >> 32 ^ eight(16)).wrapping_mul(0x94d0_49bb_1331_11eb))
    }
}

/// The line of a key, of so many.
#[inline]
fn line(key: KeyBits, lines: usize) -> usize {
    ((u128::from(key.0) * lines as u128) >> 64) as usize
}

/// The bits of a key in its line: words, and what is set in them.
#[inline]
fn probes(key: KeyBits) -> impl Iterator<Item = (usize, u64)> {
    let mut bits = key.0.wrapping_mul(0xd6e8_feb8_6659_fd93);
    (0..PROBES).map(move |_| {
        let bit = bits >> 55;
        bits <<= 9;
        ((bit >> 6) as usize, 1 << (bit & 63))
    })
}

impl FilterBuilder {
    /// An empty filter for so many keys.
    pub(super) fn for_keys(keys: u64) -> Self {
        let lines = (keys * BITS).div_ceil(8 * LINE_BYTES as u64).max(1);
        Self {
            lines: vec![[0; 8]; lines as usize].into(),
        }
    }

    pub(super) fn insert(&mut self, key: KeyBits) {
        let line = &mut self.lines[line(key, self.lines.len())];
        for (word, bit) in probes(key) {
            line[word] |= bit;
        }
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        for word in self.lines.iter().flatten() {
            to.extend_from_slice(&word.to_le_bytes());
        }
    }
}

impl<'a> Filter<'a> {
    /// The filter in these bytes. In none there is a filter that has everything.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            lines: bytes.as_chunks().0,
        }
    }

    /// Loads the line of a key into the processor's caches.
    #[inline]
    pub(super) fn touch(&self, key: KeyBits) -> u8 {
        self.lines
            .get(line(key, self.lines.len()))
            .map_or(0, |line| line[0])
    }

    /// `false`: the key was not inserted.
    #[inline]
    pub(super) fn may_have(&self, key: KeyBits) -> bool {
        let Some(line) = self.lines.get(line(key, self.lines.len())) else {
            return true;
        };
        let words = line.as_chunks::<8>().0;
        probes(key).all(|(word, bit)| u64::from_le_bytes(words[word]) & bit != 0)
    }
}
