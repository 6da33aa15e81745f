//! Undo data: written, read, and what a crash or damage makes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod common;

use std::path::Path;

use bitcoin::hashes::Hash as _;
use common::*;
use proptest::prelude::*;
use tipward_primitives::BlockHash;
use tipward_store::{BlockStore, StoreError, UndoFiles, UndoReader};

const LOG: &str = "blocks/undo.log";
const REV0: &str = "blocks/rev00000.dat";

type Undo = (BlockHash, BlockHash, Vec<u8>);

/// Undo data of a chain that is not stored: undo files do not care.
fn made(sizes: &[usize]) -> Vec<Undo> {
    let (_, blocks) = chain(sizes.iter().map(|_| 0));
    undo_data(&blocks, sizes.iter().copied())
}

fn open_undo(dir: &Path) -> (UndoFiles, Vec<String>) {
    let (_, undo, loaded) = BlockStore::open(dir, &params()).unwrap();
    let repairs = loaded.report.repairs.iter().map(ToString::to_string);
    (undo, repairs.collect())
}

fn append(files: &mut UndoFiles, undo: &[Undo]) {
    for (hash, previous, bytes) in undo {
        files.append(hash, previous, 1, bytes).unwrap();
    }
}

/// A directory with this undo data, and where each frame ends.
fn filled(dir: &Path, undo: &[Undo], synced: bool) -> Vec<u64> {
    let (mut files, _) = open_undo(dir);
    let mut ends = Vec::new();
    for one in undo {
        append(&mut files, std::slice::from_ref(one));
        ends.push(len(&dir.join(REV0)));
    }
    if synced {
        files.sync().unwrap();
    }
    ends
}

/// Which of `undo` can be read; that what is read is what was written.
fn readable(reader: &UndoReader, undo: &[Undo]) -> Vec<usize> {
    let mut found = Vec::new();
    for (i, (hash, previous, bytes)) in undo.iter().enumerate() {
        let read = reader.read(hash, previous).unwrap();
        assert_eq!(read.is_some(), reader.contains(hash));
        if let Some(read) = read {
            assert_eq!(read, *bytes);
            found.push(i);
        }
    }
    assert_eq!(reader.blocks(), found.len() as u64);
    found
}

#[test]
fn undo_data_is_there_as_it_was_written_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let undo = made(&[1, 70_000, 0, 5, 300]);
    let (mut files, _) = open_undo(dir.path());
    let reader = files.reader();
    append(&mut files, &undo[..4]);
    assert_eq!(readable(&reader, &undo), [0, 1, 2, 3]);
    let size = len(&dir.path().join(REV0));
    append(&mut files, &undo[..4]);
    assert_eq!(len(&dir.path().join(REV0)), size, "written twice");
    assert_eq!(reader.size_on_disk(), size);
    drop(files);
    let (mut files, repairs) = open_undo(dir.path());
    assert_eq!(repairs, [""; 0]);
    append(&mut files, &undo[3..]);
    assert_eq!(readable(&files.reader(), &undo), [0, 1, 2, 3, 4]);
    files.sync().unwrap();
    assert_eq!(files.unsynced_bytes(), 0);
}

#[test]
fn undo_data_of_another_parent_is_not_passed_off_as_this_ones() {
    let dir = tempfile::tempdir().unwrap();
    let undo = made(&[9, 9]);
    let (mut files, _) = open_undo(dir.path());
    append(&mut files, &undo);
    let refusal = files.reader().read(&undo[0].0, &undo[1].1).unwrap_err();
    assert!(matches!(refusal, StoreError::Damaged { .. }), "{refusal}");
}

#[test]
fn the_directory_stays_locked_until_both_writers_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, undo, _) = BlockStore::open(dir.path(), &params()).unwrap();
    drop(store);
    let refusal = BlockStore::open(dir.path(), &params()).unwrap_err();
    assert!(matches!(refusal, StoreError::Locked { .. }), "{refusal}");
    drop(undo);
    open_undo(dir.path());
}

#[test]
fn undo_files_and_their_log_have_these_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = open_undo(dir.path());
    let hash = |byte| BlockHash::from_byte_array([byte; 32]);
    files
        .append(&hash(2), &hash(1), 2, &[0xab, 0xcd, 0xef])
        .unwrap();
    files.append(&hash(3), &hash(2), 3, &[0]).unwrap();
    files.sync().unwrap();
    drop(files);
    let hex = |path: &str| {
        let bytes = std::fs::read(dir.path().join(path)).unwrap();
        bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let rev = "\
        fabfb5da03000000abcdefbe820c2504aed2b6b88b292657e6d69c0429af32e2fcb9e07d1b112eda658e4c\
        fabfb5da01000000007df638c1eb655398031587fc79881279f596e2859783509e89f78fb11dc063b1";
    let log = "\
        7477756e646f0001fabfb5da803c42b4\
        0202020202020202020202020202020202020202020202020202020202020202\
        00000000080000002300000000000000e1fd3fb4415da5d7\
        0303030303030303030303030303030303030303030303030303030303030303\
        0000000033000000210000000000000029ead17373b4b03c\
        0000000000000000000000000000000000000000000000000000000000000000\
        00000000540000000000000000000000000000002f6bc639";
    assert_eq!(hex(REV0), rev);
    assert_eq!(hex(LOG), log);
}

/// Cuts a file of four blocks' undo data to every shorter length: `kept` says how many of them are left then. All are
/// there again once they are appended anew.
fn cut_at_every_byte(file: &str, kept: impl Fn(u64, &[u64]) -> usize) {
    let undo = made(&[10, 0, 40, 20]);
    let source = tempfile::tempdir().unwrap();
    let ends = filled(source.path(), &undo, false);
    for cut in 0..len(&source.path().join(file)) {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        truncate(&dir.path().join(file), cut);
        let (mut files, repairs) = open_undo(dir.path());
        let expected: Vec<usize> = (0..kept(cut, &ends)).collect();
        assert_eq!(readable(&files.reader(), &undo), expected, "cut at {cut}");
        assert!(!repairs.is_empty());
        append(&mut files, &undo);
        drop(files);
        let (files, repairs) = open_undo(dir.path());
        assert_eq!(readable(&files.reader(), &undo), [0, 1, 2, 3]);
        assert_eq!(repairs, [""; 0]);
        assert_eq!(len(&dir.path().join(REV0)), ends[3]);
    }
}

#[test]
fn undo_files_cut_at_any_byte_keep_the_whole_ones_before() {
    cut_at_every_byte(REV0, |cut, ends| {
        ends.iter().filter(|&&end| end <= cut).count()
    });
}

#[test]
fn an_undo_log_cut_at_any_byte_keeps_the_whole_records_before() {
    cut_at_every_byte(LOG, |cut, _| cut.saturating_sub(16) as usize / 56);
}

#[test]
fn a_flipped_bit_in_the_undo_log_costs_one_blocks_undo_data_and_is_named() {
    let undo = made(&[10, 0, 40, 20]);
    let source = tempfile::tempdir().unwrap();
    filled(source.path(), &undo, true);
    for record in 0..4_u64 {
        for within in [0, 31, 33, 38, 41, 47, 49, 55] {
            let dir = tempfile::tempdir().unwrap();
            copy(source.path(), dir.path());
            let offset = 16 + record * 56;
            flip(&dir.path().join(LOG), offset + within, 0x10);
            let (mut files, repairs) = open_undo(dir.path());
            let expected: Vec<usize> = (0..4).filter(|&i| i as u64 != record).collect();
            assert_eq!(readable(&files.reader(), &undo), expected);
            let named = format!("undo.log at offset {offset}: ");
            assert!(repairs.iter().any(|r| r.contains(&named)), "{repairs:?}");
            if record < 3 {
                let hint = "--reindex-chainstate";
                assert!(repairs.iter().any(|r| r.contains(hint)), "{repairs:?}");
            }
            append(&mut files, &undo);
            drop(files);
            let (files, repairs) = open_undo(dir.path());
            assert_eq!(readable(&files.reader(), &undo), [0, 1, 2, 3]);
            assert_eq!(repairs, [""; 0]);
        }
    }
}

#[test]
fn damaged_undo_data_is_named_with_the_command_that_repairs_it() {
    let undo = made(&[10, 0, 40]);
    let source = tempfile::tempdir().unwrap();
    let ends = filled(source.path(), &undo, true);
    // From behind the first frame's head to the end of its checksum.
    for offset in 8..ends[0] {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        flip(&dir.path().join(REV0), offset, 1 << (offset % 8));
        let (files, repairs) = open_undo(dir.path());
        assert_eq!(repairs, [""; 0]);
        let reader = files.reader();
        assert_eq!(readable_of(&reader, &undo[1..]), [0, 1]);
        let refusal = reader.read(&undo[0].0, &undo[0].1).unwrap_err();
        let StoreError::Damaged { path, offset, .. } = &refusal else {
            panic!("{refusal}");
        };
        assert_eq!((path, *offset), (&dir.path().join(REV0), 8));
        let text = refusal.to_string();
        assert!(text.contains(&undo[0].0.to_string()), "{text}");
        assert!(text.contains("--reindex-chainstate"), "{text}");
    }
}

/// As [`readable`], when there is more than `undo`.
fn readable_of(reader: &UndoReader, undo: &[Undo]) -> Vec<usize> {
    let read = |(hash, previous, _): &Undo| reader.read(hash, previous).unwrap();
    (0..undo.len())
        .filter(|&i| read(&undo[i]).as_ref() == Some(&undo[i].2))
        .collect()
}

#[test]
fn undo_data_that_power_loss_left_as_zeros_is_dropped() {
    let undo = made(&[100, 200, 300]);
    let dir = tempfile::tempdir().unwrap();
    let ends = filled(dir.path(), &undo, false);
    let path = dir.path().join(REV0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[ends[0] as usize + 50..ends[1] as usize].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let (mut files, repairs) = open_undo(dir.path());
    assert_eq!(readable(&files.reader(), &undo), [0, 2]);
    let dropped = format!("undo data of block {} did not reach the disk", undo[1].0);
    assert!(repairs.iter().any(|r| r.contains(&dropped)), "{repairs:?}");
    append(&mut files, &undo);
    assert_eq!(readable(&files.reader(), &undo), [0, 1, 2]);
}

#[test]
fn undo_files_roll_over_on_their_own() {
    let dir = tempfile::tempdir().unwrap();
    // The last one alone is larger than a file is to be.
    let sizes = [60 << 20, 60 << 20, 10 << 20, 129 << 20, 1];
    let undo = made(&sizes);
    filled(dir.path(), &undo, false);
    let lens = [120, 10, 129, 0].map(|mib| mib << 20);
    for (number, expected) in lens.iter().enumerate() {
        let found = len(&dir.path().join(format!("blocks/rev{number:05}.dat")));
        assert!((*expected..expected + 100).contains(&found), "{found}");
    }
    assert!(!dir.path().join("blocks/blk00001.dat").exists());
    let (files, repairs) = open_undo(dir.path());
    assert_eq!(readable(&files.reader(), &undo), [0, 1, 2, 3, 4]);
    assert_eq!(repairs, [""; 0]);
    drop(files);

    std::fs::remove_file(dir.path().join("blocks/rev00001.dat")).unwrap();
    let (files, repairs) = open_undo(dir.path());
    assert_eq!(readable(&files.reader(), &undo), [0, 1, 3, 4]);
    assert!(!repairs.is_empty());
}

#[test]
fn a_lost_undo_log_costs_the_undo_data_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let undo = made(&[10, 20]);
    filled(dir.path(), &undo, true);
    std::fs::remove_file(dir.path().join(LOG)).unwrap();
    let (mut files, repairs) = open_undo(dir.path());
    assert_eq!(readable(&files.reader(), &undo), [0_usize; 0]);
    assert!(!repairs.is_empty());
    append(&mut files, &undo);
    assert_eq!(readable(&files.reader(), &undo), [0, 1]);
}

/// What is done to the undo files, one after the other.
#[derive(Clone, Debug)]
enum Deed {
    Append(usize),
    Sync,
    Reopen,
    CutLog(u64),
    CutFile(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1..20_usize).prop_map(Deed::Append),
        2 => Just(Deed::Sync),
        2 => Just(Deed::Reopen),
        1 => (0..300_u64).prop_map(Deed::CutLog),
        1 => (0..500_u64).prop_map(Deed::CutFile),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn undo_files_hold_what_a_naive_model_holds(deeds in prop::collection::vec(deed(), 1..20), size in 0..400_usize) {
        let dir = tempfile::tempdir().unwrap();
        let sizes: Vec<usize> = (0..400).map(|i| (i * size) % 300).collect();
        let undo = made(&sizes);
        let (log, rev) = (dir.path().join(LOG), dir.path().join(REV0));
        let mut files = Some(open_undo(dir.path()).0);
        // The model: which undo data, in order, each with where its frame and its record end.
        let mut model: Vec<(usize, u64, u64)> = Vec::new();
        for deed in deeds {
            let mut open_files = files.take().unwrap();
            match deed {
                Deed::Append(n) => {
                    let missing = (0..undo.len()).filter(|i| !model.iter().any(|(m, ..)| m == i));
                    let missing: Vec<usize> = missing.take(n).collect();
                    for i in missing {
                        append(&mut open_files, &undo[i..=i]);
                        model.push((i, len(&rev), len(&log)));
                    }
                    files = Some(open_files);
                    continue;
                }
                Deed::Sync => {
                    open_files.sync().unwrap();
                    files = Some(open_files);
                    continue;
                }
                Deed::Reopen => drop(open_files),
                Deed::CutLog(by) => {
                    drop(open_files);
                    let to = len(&log).saturating_sub(by);
                    truncate(&log, to);
                    model.retain(|&(_, _, end)| end <= to);
                }
                Deed::CutFile(by) => {
                    drop(open_files);
                    let to = len(&rev).saturating_sub(by);
                    truncate(&rev, to);
                    model.retain(|&(_, end, _)| end <= to);
                }
            }
            let (reopened, _) = open_undo(dir.path());
            let mut expected: Vec<usize> = model.iter().map(|&(i, ..)| i).collect();
            expected.sort_unstable();
            prop_assert_eq!(readable(&reopened.reader(), &undo), expected);
            files = Some(reopened);
        }
    }
}
