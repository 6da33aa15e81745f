//! Unspent coins, by their age.

use std::collections::VecDeque;

use rand::{Rng, RngExt as _};

/// Blocks of a day: coins older than that are old.
const DAY: usize = 144;

/// Coins made in so many blocks before the current one are young.
const HOUR: usize = 6;

/// Of a hundred coins that are spent so many were made in the same block, in the last hour, in the last day; the rest is
/// as old as it may be.
const SPENT: [u32; 3] = [10, 30, 25];

/// An unspent output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) value: u64,
    /// Number of its transaction.
    pub(super) transaction: u32,
    pub(super) vout: u16,
    /// Number of its key.
    pub(super) key: u16,
}

/// All coins that can be spent.
#[derive(Debug)]
pub(super) struct Ages {
    /// Of the current block, then of those before it.
    recent: VecDeque<Vec<Coin>>,
    old: Vec<Coin>,
}

impl Ages {
    pub(super) fn new() -> Self {
        Self {
            recent: VecDeque::from([Vec::new()]),
            old: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.old.len() + self.recent.iter().map(Vec::len).sum::<usize>()
    }

    /// All coins have become a block older.
    pub(super) fn next_block(&mut self) {
        self.recent.push_front(Vec::new());
        if self.recent.len() > DAY + 1
            && let Some(coins) = self.recent.pop_back()
        {
            self.old.extend(coins);
        }
    }

    /// Adds a coin of the current block.
    pub(super) fn add(&mut self, coin: Coin) {
        self.recent[0].push(coin);
    }

    /// Puts a coin that was taken back, as an old one: it is only one among many.
    pub(super) fn give_back(&mut self, coin: Coin) {
        self.old.push(coin);
    }

    /// Takes a coin; `None` if there is none.
    pub(super) fn take(&mut self, rng: &mut impl Rng) -> Option<Coin> {
        let [same, hour, day] = SPENT;
        let die = rng.random_range(0..100);
        let last = self.recent.len() - 1;
        let block = match die {
            _ if die < same => Some(0),
            _ if die < same + hour => (last >= 1).then(|| rng.random_range(1..=last.min(HOUR))),
            _ if die < same + hour + day => {
                (last > HOUR).then(|| rng.random_range(HOUR + 1..=last))
            }
            _ => None,
        };
        let wanted = block.and_then(|block| pick(&mut self.recent[block], rng));
        // Where there is no coin of the wanted age an old one has to do, or the oldest there is.
        wanted.or_else(|| pick(&mut self.old, rng)).or_else(|| {
            let mut recent = self.recent.iter_mut().rev();
            recent.find_map(|coins| pick(coins, rng))
        })
    }
}

fn pick(coins: &mut Vec<Coin>, rng: &mut impl Rng) -> Option<Coin> {
    if coins.is_empty() {
        return None;
    }
    let index = rng.random_range(0..coins.len());
    Some(coins.swap_remove(index))
}
