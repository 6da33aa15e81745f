//! The set as the connect thread sees it.

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use tipward_primitives::BlockHash;

use crate::layer::{Entry, Layer, Packed, Salt};
use crate::older::{Older, Prefetched};
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

/// Where a [`CoinCache`] looks for an outpoint. It means nothing to another cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub(crate) u64);

/// Says where a [`CoinCache`] looks for outpoints: to find that out takes no look at the cache.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher(Salt);

impl KeyHasher {
    /// One that no cache has yet.
    pub fn random() -> Self {
        Self(Salt::random())
    }

    /// Where an outpoint is looked for.
    #[inline]
    pub fn hash(&self, key: &OutPointKey) -> KeyHash {
        KeyHash(self.0.hash(key))
    }
}

/// The coin set in memory over the one in the store: three generations, each hiding the ones after it.
///
/// ```text
///   active   what changed since the last freeze
///   frozen   what is being written                     ── thaw_done ──> written
///   written  what was written last, kept to be read    ── freeze ─────> forgotten
///   store
/// ```
#[derive(Debug)]
pub struct CoinCache {
    db: CoinsDb,
    budget: usize,
    hasher: KeyHasher,
    active: Layer,
    /// The number of the active generation.
    generation: u64,
    frozen: Option<Arc<Frozen>>,
    written: Option<Arc<Frozen>>,
    epoch: u64,
}

impl CoinCache {
    /// An empty cache over a store. It asks to be written ([`Self::wants_freeze`]) so that it stays within `budget` bytes.
    pub fn new(db: CoinsDb, budget: usize) -> Self {
        Self {
            db,
            budget,
            hasher: KeyHasher::random(),
            active: Layer::new(),
            generation: 0,
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

    /// Says where outpoints are looked for.
    pub fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    /// Where an outpoint is looked for.
    pub fn hash(&self, key: &OutPointKey) -> KeyHash {
        self.hasher.hash(key)
    }

    /// Loads what the active generation knows of coins that are to be spent, and where it puts those that are to be made, into
    /// the processor's caches: it changes nothing, and is for speed alone.
    pub fn touch(&self, spent: &[KeyHash], made: &[KeyHash]) {
        self.active.touch(spent.iter().map(|hash| hash.0));
        self.active.touch_places(made.iter().map(|hash| hash.0));
    }

    /// Loads where the active generation looks for outpoints into the processor's caches, for [`Self::may_have_changed`].
    pub fn touch_places(&self, hashes: impl Iterator<Item = KeyHash>) {
        self.active.touch_places(hashes.map(|hash| hash.0));
    }

    /// False: the active generation knows nothing of the outpoint. Nearly always true only if it does, and quickly said.
    pub fn may_have_changed(&self, hash: KeyHash) -> bool {
        self.active.has_like(hash.0)
    }

    /// What is below the active generation now, to look coins up in ahead of their use.
    pub fn older(&self) -> Older {
        Older {
            generation: self.generation,
            layers: [self.frozen.clone(), self.written.clone()],
            db: self.db.clone(),
        }
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
            Some(entry) => Ok(entry.push_to(to)),
            None => self.db.get(key, to),
        }
    }

    /// As [`Self::fetch_hashed`], for a coin that was looked up ahead as the one of this number in a batch.
    ///
    /// # Errors
    ///
    /// If the store must be read, and cannot.
    pub fn fetch_ahead(
        &self,
        hash: KeyHash,
        key: &OutPointKey,
        (batch, number): (&Prefetched, usize),
        to: &mut SpentCoins,
    ) -> Result<bool, CoinsError> {
        // What generations know that have changed since goes before what was below them then; if one is forgotten by now, the
        // batch is worth nothing.
        let changed = (self.generation - batch.generation()) as usize + 1;
        let mut newer = self.layers().take(changed);
        if let Some(entry) = newer.find_map(|layer| layer.get(hash.0, key)) {
            return Ok(entry.push_to(to));
        }
        match batch.coin(number) {
            Some(coin) if self.layers().count() >= changed => {
                to.push(coin);
                Ok(true)
            }
            _ => self.fetch_hashed(hash, key, to),
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
        self.in_memory(self.hash(key), key).is_none()
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
        self.generation += 1;
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
