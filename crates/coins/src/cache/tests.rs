use proptest::prelude::*;
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::*;
use crate::model::{Bench, OwnedCoin, scratch};

#[test]
fn the_cache_over_the_store_is_what_one_map_is() {
    let dir = scratch().unwrap();
    let bench = std::cell::RefCell::new(Bench::new(dir.path()));
    let steps = proptest::collection::vec(any::<u8>(), 0..400);
    proptest!(ProptestConfig::with_cases(400), |(steps in steps)| {
        bench.borrow_mut().run(&steps);
    });
}

fn key(number: u32) -> OutPointKey {
    let mut key = [0; 36];
    key[0] = number as u8;
    key[1..5].copy_from_slice(&number.to_le_bytes());
    key
}

fn cache(budget: usize) -> (tempfile::TempDir, CoinCache) {
    let dir = scratch().unwrap();
    let db = CoinsDb::open(dir.path()).unwrap();
    (dir, CoinCache::new(db, budget))
}

fn block(number: u8) -> BlockHash {
    BlockHash::from_byte_array([number; 32])
}

#[test]
fn a_coin_that_is_spent_before_it_is_written_leaves_no_trace() {
    let (_dir, mut cache) = cache(1 << 20);
    let coin = OwnedCoin::numbered(1);
    cache.add(&key(1), coin.coin(), false);
    assert_eq!(cache.dirty(), 1);
    cache.spend(&key(1));
    assert_eq!(cache.dirty(), 0);
    assert!(cache.missing(&key(1)));
    // Unless there may have been another one below.
    cache.add(&key(1), coin.coin(), true);
    cache.spend(&key(1));
    assert_eq!(cache.dirty(), 1);
    assert!(!cache.missing(&key(1)));
}

#[test]
fn what_was_written_last_is_still_in_memory_until_the_next_generation_is_frozen() {
    let (_dir, mut cache) = cache(1 << 20);
    cache.add(&key(1), OwnedCoin::numbered(1).coin(), false);
    let frozen = cache.freeze();
    assert!(!cache.missing(&key(1)));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let from = BlockHash::all_zeros();
    cache.db.write(&frozen, from, block(1), &stop).unwrap();
    cache.thaw_done();
    assert!(!cache.missing(&key(1)));
    let epoch = cache.epoch();
    cache.freeze();
    assert!(cache.missing(&key(1)));
    assert_ne!(cache.epoch(), epoch);
    assert!(cache.has(&key(1)).unwrap());
}

#[test]
fn what_is_frozen_is_handed_out_again_until_it_is_written() {
    let (_dir, mut cache) = cache(1 << 20);
    cache.add(&key(1), OwnedCoin::numbered(1).coin(), false);
    let first = cache.freeze();
    cache.add(&key(2), OwnedCoin::numbered(2).coin(), false);
    assert!(Arc::ptr_eq(&first, &cache.freeze()));
    assert_eq!((first.changes(), cache.dirty()), (1, 1));
}

#[test]
fn the_budget_is_shared_between_what_is_written_and_what_comes_meanwhile() {
    let (_dir, mut cache) = cache(4 << 20);
    assert_eq!(cache.budget(), 4 << 20);
    let mut number = 0;
    let mut fill = |cache: &mut CoinCache, full: fn(&CoinCache) -> bool| {
        while !full(cache) {
            assert!(cache.memory() < cache.budget() * 11 / 10);
            cache.add(&key(number), OwnedCoin::numbered(number).coin(), false);
            number += 1;
        }
    };
    fill(&mut cache, CoinCache::wants_freeze);
    assert!(cache.memory() >= cache.budget() / 2);
    let frozen = cache.freeze();
    assert!(!cache.wants_freeze(), "one generation at a time");
    fill(&mut cache, CoinCache::is_full);
    assert!(cache.memory() >= cache.budget());

    let stop = std::sync::atomic::AtomicBool::new(false);
    let from = BlockHash::all_zeros();
    cache.db.write(&frozen, from, block(1), &stop).unwrap();
    drop(frozen);
    cache.thaw_done();
    // It comes in whole pages, so that what was written can be a little more than half.
    fill(&mut cache, CoinCache::wants_freeze);
    cache.freeze();
    // What was written is forgotten.
    assert!(cache.memory() < cache.budget());
}
