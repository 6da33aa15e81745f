//! The set as the connect thread sees it.

#[cfg(test)]
mod tests;

use std::hint::black_box;
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
    keys: Vec<(KeyHash, OutPointKey)>,
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

    /// Reads those of the coins from the store that are there.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn read(
        &mut self,
        db: &CoinsDb,
        keys: &[(KeyHash, OutPointKey)],
    ) -> Result<(), CoinsError> {
        db.get_all(keys, &mut self.coins, |key| self.keys.push(*key))
    }

    /// The coins that were found, in the order in which they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = (&OutPointKey, Coin<'_>)> {
        let keys = self.keys.iter().map(|(_, key)| key);
        keys.zip(self.coins.iter())
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

/// Where a [`CoinCache`] looks for an outpoint. It means nothing to another cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(u64);

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
            active: Layer::new(),
            frozen: None,
            written: None,
            epoch: 0,
        }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        let older = [&self.frozen, &self.written].into_iter().flatten();
        std::iter::once(&self.active).chain(older.map(|older| &older.layer))
    }

    /// What memory knows of an outpoint.
    fn in_memory(&self, hash: KeyHash, key: &OutPointKey) -> Option<Entry<'_>> {
        self.layers().find_map(|layer| layer.get(hash.0, key))
    }

    /// Where an outpoint is looked for.
    pub fn hash(&self, key: &OutPointKey) -> KeyHash {
        KeyHash(self.salt.hash(key))
    }

    /// Loads what is known of outpoints into the processor's caches: it changes nothing, and is for speed alone.
    ///
    /// A coin is some cache lines anywhere in memory, and to wait for them is most of what it costs to find it. The
    /// processor waits for many at once if nothing stands between them that needs one of them: hence these loops, which
    /// look at every outpoint of a block before anything is done with the first.
    pub fn touch(&self, hashes: &[KeyHash]) {
        let mut seen = 0;
        for layer in self.layers() {
            let places = hashes.iter().map(|hash| layer.touch_place(hash.0));
            seen ^= places.fold(0, |seen, place| seen ^ place);
            let guesses: Vec<u32> = hashes
                .iter()
                .filter_map(|hash| layer.guess(hash.0))
                .collect();
            for record in guesses {
                seen ^= u64::from(layer.touch(record));
            }
        }
        black_box(seen);
    }

    /// Looks a coin up and appends it to `to`; says whether it is in the set.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn fetch(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        self.fetch_hashed(self.hash(key), key, to)
    }

    /// As [`Self::fetch`], for a key whose hash is known.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn fetch_hashed(
        &self,
        hash: KeyHash,
        key: &OutPointKey,
        to: &mut SpentCoins,
    ) -> Result<bool, CoinsError> {
        match self.in_memory(hash, key) {
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
    pub fn has(&self, key: &OutPointKey) -> Result<bool, CoinsError> {
        self.has_hashed(self.hash(key), key)
    }

    /// As [`Self::has`], for a key whose hash is known.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn has_hashed(&self, hash: KeyHash, key: &OutPointKey) -> Result<bool, CoinsError> {
        match self.in_memory(hash, key) {
            Some(entry) => Ok(entry != Entry::Gone),
            None => self.db.has(key),
        }
    }

    /// Memory does not know whether the coin is in the set: to fetch it, the store must be read.
    pub fn missing(&self, key: &OutPointKey) -> bool {
        self.missing_hashed(self.hash(key), key)
    }

    /// As [`Self::missing`], for a key whose hash is known.
    pub fn missing_hashed(&self, hash: KeyHash, key: &OutPointKey) -> bool {
        self.in_memory(hash, key).is_none()
    }

    /// Adds a coin. `possible_overwrite`: there may be one at this outpoint already, which it replaces. Who promises that
    /// there is none must be right: the new coin, once spent, would bring the other one back.
    pub fn add(&mut self, key: &OutPointKey, coin: Coin<'_>, possible_overwrite: bool) {
        self.add_hashed(self.hash(key), key, coin, possible_overwrite);
    }

    /// As [`Self::add`], for a key whose hash is known.
    pub fn add_hashed(
        &mut self,
        hash: KeyHash,
        key: &OutPointKey,
        coin: Coin<'_>,
        possible_overwrite: bool,
    ) {
        self.active
            .add(hash.0, key, Packed::of(&coin), !possible_overwrite);
    }

    /// Takes a coin out. It need not have been fetched, nor be there.
    pub fn spend(&mut self, key: &OutPointKey) {
        self.spend_hashed(self.hash(key), key);
    }

    /// As [`Self::spend`], for a key whose hash is known.
    pub fn spend_hashed(&mut self, hash: KeyHash, key: &OutPointKey) {
        self.active.spend(hash.0, key);
    }

    /// Takes in coins that were read ahead. Those of an older epoch are not used: what memory has forgotten since may have
    /// been newer. Nor are those that memory knows by now.
    pub fn supply(&mut self, batch: &Prefetched) {
        if batch.epoch != self.epoch {
            return;
        }
        let places = batch
            .keys
            .iter()
            .map(|(hash, _)| self.active.touch_place(hash.0));
        black_box(places.fold(0, |seen, place| seen ^ place));
        for ((hash, key), coin) in batch.keys.iter().zip(batch.coins.iter()) {
            // In this epoch the older generations have learnt nothing.
            self.active.add_clean(hash.0, key, Packed::of(&coin));
        }
    }

    /// Changes whenever memory forgets something, or begins a generation.
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

    /// Forgets what was written last and hands it out, for [`Self::freeze`] soon after: to give its memory back takes its time,
    /// and need not hold anybody up.
    pub fn forget_written(&mut self) -> Option<Arc<Frozen>> {
        let written = self.written.take();
        self.epoch += u64::from(written.is_some());
        written
    }

    /// Begins a new generation and hands the old one out to be written; reads still see it. While one is frozen already,
    /// that one is handed out again.
    pub fn freeze(&mut self) -> Arc<Frozen> {
        if let Some(frozen) = &self.frozen {
            return frozen.clone();
        }
        self.forget_written();
        self.epoch += 1;
        let layer = std::mem::replace(&mut self.active, Layer::new());
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
