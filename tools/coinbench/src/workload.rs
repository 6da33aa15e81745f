//! Which coins are written, spent and read, without keeping a list of them: all follows from a coin's number.

use std::ops::Range;

/// A transaction id and an index.
pub(crate) const KEY_SIZE: usize = 36;

/// A coin to be written, or deleted where there is no value.
pub(crate) type Change = ([u8; KEY_SIZE], Option<Vec<u8>>);

pub(crate) struct Workload {
    coins: u64,
    flush: u64,
}

/// How many flushes after its own a coin is spent, with how many in a hundred coins it is so. Coins that are spent
/// before they are ever flushed do not reach a store. The others live on.
const SPENT_AFTER: [(u64, u64); 4] = [(1, 15), (3, 10), (10, 8), (30, 7)];

impl Workload {
    pub(crate) fn new(coins: u64, flush: u64) -> Self {
        let flush = flush.clamp(1, coins.max(1));
        Self { coins, flush }
    }

    pub(crate) fn coins(&self) -> u64 {
        self.coins
    }

    pub(crate) fn flushes(&self) -> u64 {
        self.coins.div_ceil(self.flush)
    }

    /// The coins that are new in a flush.
    fn born_in(&self, flush: u64) -> Range<u64> {
        flush * self.flush..((flush + 1) * self.flush).min(self.coins)
    }

    /// The coins that are spent in a flush.
    pub(crate) fn spent_in(&self, flush: u64) -> Vec<u64> {
        let mut coins = Vec::new();
        for (after, _) in SPENT_AFTER {
            if let Some(born) = flush.checked_sub(after) {
                coins.extend(
                    self.born_in(born)
                        .filter(|c| spent_after(*c) == Some(after)),
                );
            }
        }
        coins
    }

    /// All changes of a flush, sorted by key, in chunks; values are made when they are asked for, so that a flush takes
    /// little of the memory that is measured.
    pub(crate) fn chunks(&self, flush: u64, chunk: usize) -> impl Iterator<Item = Vec<Change>> {
        let new = self.born_in(flush).map(|coin| (key(coin), Some(coin)));
        let spent = self.spent_in(flush).into_iter().map(|c| (key(c), None));
        let mut changes: Vec<_> = new.chain(spent).collect();
        changes.sort_unstable();
        let mut changes = changes.into_iter();
        std::iter::from_fn(move || {
            let chunk: Vec<Change> = changes
                .by_ref()
                .take(chunk.max(1))
                .map(|(key, coin)| (key, coin.map(value)))
                .collect();
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    /// How many changes there are in all flushes.
    pub(crate) fn changes(&self) -> u64 {
        let spent: u64 = (0..self.flushes())
            .map(|f| self.spent_in(f).len() as u64)
            .sum();
        self.coins + spent
    }

    /// All unspent coins, eldest first.
    pub(crate) fn all_unspent(&self) -> impl Iterator<Item = u64> {
        (0..self.coins).filter(|coin| self.is_unspent(*coin))
    }

    /// Unspent coins of the last twentieth, in no order.
    pub(crate) fn recent(&self, count: u64) -> Vec<u64> {
        self.unspent(self.coins - self.coins.div_ceil(20)..self.coins, count, 1)
    }

    /// Unspent coins of the first half, in no order.
    pub(crate) fn old(&self, count: u64) -> Vec<u64> {
        self.unspent(0..self.coins.div_ceil(2), count, 2)
    }

    /// As `old`, but others.
    pub(crate) fn old_again(&self, count: u64) -> Vec<u64> {
        self.unspent(0..self.coins.div_ceil(2), count, 3)
    }

    /// Coins that were never there.
    pub(crate) fn absent(&self, count: u64) -> Vec<u64> {
        (self.coins..self.coins + count).collect()
    }

    fn unspent(&self, among: Range<u64>, count: u64, seed: u64) -> Vec<u64> {
        let size = among.end - among.start;
        (0..)
            .map(|i| among.start + mix(mix(seed) ^ i) % size)
            .filter(|coin| self.is_unspent(*coin))
            .take(count as usize)
            .collect()
    }

    /// After the last flush.
    pub(crate) fn is_unspent(&self, coin: u64) -> bool {
        let spent = spent_after(coin).map(|after| coin / self.flush + after);
        spent.is_none_or(|flush| flush >= self.flushes())
    }
}

fn spent_after(coin: u64) -> Option<u64> {
    let mut lot = mix(coin ^ 0xdead) % 100;
    for (after, share) in SPENT_AFTER {
        if lot < share {
            return Some(after);
        }
        lot -= share;
    }
    None
}

pub(crate) fn key(coin: u64) -> [u8; KEY_SIZE] {
    let mut key = [0; KEY_SIZE];
    // Coins of one transaction have keys side by side.
    fill(&mut key[..32], mix(coin / 2));
    key[32..].copy_from_slice(&((coin % 2) as u32).to_be_bytes());
    key
}

/// Height, value and script, as compact as a node writes them: 26 to 47 bytes that nothing compresses.
pub(crate) fn value(coin: u64) -> Vec<u8> {
    let seed = mix(coin ^ 0xc0de);
    let mut value = vec![0; 26 + (seed % 22) as usize];
    fill(&mut value, seed);
    value
}

fn fill(bytes: &mut [u8], mut seed: u64) {
    for chunk in bytes.chunks_mut(8) {
        seed = mix(seed);
        chunk.copy_from_slice(&seed.to_le_bytes()[..chunk.len()]);
    }
}

/// SplitMix64.
pub(crate) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
