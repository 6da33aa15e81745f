//! A Bloom filter blocked by words: whether a run may have a key, at one look at eight bytes.
//!
//! Only runs above the last level have one: what is looked for nearly always exists, so that a filter of the last level would
//! say yes and cost what it takes. With 12 bits a key about one of a hundred other keys gets a yes.

#[cfg(test)]
mod tests;

use std::hint::black_box;

/// Bits for each key.
const BITS: u64 = 12;
/// Bits that a key sets, all in one word.
const PROBES: u32 = 5;
/// Bytes of a word.
const WORD: usize = 8;

/// Keys that are inserted at a time.
const TOGETHER: usize = 64;

/// A filter that is being filled.
///
/// Its words are in no order and most of them not in the processor's caches, so that it takes some keys at a time and waits for all
/// of their words at once.
#[derive(Debug)]
pub(super) struct FilterBuilder {
    words: Box<[u64]>,
    /// Not inserted yet.
    waiting: Vec<KeyBits>,
}

/// A filter that is full, in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter<'a> {
    words: &'a [[u8; WORD]],
}

/// What a filter takes of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyBits {
    /// Says which is its word.
    place: u64,
    /// What it sets there.
    mask: u64,
}

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
        let place = (mixed ^ mixed >> 32 ^ eight(16)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = place.wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mask = (0..PROBES).fold(0, |mask, probe| mask | 1 << (bits >> (58 - 6 * probe) & 63));
        Self { place, mask }
    }

    /// The number of its word, of so many.
    #[inline]
    fn word(self, words: usize) -> usize {
        ((u128::from(self.place) * words as u128) >> 64) as usize
    }
}

impl FilterBuilder {
    /// An empty filter for so many keys.
    pub(super) fn for_keys(keys: u64) -> Self {
        let words = (keys * BITS).div_ceil(8 * WORD as u64).max(1);
        Self {
            words: vec![0; words as usize].into(),
            waiting: Vec::with_capacity(TOGETHER),
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, key: KeyBits) {
        if self.waiting.len() == TOGETHER {
            self.insert_waiting();
        }
        self.waiting.push(key);
    }

    fn insert_waiting(&mut self) {
        let words = self.words.len();
        let touch = |seen: u64, key: &KeyBits| seen ^ self.words[key.word(words)];
        black_box(self.waiting.iter().fold(0, touch));
        for key in self.waiting.drain(..) {
            self.words[key.word(words)] |= key.mask;
        }
    }

    pub(super) fn write(mut self, to: &mut Vec<u8>) {
        self.insert_waiting();
        to.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
    }
}

impl<'a> Filter<'a> {
    /// The filter in these bytes. In none there is a filter that has everything.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            words: bytes.as_chunks().0,
        }
    }

    /// `false`: the key was not inserted.
    #[inline]
    pub(super) fn may_have(&self, key: KeyBits) -> bool {
        let word = self.words.get(key.word(self.words.len()));
        word.is_none_or(|word| u64::from_le_bytes(*word) & key.mask == key.mask)
    }
}
