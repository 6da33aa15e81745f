//! The cache and its store beside a map that does the same, and does it so simply that it is right (for tests and fuzz
//! targets).
//!
//! Bytes are steps: coins are added, spent, fetched, read ahead; generations are frozen and written, as a whole or in
//! part; memory is lost and the changes since are applied again. After each step what was asked must be what the map
//! says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::{
    Coin, CoinCache, CoinsDb, DbState, Flushed, Frozen, Older, OutPointKey, Prefetched, SpentCoins,
};

/// A store for many runs, which is opened once. Each run has transactions of its own.
#[derive(Debug)]
pub struct Bench {
    db: CoinsDb,
    runs: u64,
    /// The store's tip stands for the number of changes that were ever written.
    tip: u64,
}

/// A folder for a [`Bench`], in memory where there is one: what is tested is not the disk, and small writes that must be
/// durable are slow on one.
///
/// # Errors
///
/// If none can be made.
pub fn scratch() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

/// Outpoints of a run.
const OUTPOINTS: u8 = 16;

/// Writes among the steps of a run, and those of them that are stopped: one takes as long as a thousand other steps, and
/// the store is opened again after a stop. Later ones are left out. Each run ends with one more.
const MOST_WRITES: u32 = 8;
const MOST_STOPS: u32 = 2;

type Change = (OutPointKey, Option<OwnedCoin>);

/// A coin of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedCoin {
    height: u32,
    coinbase: bool,
    value: u64,
    script: Vec<u8>,
}

impl OwnedCoin {
    /// A coin that is told from others by a number, with a script of one size or another.
    pub fn numbered(number: u32) -> Self {
        const SIZES: [usize; 12] = [0, 22, 23, 25, 34, 35, 67, 71, 19, 105, 106, 300];
        let mut script = vec![number as u8; SIZES[number as usize % SIZES.len()]];
        match script.len() {
            22 => script[..2].copy_from_slice(&[0, 20]),
            34 => script[..2].copy_from_slice(&[0x51, 32]),
            _ => {}
        }
        Self {
            height: number,
            coinbase: number.is_multiple_of(3),
            value: u64::from(number) * 1_000,
            script,
        }
    }

    /// A copy.
    pub fn of(coin: Coin<'_>) -> Self {
        Self {
            height: coin.height,
            coinbase: coin.coinbase,
            value: coin.value,
            script: coin.script.to_vec(),
        }
    }

    /// As the set takes it.
    pub fn coin(&self) -> Coin<'_> {
        Coin {
            height: self.height,
            coinbase: self.coinbase,
            value: self.value,
            script: &self.script,
        }
    }
}

fn block(number: u64) -> BlockHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    BlockHash::from_byte_array(hash)
}

impl Bench {
    /// Opens an empty store.
    ///
    /// # Panics
    ///
    /// As everything here, if something is not as it should be.
    pub fn new(dir: &Path) -> Self {
        let db = CoinsDb::open(dir).expect("the store opens");
        Self {
            db,
            runs: 0,
            tip: 0,
        }
    }

    /// Takes the steps that the bytes stand for.
    ///
    /// # Panics
    ///
    /// If the cache says other than the map.
    pub fn run(&mut self, bytes: &[u8]) {
        let mut run = Run {
            cache: CoinCache::new(self.db.clone(), 1 << 20),
            model: BTreeMap::new(),
            history: Vec::new(),
            flushed: 0,
            frozen: None,
            to_look_up: Vec::new(),
            prefetched: Vec::new(),
            writes_left: MOST_WRITES,
            stops_left: MOST_STOPS,
            bench: self,
        };
        for step in bytes.chunks_exact(2) {
            run.step(step[0], step[1]);
        }
        run.look_up();
        run.compare_prefetched();
        run.compare_all();
        run.crash();
        run.compare_all();
        run.flush_all();
        run.compare_store();
        self.runs += 1;
    }
}

struct Run<'a> {
    bench: &'a mut Bench,
    cache: CoinCache,
    model: BTreeMap<OutPointKey, OwnedCoin>,
    /// Every change, as blocks have them: to be applied again after memory was lost.
    history: Vec<Change>,
    /// Changes that the store has for sure, and those that the frozen generation leads to.
    flushed: usize,
    frozen: Option<(Arc<Frozen>, usize)>,
    /// What is to be looked through for an outpoint, and what was found there.
    to_look_up: Vec<(Older, OutPointKey)>,
    prefetched: Vec<(Prefetched, OutPointKey)>,
    writes_left: u32,
    stops_left: u32,
}

impl Run<'_> {
    fn step(&mut self, step: u8, argument: u8) {
        let key = self.key(argument % OUTPOINTS);
        match step % 16 {
            0 => self.add(key, true),
            1..=4 => {
                let known = self.model.contains_key(&key);
                self.add(key, known);
            }
            5..=7 => {
                self.cache.spend(&key);
                self.model.remove(&key);
                self.history.push((key, None));
            }
            8 => self.compare(&key),
            9 => {
                let known = self.model.contains_key(&key);
                assert_eq!(self.cache.has(&key).expect("it is read"), known);
            }
            10 => self.to_look_up.push((self.cache.older(), key)),
            // Whatever has happened since.
            11 => self.look_up(),
            12 => self.compare_prefetched(),
            13 if self.frozen.is_none() => {
                self.frozen = Some((self.cache.freeze(), self.history.len()));
            }
            14 => self.write(usize::from(argument % 32)),
            15 if argument < 64 => self.crash(),
            // Memory forgets what it knew, of its own accord.
            15 if argument < 160 && self.may_write(2) => {
                self.flush_all();
                self.flush_all();
            }
            _ => {}
        }
    }

    /// An outpoint of this run. Some share a transaction; transactions differ in their first byte and in others.
    fn key(&self, number: u8) -> OutPointKey {
        let mut key = [0; 36];
        key[0] = (number / 4).wrapping_mul(37);
        key[8..16].copy_from_slice(&self.bench.runs.to_le_bytes());
        key[31] = number / 4;
        key[32] = number % 4;
        key
    }

    fn add(&mut self, key: OutPointKey, possible_overwrite: bool) {
        let coin = OwnedCoin::numbered(self.history.len() as u32);
        self.cache.add(&key, coin.coin(), possible_overwrite);
        self.model.insert(key, coin.clone());
        self.history.push((key, Some(coin)));
    }

    fn compare(&mut self, key: &OutPointKey) {
        let mut found = SpentCoins::new();
        let is_there = self.cache.fetch(key, &mut found).expect("it is read");
        assert_eq!(is_there, !found.is_empty());
        assert_eq!(
            found.get(0).map(OwnedCoin::of).as_ref(),
            self.model.get(key)
        );
    }

    fn look_up(&mut self) {
        for (older, key) in self.to_look_up.drain(..) {
            let batch = older.fetch_all(&[(self.cache.hash(&key), key)]);
            self.prefetched.push((batch.expect("it is read"), key));
        }
    }

    fn compare_prefetched(&mut self) {
        for (batch, key) in &self.prefetched {
            let mut found = SpentCoins::new();
            let hash = self.cache.hash(key);
            let fetched = self
                .cache
                .fetch_ahead(hash, key, (batch, 0), &mut found)
                .expect("it is read");
            assert_eq!(fetched, !found.is_empty());
            let known = self.model.get(key);
            assert_eq!(found.get(0).map(OwnedCoin::of).as_ref(), known);
        }
    }

    fn compare_all(&mut self) {
        for number in 0..OUTPOINTS {
            self.compare(&self.key(number));
        }
    }

    fn compare_store(&mut self) {
        for number in 0..OUTPOINTS {
            let mut found = SpentCoins::new();
            let key = self.key(number);
            self.bench.db.get(&key, &mut found).expect("it is read");
            assert_eq!(
                found.get(0).map(OwnedCoin::of).as_ref(),
                self.model.get(&key)
            );
        }
    }

    /// The block that stands for the set after so many changes of this run; all zero is the empty set.
    fn block(&self, changes: usize) -> BlockHash {
        block(self.bench.tip + (changes - self.flushed) as u64)
    }

    /// Writes what is frozen, unless it has more changes than `most`: then it is stopped after so many.
    fn write(&mut self, mut most: usize) {
        let Some((frozen, _)) = &self.frozen else {
            return;
        };
        let stops = frozen.changes() > most;
        if stops && self.stops_left == 0 || !self.may_write(1) {
            return;
        }
        self.stops_left -= u32::from(stops);
        let Some((frozen, reached)) = &self.frozen else {
            return;
        };
        let stop = || {
            let stop = most == 0;
            most = most.saturating_sub(1);
            stop
        };
        let (from, to) = (self.block(self.flushed), self.block(*reached));
        let db = &self.bench.db;
        let before = db.state();
        let flushed = db.write_unless(frozen, from, to, stop);
        match flushed.expect("it is written") {
            Flushed::Done => {
                assert_eq!(db.written(), frozen.changes() as u64);
                assert_eq!(db.state(), DbState::At { tip: to });
                self.is_flushed(*reached);
            }
            Flushed::Stopped => {
                assert!(stops);
                assert_eq!(db.state(), before);
            }
        }
    }

    /// Whether so many writes more are within bounds; then they are counted.
    fn may_write(&mut self, writes: u32) -> bool {
        let left = self.writes_left.checked_sub(writes);
        self.writes_left = left.unwrap_or(self.writes_left);
        left.is_some()
    }

    fn is_flushed(&mut self, reached: usize) {
        self.bench.tip += (reached - self.flushed) as u64;
        self.flushed = reached;
        self.frozen = None;
        self.cache.thaw_done();
    }

    /// Loses memory, and applies again what the store does not have for sure.
    fn crash(&mut self) {
        self.to_look_up.clear();
        self.prefetched.clear();
        self.frozen = None;
        let db = self.bench.db.clone();
        if let DbState::At { tip } = db.state() {
            assert_eq!(tip, self.block(self.flushed));
        }
        self.cache = CoinCache::new(db, 1 << 20);
        self.replay(self.flushed, self.history.len());
    }

    fn flush_all(&mut self) {
        if let Some((_, reached)) = self.frozen {
            self.write_frozen(reached);
        }
        self.write_frozen(self.history.len());
    }

    fn write_frozen(&mut self, reached: usize) {
        let (from, to) = (self.block(self.flushed), self.block(reached));
        let frozen = self.cache.freeze();
        let done = self
            .bench
            .db
            .write(&frozen, from, to, &AtomicBool::new(false));
        assert_eq!(done.expect("it is written"), Flushed::Done);
        self.is_flushed(reached);
    }

    /// Applies changes without looking at what is there.
    fn replay(&mut self, from: usize, to: usize) {
        for (key, change) in &self.history[from..to] {
            match change {
                Some(coin) => self.cache.add(key, coin.coin(), true),
                None => self.cache.spend(key),
            }
        }
    }
}
