use std::sync::atomic::AtomicBool;

use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::model::{OwnedCoin, scratch};
use crate::{CoinCache, CoinsDb, OutPointKey, Prefetched, SpentCoins};

fn key(number: u32) -> OutPointKey {
    let mut key = [0; 36];
    key[0] = number as u8;
    key[1..5].copy_from_slice(&number.to_le_bytes());
    key
}

/// A cache that is flushed now and then.
struct Set {
    cache: CoinCache,
    db: CoinsDb,
    flushes: u8,
    _dir: tempfile::TempDir,
}

impl Set {
    fn new() -> Self {
        let dir = scratch().unwrap();
        let db = CoinsDb::open(dir.path()).unwrap();
        Self {
            cache: CoinCache::new(db.clone(), 1 << 20),
            db,
            flushes: 0,
            _dir: dir,
        }
    }

    fn add(&mut self, number: u32) {
        let coin = OwnedCoin::numbered(number);
        self.cache.add(&key(number), coin.coin(), false);
    }

    fn block(&self) -> BlockHash {
        BlockHash::from_byte_array([self.flushes; 32])
    }

    fn flush(&mut self) {
        let frozen = self.cache.freeze();
        let from = self.block();
        self.flushes += 1;
        let stop = AtomicBool::new(false);
        self.db.write(&frozen, from, self.block(), &stop).unwrap();
        self.cache.thaw_done();
    }

    fn look_up(&self, numbers: &[u32]) -> Prefetched {
        let keys = numbers.iter().map(|number| key(*number));
        let keys: Vec<_> = keys.map(|key| (self.cache.hash(&key), key)).collect();
        self.cache.older().fetch_all(&keys).unwrap()
    }

    /// A coin that was looked up ahead as the first of a batch.
    fn fetch(&self, number: u32, batch: &Prefetched) -> Option<OwnedCoin> {
        let key = key(number);
        let mut found = SpentCoins::new();
        let hash = self.cache.hash(&key);
        let fetched = self.cache.fetch_ahead(hash, &key, (batch, 0), &mut found);
        assert_eq!(fetched.unwrap(), found.len() == 1);
        found.get(0).map(OwnedCoin::of)
    }
}

#[test]
fn coins_are_found_in_memory_and_in_the_store_and_told_by_their_number() {
    let mut set = Set::new();
    for number in [1, 2, 3, 5] {
        set.add(number);
    }
    set.flush();
    set.add(6);
    set.cache.spend(&key(2));
    set.flush();
    // Of the generation that is still changed nothing is told: whoever connects blocks asks that one himself.
    set.add(7);
    let batch = set.look_up(&[5, 4, 2, 6, 7, 1]);
    let told: Vec<_> = (0..7)
        .map(|number| batch.coin(number).map(OwnedCoin::of))
        .collect();
    let coin = |number| Some(OwnedCoin::numbered(number));
    assert_eq!(told, [coin(5), None, None, coin(6), None, coin(1), None]);
}

#[test]
fn what_was_looked_up_ahead_gives_way_to_what_memory_has_learnt_since() {
    let mut set = Set::new();
    set.add(1);
    set.flush();
    let batch = set.look_up(&[1]);
    assert_eq!(set.fetch(1, &batch), Some(OwnedCoin::numbered(1)));
    set.cache.spend(&key(1));
    assert_eq!(set.fetch(1, &batch), None);
    // It is gone in a generation that is frozen by now, and in one that is written.
    let frozen = set.cache.freeze();
    assert_eq!(set.fetch(1, &batch), None);
    drop(frozen);
    set.flush();
    assert_eq!(set.fetch(1, &batch), None);
    // Another one is in its place.
    set.cache.add(&key(1), OwnedCoin::numbered(9).coin(), false);
    assert_eq!(set.fetch(1, &batch), Some(OwnedCoin::numbered(9)));
}

#[test]
fn what_was_looked_up_before_memory_forgot_something_is_not_used() {
    let mut set = Set::new();
    set.add(1);
    set.flush();
    let batch = set.look_up(&[1]);
    set.cache.spend(&key(1));
    set.flush();
    // Now memory has forgotten that the coin is gone.
    set.flush();
    assert!(set.cache.missing(&key(1)));
    assert!(batch.coin(0).is_some());
    assert_eq!(set.fetch(1, &batch), None);
}

#[test]
fn what_was_below_stays_as_it_was_while_it_is_looked_through() {
    let mut set = Set::new();
    set.add(1);
    set.flush();
    let older = set.cache.older();
    set.cache.spend(&key(1));
    set.flush();
    set.flush();
    set.flush();
    // Memory has kept it for whoever looks, and says that it is gone whoever is asked.
    let hash = set.cache.hash(&key(1));
    let batch = older.fetch_all(&[(hash, key(1))]).unwrap();
    assert_eq!(
        batch.coin(0).map(OwnedCoin::of),
        Some(OwnedCoin::numbered(1))
    );
    assert_eq!(set.fetch(1, &batch), None);
}

#[test]
fn a_coin_that_was_not_found_ahead_is_looked_for_again() {
    let mut set = Set::new();
    let batch = set.look_up(&[1]);
    set.add(1);
    assert_eq!(set.fetch(1, &batch), Some(OwnedCoin::numbered(1)));
    set.flush();
    set.flush();
    assert!(set.cache.missing(&key(1)));
    assert_eq!(set.fetch(1, &batch), Some(OwnedCoin::numbered(1)));
}
