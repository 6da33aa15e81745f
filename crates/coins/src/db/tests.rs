mod damage;

use std::ops::ControlFlow;

use super::*;
use crate::CoinCache;
use crate::model::{OwnedCoin, scratch};

pub(super) fn key(number: u32) -> OutPointKey {
    let mut key = [0; 36];
    // Spread over the tables as transaction ids are.
    key[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    key[31] = 7;
    key[32..].copy_from_slice(&(number % 3).to_le_bytes());
    key
}

pub(super) fn block(number: u8) -> BlockHash {
    BlockHash::from_byte_array([number; 32])
}

/// Adds coins in a range and takes some of those before out.
fn change(cache: &mut CoinCache, coins: std::ops::Range<u32>) {
    for number in coins.clone() {
        cache.add(&key(number), OwnedCoin::numbered(number).coin(), false);
    }
    for number in (0..coins.start).step_by(7) {
        cache.spend(&key(number));
    }
}

fn flush(db: &CoinsDb, cache: &mut CoinCache, from: u8, to: u8) -> Result<Flushed, CoinsError> {
    let frozen = cache.freeze();
    let done = db.write(&frozen, block(from), block(to), &AtomicBool::new(false))?;
    cache.thaw_done();
    Ok(done)
}

fn count(snapshot: &CoinsSnapshot) -> usize {
    let mut count = 0;
    let all = snapshot.for_each(&[0; 36], |_, _| {
        count += 1;
        ControlFlow::Continue(())
    });
    all.unwrap();
    count
}

fn open(dir: &Path) -> (CoinsDb, CoinCache) {
    let db = CoinsDb::open(dir).unwrap();
    (db.clone(), CoinCache::new(db, 1 << 20))
}

#[test]
fn changes_that_do_not_follow_are_refused() {
    let dir = scratch().unwrap();
    let (db, mut cache) = open(dir.path());
    change(&mut cache, 0..10);
    let refused = |done| matches!(done, Err(CoinsError::Order { .. }));
    assert!(refused(flush(&db, &mut cache, 1, 2)));
    assert_eq!(flush(&db, &mut cache, 0, 1).unwrap(), Flushed::Done);
    assert_eq!(db.state(), DbState::At { tip: block(1) });
    assert!(refused(flush(&db, &mut cache, 0, 2)));

    // What was frozen for one block is not written for another.
    let (dir, stop) = (scratch().unwrap(), AtomicBool::new(true));
    let (db, mut cache) = open(dir.path());
    change(&mut cache, 0..10);
    let frozen = cache.freeze();
    let stopped = db.write(&frozen, block(0), block(1), &stop).unwrap();
    assert_eq!(stopped, Flushed::Stopped);
    assert!(refused(flush(&db, &mut cache, 0, 2)));
    assert_eq!(flush(&db, &mut cache, 0, 1).unwrap(), Flushed::Done);
}

#[test]
fn a_snapshot_stays_as_it_is() {
    let dir = scratch().unwrap();
    let (db, mut cache) = open(dir.path());
    change(&mut cache, 0..100);
    flush(&db, &mut cache, 0, 1).unwrap();
    let before = db.snapshot();
    change(&mut cache, 100..200);
    flush(&db, &mut cache, 1, 2).unwrap();
    let after = db.snapshot();

    assert_eq!(before.state(), DbState::At { tip: block(1) });
    assert_eq!(count(&before), 100);
    let mut found = SpentCoins::new();
    assert!(before.get(&key(0), &mut found).unwrap());
    assert!(!before.get(&key(100), &mut found).unwrap());

    assert_eq!(after.state(), DbState::At { tip: block(2) });
    assert_eq!(count(&after), 200 - 100usize.div_ceil(7));
    assert!(!after.get(&key(0), &mut found).unwrap());
    assert!(after.get(&key(100), &mut found).unwrap());
    assert!(format!("{after:?}").contains("of block 0202"));
}

#[test]
fn coins_are_visited_in_order_from_any_on() {
    let dir = scratch().unwrap();
    let (db, mut cache) = open(dir.path());
    change(&mut cache, 0..1_000);
    flush(&db, &mut cache, 0, 1).unwrap();
    let mut keys = Vec::new();
    let snapshot = db.snapshot();
    let all = snapshot.for_each(&[0; 36], |key, _| {
        keys.push(*key);
        ControlFlow::Continue(())
    });
    all.unwrap();
    assert!(keys.is_sorted_by_key(value::order));
    assert_eq!(keys.len(), 1_000);
    let mut next = None;
    let some = snapshot.for_each(&keys[600], |key, coin| {
        next = Some((*key, coin.value));
        ControlFlow::Break(())
    });
    some.unwrap();
    assert_eq!(next.unwrap().0, keys[600]);
}

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let dir = scratch().unwrap();
    {
        let (db, mut cache) = open(dir.path());
        change(&mut cache, 0..100);
        flush(&db, &mut cache, 0, 1).unwrap();
        let in_use = CoinsDb::open(dir.path());
        assert!(matches!(in_use, Err(CoinsError::Locked { .. })));
        assert!(db.disk_size() > 1_000);
    }
    let (db, _) = open(dir.path());
    assert_eq!(db.state(), DbState::At { tip: block(1) });
    assert_eq!(count(&db.snapshot()), 100);
}

#[test]
fn a_full_disk_is_said_and_passes() {
    let dir = scratch().unwrap();
    let (db, mut cache) = open(dir.path());
    change(&mut cache, 0..100);
    db.tree.set_shape(|shape| shape.reserve = 1 << 60);
    for _ in 0..3 {
        let error = flush(&db, &mut cache, 0, 1).unwrap_err();
        assert!(error.is_full(), "{error}");
        assert_eq!(db.state(), DbState::Empty);
        assert!(cache.has(&key(1)).unwrap());
    }
    db.tree.set_shape(|shape| shape.reserve = 0);
    assert_eq!(flush(&db, &mut cache, 0, 1).unwrap(), Flushed::Done);
    assert_eq!(count(&db.snapshot()), 100);
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn a_stopped_flush_leaves_nothing_behind() {
    let dir = scratch().unwrap();
    let (db, mut cache) = open(dir.path());
    change(&mut cache, 0..20_000);
    let frozen = cache.freeze();
    let stop_late = |left: &mut u32| {
        *left -= 1;
        *left == 0
    };
    let write =
        |mut left: u32| db.write_unless(&frozen, block(0), block(1), || stop_late(&mut left));
    let before = files(dir.path());
    let snapshot = db.snapshot();
    for _ in 0..5 {
        assert_eq!(write(19_000).unwrap(), Flushed::Stopped);
        assert_eq!(files(dir.path()), before);
    }
    assert_eq!(write(30_000).unwrap(), Flushed::Done);
    assert_eq!(count(&db.snapshot()), 20_000);
    assert_eq!(count(&snapshot), 0);
}

#[test]
fn merging_changes_no_coin() {
    let dir = scratch().unwrap();
    let (db, mut cache) = open(dir.path());
    db.tree
        .set_shape(|shape| (shape.part, shape.least_fold) = (64 << 10, 1 << 10));
    for number in 0..6 {
        let first = u32::from(number) * 1_000;
        change(&mut cache, first..first + 1_000);
        flush(&db, &mut cache, number, number + 1).unwrap();
        let before = count(&db.snapshot());
        assert_eq!(db.merge(|| false).unwrap(), Merged::Done);
        assert_eq!(count(&db.snapshot()), before);
    }
    assert_eq!(db.state(), DbState::At { tip: block(6) });
}
