use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::filter::KeyBits;
use super::super::page::{Entry, entry_bytes};
use super::*;
use crate::model::scratch;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

fn write(dir: &Path, id: u64, pairs: &Pairs, filter: bool) -> Run {
    let keys = filter.then_some(pairs.len() as u64);
    let mut writer = RunWriter::create(dir, id, keys).unwrap();
    for (key, value) in pairs {
        writer
            .push(&Entry::of(&entry_bytes(key, value)).unwrap())
            .unwrap();
    }
    assert_eq!(writer.entries(), pairs.len() as u64);
    writer.finish().unwrap()
}

/// A key of a transaction whose id begins with some bytes.
fn key(beginning: u64, index: u8) -> Vec<u8> {
    let mut key = vec![7; 33];
    key[..8].copy_from_slice(&beginning.to_be_bytes());
    key[32] = index;
    key
}

fn all(merge: &mut Merge) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    while let Some(entry) = merge.entry() {
        pairs.push((entry.key().to_vec(), entry.value().to_vec()));
        merge.advance().unwrap();
    }
    pairs
}

/// Keys and values of all sizes: evenly spread ids, ids that share their beginnings, transactions with many outputs, values
/// that fill several pages.
fn pairs() -> impl Strategy<Value = Pairs> {
    let beginning = prop_oneof![
        4 => any::<u64>(),
        1 => 0..4u64,
        1 => (0..4u64).prop_map(|n| u64::MAX - n),
        1 => (0..8u64).prop_map(|n| 1 << 60 | n),
    ];
    let value = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => (0..12_000usize).prop_map(|size| vec![9; size]),
    ];
    // Some ids begin alike and go on otherwise.
    let others = prop_oneof![8 => Just(7u8), 1 => 6..9u8];
    proptest::collection::btree_map(
        (beginning, others, any::<u8>()).prop_map(|(b, other, index)| {
            let mut key = key(b, index % 248);
            key[20] = other;
            key
        }),
        value,
        0..400,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_run_has_what_was_written_and_nothing_else(pairs in pairs(), others in proptest::collection::vec((any::<u64>(), 0..3u8), 20)) {
        let dir = scratch().unwrap();
        let run = write(dir.path(), 1, &pairs, true);
        for (key, value) in &pairs {
            prop_assert!(run.filter().may_have(KeyBits::of(key)));
            let found = run.get(key).unwrap().unwrap();
            prop_assert_eq!((found.key(), found.value()), (&**key, &**value));
        }
        for (beginning, index) in others {
            let key = key(beginning, index);
            prop_assert_eq!(run.get(&key).unwrap().is_some(), pairs.contains_key(&key));
        }
        let again = Run::open(dir.path(), 1, run.size()).unwrap();
        prop_assert_eq!(again.entries(), pairs.len() as u64);
        for (key, value) in &pairs {
            let found = again.get(key).unwrap().unwrap();
            prop_assert_eq!((found.key(), found.value()), (&**key, &**value));
        }
    }

    #[test]
    fn a_merge_has_the_newest_of_every_key_in_order(runs in proptest::collection::vec(pairs(), 1..5), from: u64) {
        let dir = scratch().unwrap();
        let mut newest = Pairs::new();
        let mut files = Vec::new();
        for (id, pairs) in runs.iter().enumerate() {
            files.push(Arc::new(write(dir.path(), id as u64, pairs, false)));
            newest.extend(pairs.clone());
        }
        for from in [key(0, 0), key(from, 3), key(1 << 60 | 3, 100)] {
            let mut merge = Merge::at(files.iter().rev().cloned(), &from).unwrap();
            let wanted: Vec<_> = newest.range(from..).map(|(k, v)| (k.clone(), v.clone())).collect();
            prop_assert_eq!(all(&mut merge), wanted);
        }
    }
}

#[test]
fn the_outputs_of_one_transaction_may_fill_many_pages() {
    let dir = scratch().unwrap();
    let mut pairs = Pairs::new();
    for index in 0..2_000u16 {
        let mut key = vec![9; 32];
        key.extend([248, (index >> 8) as u8, index as u8]);
        pairs.insert(key, vec![1; 40]);
    }
    pairs.insert(key(3, 0), vec![2]);
    pairs.insert(key(u64::MAX, 0), vec![3]);
    let run = Arc::new(write(dir.path(), 1, &pairs, false));
    for (key, value) in &pairs {
        assert_eq!(run.get(key).unwrap().unwrap().value(), value);
        let mut merge = Merge::at(std::iter::once(Arc::clone(&run)), key).unwrap();
        assert_eq!(merge.entry().unwrap().key(), key);
        merge.advance().unwrap();
        let next = pairs.range(key.clone()..).nth(1).map(|(key, _)| &**key);
        assert_eq!(merge.entry().map(|entry| entry.key()), next);
    }
}

#[test]
fn a_run_that_nobody_keeps_is_deleted_and_so_is_one_that_is_not_finished() {
    let dir = scratch().unwrap();
    let pairs = Pairs::from([(key(1, 0), vec![1])]);
    let path = Run::path(dir.path(), 1);
    let run = write(dir.path(), 1, &pairs, false);
    assert!(path.exists());
    drop(run);
    assert!(!path.exists());

    let run = write(dir.path(), 1, &pairs, false);
    run.keep();
    let size = run.size();
    drop(run);
    let run = Run::open(dir.path(), 1, size).unwrap();
    run.retire();
    drop(run);
    assert!(!path.exists());

    let writer = RunWriter::create(dir.path(), 1, None).unwrap();
    assert!(path.exists());
    drop(writer);
    assert!(!path.exists());
}
