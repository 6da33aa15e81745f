use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::*;
use crate::db::{DbState, Flushed};

fn key(number: u8) -> OutPointKey {
    let mut key = [0; 36];
    // Neighbours share a transaction; transactions differ in their first byte and in their last.
    key[0] = (number / 4).wrapping_mul(37);
    key[31] = number / 4;
    key[32] = number % 4;
    key
}

/// A coin that is told from others by `salt`, with one script or another.
fn coin(salt: u32) -> OwnedCoin {
    let mut script =
        vec![salt as u8; [0, 22, 23, 25, 34, 35, 67, 71, 105, 300][salt as usize % 10]];
    match script.len() {
        22 => script[..2].copy_from_slice(&[0, 20]),
        34 => script[..2].copy_from_slice(&[0x51, 32]),
        _ => {}
    }
    OwnedCoin {
        height: salt,
        coinbase: salt.is_multiple_of(3),
        value: u64::from(salt) * 1_000,
        script,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnedCoin {
    height: u32,
    coinbase: bool,
    value: u64,
    script: Vec<u8>,
}

impl OwnedCoin {
    fn of(coin: Coin<'_>) -> Self {
        Self {
            height: coin.height,
            coinbase: coin.coinbase,
            value: coin.value,
            script: coin.script.to_vec(),
        }
    }

    fn coin(&self) -> Coin<'_> {
        Coin {
            height: self.height,
            coinbase: self.coinbase,
            value: self.value,
            script: &self.script,
        }
    }
}

fn block(number: u32) -> BlockHash {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_le_bytes());
    BlockHash::from_byte_array(hash)
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    /// With the promise that nothing is overwritten, where that is true.
    AddNew(u8),
    Spend(u8),
    Fetch(u8),
    Has(u8),
    /// Reads what memory does not know, to be supplied later.
    Prefetch(u8),
    Supply,
    Freeze,
    /// Writes at most so many chunks of so many changes of what is frozen.
    Write {
        chunks: u8,
        chunk: u8,
    },
    /// Loses memory, opens the store again and replays.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..24u8;
    prop_oneof![
        2 => key().prop_map(Step::Add),
        8 => key().prop_map(Step::AddNew),
        8 => key().prop_map(Step::Spend),
        4 => key().prop_map(Step::Fetch),
        1 => key().prop_map(Step::Has),
        4 => key().prop_map(Step::Prefetch),
        2 => Just(Step::Supply),
        2 => Just(Step::Freeze),
        3 => (0..6u8, 1..5u8).prop_map(|(chunks, chunk)| Step::Write { chunks, chunk }),
        1 => Just(Step::Crash),
    ]
}

/// The cache beside a map that does the same.
struct Both {
    dir: tempfile::TempDir,
    cache: CoinCache,
    model: BTreeMap<OutPointKey, OwnedCoin>,
    /// Every change, as a block's: to be replayed after a crash.
    history: Vec<(OutPointKey, Option<OwnedCoin>)>,
    /// Changes that the store has for sure, and those that the frozen generation leads to.
    flushed: usize,
    frozen: Option<(Arc<Frozen>, usize)>,
    prefetched: Vec<Prefetched>,
}

/// The store's tip is the number of changes that made it; all zero stands for the empty set.
fn tip(changes: usize) -> BlockHash {
    block(changes.try_into().unwrap())
}

impl Both {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = CoinsDb::open(dir.path(), 1 << 20).unwrap();
        Self {
            cache: CoinCache::new(db, 1 << 20),
            dir,
            model: BTreeMap::new(),
            history: Vec::new(),
            flushed: 0,
            frozen: None,
            prefetched: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Add(number) => self.add(&key(number), true),
            Step::AddNew(number) => {
                let known = self.model.contains_key(&key(number));
                self.add(&key(number), known);
            }
            Step::Spend(number) => {
                let key = key(number);
                self.cache.spend(&key);
                self.model.remove(&key);
                self.history.push((key, None));
            }
            Step::Fetch(number) => self.compare(&key(number)),
            Step::Has(number) => {
                let known = self.model.contains_key(&key(number));
                assert_eq!(self.cache.has(&key(number)).unwrap(), known);
            }
            Step::Prefetch(number) => {
                if self.cache.missing(&key(number)) {
                    let mut batch = Prefetched::new(self.cache.epoch());
                    batch.read(&self.cache.db, &key(number)).unwrap();
                    self.prefetched.push(batch);
                }
            }
            Step::Supply => {
                for batch in std::mem::take(&mut self.prefetched) {
                    self.cache.supply(&batch);
                }
            }
            Step::Freeze => {
                if self.frozen.is_none() {
                    self.frozen = Some((self.cache.freeze(), self.history.len()));
                }
            }
            Step::Write { chunks, chunk } => self.write(chunks.into(), chunk.into()),
            Step::Crash => self.crash(),
        }
    }

    fn add(&mut self, key: &OutPointKey, possible_overwrite: bool) {
        let coin = coin(self.history.len() as u32);
        self.cache.add(key, coin.coin(), possible_overwrite);
        self.model.insert(*key, coin.clone());
        self.history.push((*key, Some(coin)));
    }

    fn compare(&mut self, key: &OutPointKey) {
        let mut found = SpentCoins::new();
        let is_there = self.cache.fetch(key, &mut found).unwrap();
        assert_eq!(is_there, !found.is_empty());
        assert_eq!(
            found.get(0).map(OwnedCoin::of).as_ref(),
            self.model.get(key)
        );
    }

    fn write(&mut self, mut chunks: usize, chunk: usize) {
        let Some((frozen, reached)) = &self.frozen else {
            return;
        };
        let stop = || {
            let stop = chunks == 0;
            chunks = chunks.saturating_sub(1);
            stop
        };
        let (from, to) = (tip(self.flushed), tip(*reached));
        let db = &self.cache.db;
        match db.write_in_chunks(frozen, from, to, chunk, stop).unwrap() {
            Flushed::Done => {
                assert_eq!(db.written() as usize, frozen.changes());
                self.flushed = *reached;
                self.frozen = None;
                self.cache.thaw_done();
            }
            Flushed::Stopped => {
                assert_eq!(db.state().unwrap(), DbState::Between { from, to });
            }
        }
    }

    fn crash(&mut self) {
        self.prefetched.clear();
        self.frozen = None;
        // The store is let go of before it is opened again.
        let other = tempfile::tempdir().unwrap();
        self.cache.db = CoinsDb::open(other.path(), 1 << 20).unwrap();
        let db = CoinsDb::open(self.dir.path(), 1 << 20).unwrap();
        let state = db.state().unwrap();
        self.cache = CoinCache::new(db, 1 << 20);
        let replay = |cache: &mut CoinCache, changes: &[(OutPointKey, Option<OwnedCoin>)]| {
            for (key, change) in changes {
                match change {
                    Some(coin) => cache.add(key, coin.coin(), true),
                    None => cache.spend(key),
                }
            }
        };
        let history = self.history.clone();
        if let DbState::Between { from, to } = state {
            assert_eq!(from, tip(self.flushed));
            let reached = (self.flushed..=history.len())
                .find(|n| tip(*n) == to)
                .unwrap();
            replay(&mut self.cache, &history[self.flushed..reached]);
            let frozen = self.cache.freeze();
            let done = self
                .cache
                .db
                .write(&frozen, from, to, &AtomicBool::new(false));
            assert_eq!(done.unwrap(), Flushed::Done);
            self.cache.thaw_done();
            self.flushed = reached;
        }
        replay(&mut self.cache, &history[self.flushed..]);
    }

    fn compare_all(&mut self) {
        for number in 0..24 {
            self.compare(&key(number));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_cache_over_the_store_is_what_one_map_is(
        steps in proptest::collection::vec(step(), 1..150),
    ) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step);
        }
        both.compare_all();
        both.crash();
        both.compare_all();
    }
}
