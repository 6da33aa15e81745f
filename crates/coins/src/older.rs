//! Coins that are looked up ahead of their block, beside the connect thread.
//!
//! Most of what it takes to find a coin does not wait for the blocks before: while these are connected, only the newest
//! generation in memory changes. So a worker looks through what is [below it](Older) for all coins of a block, and when its
//! turn comes only the newest generation is left to be asked.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::cache::{Frozen, KeyHash};
use crate::{Coin, CoinsDb, CoinsError, OutPointKey, SpentCoins};

/// What is below the newest generation of a [`CoinCache`](crate::CoinCache).
///
/// It keeps the memory of older generations: do not hold it for long.
#[derive(Clone, Debug)]
pub struct Older {
    /// The number of the generation above.
    pub(crate) generation: u64,
    /// The newer first.
    pub(crate) layers: [Option<Arc<Frozen>>; 2],
    pub(crate) db: CoinsDb,
}

/// The place of a coin that is not there.
const NONE: u32 = u32::MAX;

/// Coins that were looked up ahead, for [`CoinCache::fetch_ahead`](crate::CoinCache::fetch_ahead).
#[derive(Debug)]
pub struct Prefetched {
    generation: u64,
    coins: SpentCoins,
    /// Of each key that was asked for, which of the coins is its.
    places: Vec<u32>,
}

impl Older {
    /// Looks many coins up.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn fetch_all(&self, keys: &[(KeyHash, OutPointKey)]) -> Result<Prefetched, CoinsError> {
        let layers = self.layers.iter().flatten().map(|older| older.layer());
        for layer in layers.clone() {
            layer.touch(keys.iter().map(|(hash, _)| hash.0));
        }
        let mut coins = SpentCoins::new();
        let mut places = vec![NONE; keys.len()];
        let mut asked = Vec::with_capacity(keys.len());
        let mut unknown = Vec::with_capacity(keys.len());
        for (number, (hash, key)) in keys.iter().enumerate() {
            match layers.clone().find_map(|layer| layer.get(hash.0, key)) {
                Some(entry) => {
                    if entry.push_to(&mut coins) {
                        places[number] = coins.len() as u32 - 1;
                    }
                }
                None => {
                    unknown.push(number);
                    asked.push(*key);
                }
            }
        }
        let mut place = coins.len() as u32;
        self.db.get_all(&asked, &mut coins, |number| {
            places[unknown[number]] = place;
            place += 1;
        })?;
        Ok(Prefetched {
            generation: self.generation,
            coins,
            places,
        })
    }
}

impl Prefetched {
    /// The generation that was the newest when what is below it was looked through.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The coin of a key that was asked for, by its number among them, if there was one.
    #[inline]
    pub fn coin(&self, number: usize) -> Option<Coin<'_>> {
        let place = *self.places.get(number)?;
        self.coins.get(place as usize)
    }
}
