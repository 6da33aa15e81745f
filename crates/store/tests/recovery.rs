//! What a crash, power loss or a failing disk may leave, and what opening makes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod common;

use std::path::Path;

use common::*;
use proptest::prelude::*;
use tipward_store::{Appended, BlockStore, StoreError};

const INDEX: &str = "blocks/index.log";
const HEADERS: &str = "headers.log";
const BLK0: &str = "blocks/blk00000.dat";

/// A directory in which everything was appended one by one; whether the last two blocks are synced is the caller's wish.
fn filled(dir: &Path, paddings: &[usize], synced: bool) -> Vec<u64> {
    let (headers, blocks) = chain(paddings.iter().copied());
    let (mut store, _, _) = BlockStore::open(dir, &params()).unwrap();
    let mut ends = Vec::new();
    for (header, block) in headers.iter().zip(&blocks) {
        store.append_headers(&[*header]).unwrap();
        let outcome = store.append_blocks(std::slice::from_ref(block)).unwrap();
        assert_eq!(outcome, [Appended::Written]);
        ends.push(len(&dir.join(BLK0)));
    }
    if synced {
        store.sync().unwrap();
    }
    ends
}

#[test]
fn what_was_appended_is_there_after_reopening() {
    for synced in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), &[0, 100, 70_000, 3], synced);
        let (headers, blocks) = chain([0, 100, 70_000, 3]);
        let found = contents(dir.path());
        assert_eq!(found.headers, headers);
        assert_eq!(found.blocks, hashes(&blocks));
        assert_eq!(found.report.repairs, []);
    }
}

#[test]
fn an_index_log_cut_at_any_byte_loses_nothing() {
    let source = tempfile::tempdir().unwrap();
    filled(source.path(), &[10, 200, 30], false);
    let (headers, blocks) = chain([10, 200, 30]);
    let whole = len(&source.path().join(INDEX));
    for cut in 0..whole {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        truncate(&dir.path().join(INDEX), cut);
        let found = contents(dir.path());
        assert_eq!(found.blocks, hashes(&blocks), "cut at {cut}");
        assert_eq!(found.headers, headers);
        assert!(!found.report.repairs.is_empty());
    }
}

#[test]
fn a_block_file_cut_at_any_byte_keeps_the_whole_blocks_before() {
    let paddings = [10, 40, 20];
    let source = tempfile::tempdir().unwrap();
    let ends = filled(source.path(), &paddings, false);
    let (headers, blocks) = chain(paddings);
    for cut in ends[0] - 5..ends[2] {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        truncate(&dir.path().join(BLK0), cut);
        let (mut store, found) = open(dir.path());
        let kept = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(found.blocks, hashes(&blocks[..kept]), "cut at {cut}");
        assert_eq!(found.headers, headers);
        assert!(!found.report.repairs.is_empty());

        // What was lost can come again, and what was not is not stored twice.
        let outcome = store.append_blocks(&blocks).unwrap();
        let again = outcome.iter().filter(|&&o| o == Appended::Written).count();
        assert_eq!(again, blocks.len() - kept);
        drop(store);
        assert_eq!(contents(dir.path()).blocks, hashes(&blocks));
        assert_eq!(len(&dir.path().join(BLK0)), ends[2]);
    }
}

#[test]
fn a_torn_last_header_is_cut() {
    let source = tempfile::tempdir().unwrap();
    filled(source.path(), &[1, 2, 3], false);
    let (headers, blocks) = chain([1, 2, 3]);
    let whole = len(&source.path().join(HEADERS));
    for cut in whole - 2 * 84..=whole {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        truncate(&dir.path().join(HEADERS), cut);
        let found = contents(dir.path());
        let kept = (cut - 16) / 84;
        assert_eq!(found.headers, headers[..kept as usize], "cut at {cut}");
        assert_eq!(found.blocks, hashes(&blocks));
        let torn = (cut - 16) % 84 > 0;
        assert_eq!(found.report.repairs.len(), usize::from(torn));
        if torn {
            assert_eq!(found.report.repairs[0].offset, 16 + kept * 84);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_log_is_named_and_healed() {
    let source = tempfile::tempdir().unwrap();
    filled(source.path(), &[1, 2, 3], true);
    let (headers, blocks) = chain([1, 2, 3]);
    for (log, record) in [(INDEX, 56), (HEADERS, 84)] {
        for offset in 0..len(&source.path().join(log)) {
            let dir = tempfile::tempdir().unwrap();
            copy(source.path(), dir.path());
            flip(&dir.path().join(log), offset, 1 << (offset % 8));
            let found = contents(dir.path());
            assert_eq!(found.blocks, hashes(&blocks), "{log} flipped at {offset}");
            assert_eq!(found.headers, headers, "{log} flipped at {offset}");
            let begins = match offset {
                0..16 => 0,
                _ => 16 + (offset - 16) / record * record,
            };
            let named = found
                .report
                .repairs
                .iter()
                .any(|r| r.path.ends_with(log) && r.offset == begins);
            assert!(named, "{log} flipped at {offset}: {:?}", found.report);
        }
    }
}

#[test]
fn lost_logs_are_rebuilt_from_the_block_files() {
    for lost in [&[INDEX][..], &[HEADERS], &[INDEX, HEADERS]] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), &[1, 2000, 3], true);
        let (headers, blocks) = chain([1, 2000, 3]);
        for log in lost {
            std::fs::remove_file(dir.path().join(log)).unwrap();
        }
        let found = contents(dir.path());
        assert_eq!(found.blocks, hashes(&blocks));
        assert_eq!(found.headers, headers);
    }
}

#[test]
fn blocks_that_power_loss_left_as_zeros_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let ends = filled(dir.path(), &[500, 600, 700], false);
    let (_, blocks) = chain([500, 600, 700]);
    let path = dir.path().join(BLK0);
    let mut bytes = std::fs::read(&path).unwrap();
    let second = ends[0] as usize + 300..ends[1] as usize;
    bytes[second].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let (mut store, found) = open(dir.path());
    assert_eq!(found.blocks, [blocks[0].hash, blocks[2].hash]);
    store.append_blocks(&blocks).unwrap();
    drop(store);
    let found = contents(dir.path());
    assert_eq!(
        found.blocks,
        [blocks[0].hash, blocks[2].hash, blocks[1].hash]
    );
}

#[test]
fn zeros_that_power_loss_left_in_the_logs_are_cut() {
    let source = tempfile::tempdir().unwrap();
    filled(source.path(), &[500, 600, 700], false);
    let (headers, blocks) = chain([500, 600, 700]);
    for log in [INDEX, HEADERS] {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        let path = dir.path().join(log);
        truncate(&path, len(&path) + 1000);
        let found = contents(dir.path());
        assert_eq!(found.blocks, hashes(&blocks));
        assert_eq!(found.headers, headers);
        assert!(!found.report.repairs.is_empty());
    }
}

#[test]
fn a_damaged_block_is_named_when_it_is_read_and_can_be_stored_anew() {
    let dir = tempfile::tempdir().unwrap();
    let ends = filled(dir.path(), &[500, 600], true);
    let (_, blocks) = chain([500, 600]);
    flip(&dir.path().join(BLK0), ends[0] - 10, 4);
    let (mut store, _, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
    assert_eq!(loaded.blocks.count(), 3);
    match store.reader().read(&blocks[0].hash) {
        Err(StoreError::Damaged { path, offset, .. }) => {
            assert_eq!(path, dir.path().join(BLK0));
            assert_eq!(offset, ends[0] - blocks[0].block.size() as u64);
        }
        other => panic!("{other:?}"),
    }
    assert!(store.reader().read(&blocks[1].hash).unwrap().is_some());

    let outcomes = store.append_blocks(&blocks).unwrap();
    assert_eq!(outcomes, [Appended::Written, Appended::AlreadyThere]);
    let read = store.reader().read(&blocks[0].hash).unwrap();
    assert_eq!(read.as_ref(), Some(&blocks[0].block));
}

#[test]
fn files_roll_over_and_a_missing_one_costs_only_its_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain([3_999_000; 40]);
    let (mut store, _, _) = BlockStore::open(dir.path(), &params()).unwrap();
    store.append_headers(&headers).unwrap();
    store.append_blocks(&blocks).unwrap();
    drop(store);
    let blk1 = dir.path().join("blocks/blk00001.dat");
    assert!(len(&dir.path().join(BLK0)) <= 128 << 20);
    assert!(len(&blk1) > 0);
    assert_eq!(contents(dir.path()).blocks, hashes(&blocks));

    // An index log that is gone is rebuilt over all files.
    std::fs::remove_file(dir.path().join(INDEX)).unwrap();
    assert_eq!(contents(dir.path()).blocks, hashes(&blocks));

    std::fs::remove_file(dir.path().join(BLK0)).unwrap();
    let (store, _, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
    let left: Vec<_> = loaded.blocks.map(|b| b.unwrap().hash).collect();
    // 33 blocks were in the first file; the genesis block is stored again.
    assert_eq!(left[..7], hashes(&blocks)[33..]);
    assert_eq!(left[7..], [params().genesis_hash]);
    drop(store);
    let (_, _, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
    assert_eq!(loaded.report.repairs, []);
    assert_eq!(loaded.headers.count(), 40);
}

/// What is done to a directory, one after the other.
#[derive(Clone, Debug)]
enum Deed {
    Append(usize),
    AppendOldAndNew(usize),
    Sync,
    Reopen,
    CutIndex(u64),
    CutBlocks(u64),
    FlipIndex(u64, u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1..20_usize).prop_map(Deed::Append),
        1 => (1..5_usize).prop_map(Deed::AppendOldAndNew),
        2 => Just(Deed::Sync),
        2 => Just(Deed::Reopen),
        1 => any::<u64>().prop_map(Deed::CutIndex),
        1 => (0..2000_u64).prop_map(Deed::CutBlocks),
        1 => (any::<u64>(), 1..=255_u8).prop_map(|(at, mask)| Deed::FlipIndex(at, mask)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn the_store_holds_what_a_naive_model_holds(deeds in prop::collection::vec(deed(), 1..20), size in 0..400_usize) {
        let dir = tempfile::tempdir().unwrap();
        let (headers, blocks) = chain((0..400).map(|i| (i * size) % 700));
        let index = dir.path().join(INDEX);
        let blk = dir.path().join(BLK0);
        let mut store = Some(open(dir.path()).0);
        // The model: blocks in order, each with where its frame ends.
        let mut model: Vec<(usize, u64)> = Vec::new();
        let first = len(&blk);
        let mut next_header = 0;
        for deed in deeds {
            let mut open_store = store.take().unwrap();
            match deed {
                Deed::Append(n) | Deed::AppendOldAndNew(n) => {
                    let old = matches!(deed, Deed::AppendOldAndNew(_)).then(|| model.first()).flatten();
                    let missing = (0..blocks.len()).filter(|i| !model.iter().any(|(m, _)| m == i)).take(n);
                    let batch: Vec<usize> = old.map(|(i, _)| *i).into_iter().chain(missing).collect();
                    if let Some(&highest) = batch.iter().max() && highest >= next_header {
                        open_store.append_headers(&headers[next_header..=highest]).unwrap();
                        next_header = highest + 1;
                    }
                    let new: Vec<_> = batch.iter().map(|&i| blocks[i].clone()).collect();
                    let outcome = open_store.append_blocks(&new).unwrap();
                    for (&i, outcome) in batch.iter().zip(outcome) {
                        let known = model.iter().any(|&(m, _)| m == i);
                        prop_assert_eq!(outcome == Appended::AlreadyThere, known);
                        if !known {
                            let end = model.last().map_or(first, |&(_, end)| end);
                            model.push((i, end + 8 + blocks[i].block.size() as u64));
                        }
                    }
                    prop_assert_eq!(len(&blk), model.last().map_or(first, |&(_, end)| end));
                    store = Some(open_store);
                    continue;
                }
                Deed::Sync => {
                    open_store.sync().unwrap();
                    store = Some(open_store);
                    continue;
                }
                Deed::Reopen => drop(open_store),
                Deed::CutIndex(to) => {
                    drop(open_store);
                    truncate(&index, to % len(&index));
                }
                Deed::CutBlocks(by) => {
                    drop(open_store);
                    let to = len(&blk).saturating_sub(by).max(first);
                    truncate(&blk, to);
                    model.retain(|&(_, end)| end <= to);
                }
                Deed::FlipIndex(at, mask) => {
                    drop(open_store);
                    flip(&index, at % len(&index), mask);
                }
            }
            let (reopened, found) = open(dir.path());
            let expected: Vec<_> = model.iter().map(|&(i, _)| blocks[i].hash).collect();
            prop_assert_eq!(found.blocks, expected);
            prop_assert_eq!(&found.headers[..], &headers[..next_header]);
            store = Some(reopened);
        }
    }
}
