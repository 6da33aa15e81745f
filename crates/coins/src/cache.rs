//! The set as the connect thread sees it.

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use tipward_primitives::BlockHash;

use crate::layer::{Entry, Layer, Packed, Salt};
use crate::{Coin, CoinsDb, CoinsError, OutPointKey, SpentCoins};

/// Changes that are being written: nothing changes them any more.
#[derive(Debug)]
pub struct Frozen {
    layer: Layer,
    /// The block that they lead to, once someone has said it.
    to: OnceLock<BlockHash>,
}

impl Frozen {
    /// Coins that are new or gone.
    pub fn changes(&self) -> usize {
        self.layer.changes()
    }

    /// The block that they lead to: `to`, unless they were said to lead to another one before.
    pub(crate) fn leads_to(&self, to: BlockHash) -> BlockHash {
        *self.to.get_or_init(|| to)
    }

    pub(crate) fn layer(&self) -> &Layer {
        &self.layer
    }
}

/// Coins that were read from the store ahead of their use, for [`CoinCache::supply`].
#[derive(Debug)]
pub struct Prefetched {
    epoch: u64,
    keys: Vec<OutPointKey>,
    coins: SpentCoins,
}

impl Prefetched {
    /// An empty batch. `epoch` is the cache's when its coins were found missing, which must be before they are read.
    pub fn new(epoch: u64) -> Self {
        Self {
            epoch,
            keys: Vec::new(),
            coins: SpentCoins::new(),
        }
    }

    /// Reads a coin from the store, if it is there.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn read(&mut self, db: &CoinsDb, key: &OutPointKey) -> Result<(), CoinsError> {
        if db.get(key, &mut self.coins)? {
            self.keys.push(*key);
        }
        Ok(())
    }

    /// How many coins were found.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// None was found.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The coin set in memory over the one in the store: three generations, each hiding the ones after it.
///
/// ```text
///   active   what changed since the last freeze; coins that were prefetched
///   frozen   what is being written                     ── thaw_done ──> written
///   written  what was written last, kept to be read    ── freeze ─────> forgotten
///   store
/// ```
#[derive(Debug)]
pub struct CoinCache {
    db: CoinsDb,
    budget: usize,
    salt: Salt,
    active: Layer,
    frozen: Option<Arc<Frozen>>,
    written: Option<Arc<Frozen>>,
    epoch: u64,
}

impl CoinCache {
    /// An empty cache over a store. It asks to be written ([`Self::wants_freeze`]) so that it stays within `budget` bytes.
    pub fn new(db: CoinsDb, budget: usize) -> Self {
        let salt = Salt::random();
        Self {
            db,
            budget,
            salt,
            active: Layer::new(salt),
            frozen: None,
            written: None,
            epoch: 0,
        }
    }

    /// What memory knows of an outpoint.
    fn in_memory(&self, key: &OutPointKey) -> Option<Entry<'_>> {
        let hash = self.salt.hash(key);
        let older = [&self.frozen, &self.written].into_iter().flatten();
        self.active
            .get(hash, key)
            .or_else(|| older.map(|o| &o.layer).find_map(|o| o.get(hash, key)))
    }

    /// Looks a coin up and appends it to `to`; says whether it is in the set.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn fetch(&mut self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        match self.in_memory(key) {
            Some(Entry::Coin(coin, _)) => {
                to.push_with(coin.code, coin.value, |scripts| coin.form.expand(scripts));
                Ok(true)
            }
            Some(Entry::Gone) => Ok(false),
            None => self.db.get(key, to),
        }
    }

    /// Says whether a coin is in the set.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn has(&mut self, key: &OutPointKey) -> Result<bool, CoinsError> {
        match self.in_memory(key) {
            Some(entry) => Ok(entry != Entry::Gone),
            None => self.db.has(key),
        }
    }

    /// Memory does not know whether the coin is in the set: to fetch it, the store must be read.
    pub fn missing(&self, key: &OutPointKey) -> bool {
        self.in_memory(key).is_none()
    }

    /// Adds a coin. `possible_overwrite`: there may be one at this outpoint already, which it replaces. Who promises that
    /// there is none must be right: the new coin, once spent, would bring the other one back.
    pub fn add(&mut self, key: &OutPointKey, coin: Coin<'_>, possible_overwrite: bool) {
        let hash = self.salt.hash(key);
        self.active
            .add(hash, key, Packed::of(&coin), !possible_overwrite);
    }

    /// Takes a coin out. It need not have been fetched, nor be there.
    pub fn spend(&mut self, key: &OutPointKey) {
        self.active.spend(self.salt.hash(key), key);
    }

    /// Takes in coins that were read ahead. Those of an older epoch are not used: what memory has forgotten since may have
    /// been newer. Nor are those that memory knows by now.
    pub fn supply(&mut self, batch: &Prefetched) {
        if batch.epoch != self.epoch {
            return;
        }
        for (key, coin) in batch.keys.iter().zip(batch.coins.iter()) {
            if self.missing(key) {
                let hash = self.salt.hash(key);
                self.active.add_clean(hash, key, Packed::of(&coin));
            }
        }
    }

    /// Changes whenever memory forgets something.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Bytes allocated, all generations together.
    pub fn memory(&self) -> usize {
        let older = [&self.frozen, &self.written];
        self.active.memory()
            + older
                .into_iter()
                .flatten()
                .map(|frozen| frozen.layer.memory())
                .sum::<usize>()
    }

    /// Bytes that the cache was told to stay within.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Changes that no [`Frozen`] holds yet.
    pub fn dirty(&self) -> usize {
        self.active.changes()
    }

    /// It is time to [`freeze`](Self::freeze): half of the budget is used by the active generation, so that the other half
    /// is left for what comes while it is written.
    pub fn wants_freeze(&self) -> bool {
        self.frozen.is_none() && self.active.memory() >= self.budget / 2
    }

    /// The budget is used up: wait until the frozen generation is written.
    pub fn is_full(&self) -> bool {
        self.frozen.is_some() && self.memory() >= self.budget
    }

    /// A generation is frozen that is not written yet.
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Begins a new generation and hands the old one out to be written; reads still see it. While one is frozen already,
    /// that one is handed out again.
    pub fn freeze(&mut self) -> Arc<Frozen> {
        if let Some(frozen) = &self.frozen {
            return frozen.clone();
        }
        if self.written.take().is_some() {
            self.epoch += 1;
        }
        let layer = std::mem::replace(&mut self.active, Layer::new(self.salt));
        let frozen = Arc::new(Frozen {
            layer,
            to: OnceLock::new(),
        });
        self.frozen = Some(frozen.clone());
        frozen
    }

    /// The frozen generation is in the store, as a whole.
    pub fn thaw_done(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            self.written = Some(frozen);
        }
    }
}
