//! The node is killed while it writes, the disk fills up, and readers read while blocks are appended.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use tipward_store::{Appended, BlockMark, BlockStore, NewBlock, StoreError};

/// Names the directory that a child process of a test is to work on.
const CHILD_DIR: &str = "TIPWARD_TEST_CHILD_DIR";

fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIR).map(PathBuf::from)
}

/// This program, running one test.
fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped());
    command
}

/// Sizes of the blocks of the chain that is written while being killed: small ones in batches, and now and then one so
/// large that writing it takes a while.
fn padding(i: usize) -> usize {
    match i % 97 {
        0 => 900_000,
        n => n * 13,
    }
}

/// What is noted of the first block of the batch with this number.
fn mark(batch: usize) -> BlockMark {
    match batch % 2 {
        0 => BlockMark::Invalid,
        _ => BlockMark::Reconsidered,
    }
}

#[test]
fn kill_child() {
    let Some(dir) = child_dir() else { return };
    let (mut store, mut undo_files, loaded) = BlockStore::open(&dir, &params()).unwrap();
    let (headers, blocks) = chain((0..6000).map(padding));
    let undo = undo_data(&blocks, (0..6000).map(|i| padding(i) / 5));
    let mut out = std::io::stdout().lock();
    let mut known_headers = usize::try_from(loaded.report.headers).unwrap();
    for (i, batch) in blocks.chunks(7).enumerate() {
        let upto = ((i + 1) * 7).min(blocks.len());
        if upto > known_headers {
            store.append_headers(&headers[known_headers..upto]).unwrap();
            known_headers = upto;
        }
        store.append_blocks(batch).unwrap();
        for (hash, previous, bytes) in &undo[i * 7..upto] {
            undo_files.append(hash, previous, 1, bytes).unwrap();
        }
        store.append_mark(batch[0].hash, mark(i)).unwrap();
        if i % 50 == 49 {
            store.sync().unwrap();
            undo_files.sync().unwrap();
        }
        writeln!(out, "appended {upto}").unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_appended() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain((0..6000).map(padding));
    let undo = undo_data(&blocks, (0..6000).map(|i| padding(i) / 5));
    let expected = hashes(&blocks);
    let mut said = 0;
    // Every round writes its marks from the first batch on again.
    let mut marks_before = 0;
    for round in 0..25_usize {
        let mut child = child("kill_child", dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said_in_round = 0;
        // Where the child was the last time it takes no time to get to again: go some way beyond, a little differently
        // in every round.
        let goal = said + (round * 37) % 200;
        for line in &mut lines {
            if let Some(n) = line.unwrap().strip_prefix("appended ") {
                said_in_round = n.parse::<usize>().unwrap();
                said = said_in_round.max(said);
            }
            if said > goal {
                break;
            }
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(n) = line.strip_prefix("appended ") {
                said_in_round = n.parse::<usize>().unwrap();
                said = said_in_round.max(said);
            }
        }
        let (_, undo_files, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
        let reader = undo_files.reader();
        for (i, (hash, previous, bytes)) in undo.iter().enumerate() {
            let read = reader.read(hash, previous).unwrap();
            assert!(read.is_none_or(|read| read == *bytes));
            assert!(reader.contains(hash) || i >= said, "{i} >= {said}");
        }
        let marks = &loaded.marks[marks_before..];
        for (batch, (hash, found)) in marks.iter().enumerate() {
            assert_eq!((*hash, *found), (blocks[batch * 7].hash, mark(batch)));
        }
        assert!(marks.len() >= said_in_round.div_ceil(7));
        marks_before = loaded.marks.len();
        drop(undo_files);

        let found = contents(dir.path());
        assert!(
            found.blocks.len() >= said,
            "{} < {said}",
            found.blocks.len()
        );
        assert_eq!(found.blocks, expected[..found.blocks.len()]);
        assert!(found.headers.len() >= found.blocks.len());
        assert_eq!(found.headers, headers[..found.headers.len()]);
    }
    assert!(said > 0);
}

/// There is room again on the full disk that a child process was given.
fn make_room() {
    rustix::process::setrlimit(
        rustix::process::Resource::Fsize,
        rustix::process::Rlimit {
            current: None,
            maximum: None,
        },
    )
    .unwrap();
}

/// Calls `append` with 0, 1, 2 and so on until the disk is full; says how many went well. The refusal must name `file`,
/// and that and `beside` must be as they were before it.
fn until_full(
    dir: &Path,
    file: &str,
    beside: &str,
    mut append: impl FnMut(usize) -> Result<(), StoreError>,
) -> usize {
    for i in 0..10_000 {
        let before = [file, beside].map(|name| len(&dir.join(name)));
        if let Err(refusal) = append(i) {
            assert!(refusal.is_full(), "{refusal}");
            assert!(refusal.to_string().contains(file), "{refusal}");
            assert!(append(i).unwrap_err().is_full());
            assert_eq!([file, beside].map(|name| len(&dir.join(name))), before);
            return i;
        }
    }
    panic!("{file} is never full");
}

#[test]
fn full_logs_child() {
    let Some(dir) = child_dir() else { return };
    let (mut store, mut undo_files, _) = BlockStore::open(&dir, &params()).unwrap();
    let (headers, blocks) = chain((0..4000).map(|_| 0));
    let small = undo_data(&blocks, (0..4000).map(|_| 1));
    let large = undo_data(&blocks, (0..4000).map(|_| 30_000));
    let (log, rev) = ("blocks/undo.log", "blocks/rev00000.dat");
    let mut append = |(hash, previous, bytes): &(_, _, Vec<u8>)| {
        let appended = undo_files.append(hash, previous, 1, bytes);
        assert_eq!(undo_files.reader().contains(hash), appended.is_ok());
        appended
    };
    let full_of_large = until_full(&dir, rev, log, |i| append(&large[i]));
    assert!((2..20).contains(&full_of_large), "{full_of_large}");
    let full_of_small = until_full(&dir, rev, log, |i| append(&small[full_of_large + i]));
    let full_of_marks = until_full(&dir, "marks.log", rev, |i| {
        store.append_mark(blocks[i].hash, mark(i))
    });
    let full_of_headers = until_full(&dir, "headers.log", rev, |i| {
        store.append_headers(&headers[i..=i])
    });
    store.sync().unwrap();

    make_room();
    let mut append = |(hash, previous, bytes): &(_, _, Vec<u8>)| {
        undo_files.append(hash, previous, 1, bytes).unwrap();
    };
    large[..full_of_large].iter().for_each(&mut append);
    small[full_of_large..].iter().for_each(&mut append);
    undo_files.sync().unwrap();
    for (i, block) in blocks.iter().enumerate().skip(full_of_marks) {
        store.append_mark(block.hash, mark(i)).unwrap();
    }
    store.append_headers(&headers[full_of_headers..]).unwrap();
    println!(
        "went on after {full_of_large} and {full_of_small}, {full_of_marks}, {full_of_headers}"
    );
}

#[test]
fn a_full_undo_log_takes_the_frame_back_child() {
    let Some(dir) = child_dir() else { return };
    let (_store, mut undo_files, _) = BlockStore::open(&dir, &params()).unwrap();
    let (_, blocks) = chain((0..4000).map(|_| 0));
    let undo = undo_data(&blocks, (0..4000).map(|_| 1));
    let full = until_full(&dir, "blocks/undo.log", "blocks/rev00000.dat", |i| {
        let (hash, previous, bytes) = &undo[i];
        undo_files.append(hash, previous, 1, bytes)
    });
    make_room();
    for (hash, previous, bytes) in &undo {
        undo_files.append(hash, previous, 1, bytes).unwrap();
    }
    println!("went on after {full}");
}

#[test]
fn disk_full_child() {
    let Some(dir) = child_dir() else { return };
    let (mut store, _) = open(&dir);
    let (headers, blocks) = chain([20_000; 30]);
    store.append_headers(&headers).unwrap();
    let mut stored = 0;
    let refusal = loop {
        match store.append_blocks(&blocks[stored..=stored]) {
            Ok(_) => stored += 1,
            Err(e) => break e,
        }
    };
    assert!(refusal.is_full(), "{refusal}");
    assert!(refusal.to_string().contains("blk00000.dat"), "{refusal}");
    assert!((4..30).contains(&stored), "{stored}");
    // What was stored can be read, and the files end where it ends.
    for block in &blocks[..stored] {
        let read = store.reader().read(&block.hash).unwrap();
        assert_eq!(read.as_ref(), Some(&block.block));
    }
    let ends = len(&dir.join("blocks/blk00000.dat"));
    assert!(
        store
            .append_blocks(&blocks[stored..])
            .unwrap_err()
            .is_full()
    );
    assert_eq!(len(&dir.join("blocks/blk00000.dat")), ends);
    store.sync().unwrap();

    make_room();
    let outcomes = store.append_blocks(&blocks).unwrap();
    let there = outcomes
        .iter()
        .filter(|&&o| o == Appended::AlreadyThere)
        .count();
    assert_eq!(there, stored);
    println!("went on after {stored} blocks");
}

/// Runs `test`, in a child process, on a disk on which no file can have more than 128 KiB, until it makes room.
fn run_on_full_disk(test: &str, dir: &Path) {
    let exe = std::env::current_exe().unwrap();
    // The shell ignores the signal that a write beyond the limit raises, and so does what it starts: the write fails.
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -S -f 256; exec \"$0\" --exact \"$1\" --nocapture")
        .arg(exe)
        .arg(test)
        .env(CHILD_DIR, dir)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("went on after"), "{out}\n{err}");
}

#[test]
fn a_full_disk_is_said_and_can_pass() {
    let dir = tempfile::tempdir().unwrap();
    run_on_full_disk("disk_full_child", dir.path());
    let found = contents(dir.path());
    assert_eq!(found.report.repairs, []);
    assert_eq!(found.blocks.len(), 30);
}

#[test]
fn a_full_disk_is_said_of_undo_data_marks_and_headers_too_and_can_pass() {
    let dir = tempfile::tempdir().unwrap();
    run_on_full_disk("full_logs_child", dir.path());
    let (_, undo_files, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
    assert_eq!(loaded.report.repairs, []);
    assert_eq!(loaded.report.headers, 4000);
    assert_eq!(loaded.marks.len(), 4000);
    let (_, blocks) = chain((0..4000).map(|_| 0));
    for (i, (hash, previous, _)) in undo_data(&blocks, [0; 4000]).iter().enumerate() {
        assert_eq!(loaded.marks[i], (*hash, mark(i)));
        assert!(undo_files.reader().read(hash, previous).unwrap().is_some());
    }
}

#[test]
fn a_full_undo_log_takes_the_frame_back() {
    let dir = tempfile::tempdir().unwrap();
    run_on_full_disk("a_full_undo_log_takes_the_frame_back_child", dir.path());
    let (_, undo_files, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
    assert_eq!(loaded.report.repairs, []);
    assert_eq!(undo_files.reader().blocks(), 4000);
}

#[test]
fn readers_on_other_threads_see_every_appended_block_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain((0..3000).map(|i| i % 500));
    let (mut store, _) = open(dir.path());
    store.append_headers(&headers).unwrap();
    let reader = store.reader();
    let appended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for seed in 1..=3_usize {
            let (reader, appended, blocks) = (reader.clone(), &appended, &blocks);
            scope.spawn(move || {
                let mut reads = 0_usize;
                while appended.load(Ordering::Acquire) < blocks.len() || reads < 3000 {
                    let there = appended.load(Ordering::Acquire);
                    if there == 0 {
                        std::thread::yield_now();
                        continue;
                    }
                    reads += 1;
                    let at = reads.wrapping_mul(7919 * seed) % there;
                    let read = reader.read(&blocks[at].hash).unwrap();
                    assert_eq!(read.as_ref(), Some(&blocks[at].block));
                    let beyond: &NewBlock = &blocks[blocks.len() - 1];
                    if let Some(read) = reader.read(&beyond.hash).unwrap() {
                        assert_eq!(read, beyond.block);
                    }
                }
            });
        }
        for batch in blocks.chunks(3) {
            store.append_blocks(batch).unwrap();
            appended.fetch_add(batch.len(), Ordering::Release);
        }
    });
    assert_eq!(reader.blocks(), 3001);
    let unknown = headers[0].prev_blockhash;
    assert!(reader.contains(&unknown), "the genesis block is stored");
    let (_, stranger) = block(headers[7].block_hash(), 99_999, 5);
    assert!(reader.read(&stranger.hash).unwrap().is_none());
    assert_eq!(reader.size_of(&stranger.hash), None);
    assert_eq!(
        reader.size_of(&blocks[5].hash),
        Some(blocks[5].block.size() as u32)
    );
    let size_on_disk = len(&dir.path().join("blocks/blk00000.dat"));
    assert_eq!(reader.size_on_disk(), size_on_disk);
    drop(BlockStore::open(dir.path(), &params()).unwrap_err());
}
