//! The node is killed while it writes, the disk fills up, and readers read while blocks are appended.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use tipward_store::{Appended, BlockStore, NewBlock};

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

#[test]
fn kill_child() {
    let Some(dir) = child_dir() else { return };
    let (mut store, found) = open(&dir);
    let (headers, blocks) = chain((0..6000).map(padding));
    let mut out = std::io::stdout().lock();
    let mut known_headers = found.headers.len();
    for (i, batch) in blocks.chunks(7).enumerate() {
        let upto = ((i + 1) * 7).min(blocks.len());
        if upto > known_headers {
            store.append_headers(&headers[known_headers..upto]).unwrap();
            known_headers = upto;
        }
        store.append_blocks(batch).unwrap();
        if i % 50 == 49 {
            store.sync().unwrap();
        }
        writeln!(out, "appended {upto}").unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_appended() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain((0..6000).map(padding));
    let expected = hashes(&blocks);
    let mut said = 0;
    for round in 0..25_usize {
        let mut child = child("kill_child", dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Where the child was the last time it takes no time to get to again: go some way beyond, a little differently
        // in every round.
        let goal = said + (round * 37) % 200;
        for line in &mut lines {
            if let Some(n) = line.unwrap().strip_prefix("appended ") {
                said = n.parse::<usize>().unwrap().max(said);
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
                said = n.parse::<usize>().unwrap().max(said);
            }
        }
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

    // There is room again.
    rustix::process::setrlimit(
        rustix::process::Resource::Fsize,
        rustix::process::Rlimit {
            current: None,
            maximum: None,
        },
    )
    .unwrap();
    let outcomes = store.append_blocks(&blocks).unwrap();
    let there = outcomes
        .iter()
        .filter(|&&o| o == Appended::AlreadyThere)
        .count();
    assert_eq!(there, stored);
    println!("went on after {stored} blocks");
}

#[test]
fn a_full_disk_is_said_and_can_pass() {
    let dir = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    // The shell ignores the signal that a write beyond the limit raises, and so does what it starts: the write fails.
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -S -f 256; exec \"$0\" --exact disk_full_child --nocapture")
        .arg(exe)
        .env(CHILD_DIR, dir.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("went on after"), "{out}\n{err}");
    let found = contents(dir.path());
    assert_eq!(found.report.repairs, []);
    assert_eq!(found.blocks.len(), 30);
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
