//! Damaged files, and flushes that a shutdown cuts short.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use tipward_coins::{CoinsDb, DbState};

use super::connecting::{Miner, options};
use super::local::Local;
use super::model::coins_of;
use crate::{FaultPoints, Options};

fn flip_byte(path: &Path, from_end: u64) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let at = file.metadata().unwrap().len() - from_end;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn damaged_undo_data_is_named_and_so_is_what_makes_it_good() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let blocks = Miner::new(41).mine(110);
    local.submit(&blocks);
    local.pipeline.coins().flush().unwrap();
    local.kill();
    let mut local = Local::open(dir.path(), &options());
    local.settle();
    // Somewhere in the middle of the tip's undo data: the file is longer than what is in it, so the end is looked up.
    let rev = dir.path().join("blocks/rev00000.dat");
    let used = std::fs::read(&rev).unwrap();
    let last = used.iter().rposition(|b| *b != 0).unwrap() as u64 + 1;
    flip_byte(&rev, used.len() as u64 - last + 40);
    local.chain.mark_invalid(&blocks[109].block_hash());
    local.head_for_candidate();
    let fault = local.wait_for_fault();
    assert!(!fault.may_pass);
    assert!(fault.what.contains("rev00000.dat"), "{fault}");
    assert!(fault.what.contains("--reindex-chainstate"), "{fault}");
}

#[test]
fn a_block_that_is_damaged_before_it_is_connected_is_named_and_so_is_what_makes_it_good() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let blocks = Miner::new(42).mine(110);
    local.submit(&blocks);
    // Nothing is flushed: the next start connects them again, from their files.
    local.kill();
    let blk = dir.path().join("blocks/blk00000.dat");
    let used = std::fs::read(&blk).unwrap();
    let last = used.iter().rposition(|b| *b != 0).unwrap() as u64 + 1;
    let (options, gate) = options_behind_a_gate();
    let mut local = Local::open(dir.path(), &options);
    flip_byte(&blk, used.len() as u64 - last + 100);
    drop(gate);
    local.head_for_candidate();
    let fault = local.wait_for_fault();
    assert!(!fault.may_pass);
    assert!(fault.what.contains("blk00000.dat"), "{fault}");
    assert!(fault.what.contains("--reindex"), "{fault}");
}

/// Connects nothing until the other side is dropped.
fn options_behind_a_gate() -> (Options, Sender<()>) {
    let (open, gate) = bounded::<()>(0);
    let options = Options {
        ahead_blocks: 1,
        fault_points: FaultPoints::new(move |at| {
            if at == "before connecting a block" {
                let _ = gate.recv();
            }
            None
        }),
        ..options()
    };
    (options, open)
}

#[test]
fn a_shutdown_without_time_leaves_the_coins_to_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let hurried = Options {
        flush_deadline: Duration::ZERO,
        ..options()
    };
    let mut local = Local::open(dir.path(), &hurried);
    let blocks = Miner::new(43).mine(110);
    local.submit(&blocks[..105]);
    local.pipeline.coins().flush().unwrap();
    local.submit(&blocks[105..]);
    local.pipeline.shutdown().unwrap();
    let coins = CoinsDb::open(&dir.path().join("coins")).unwrap();
    let tip = blocks[104].block_hash();
    assert_eq!(coins.state(), DbState::At { tip });
    drop(coins);
    let mut local = Local::open(dir.path(), &hurried);
    assert_eq!(local.tip(), tip);
    local.settle();
    assert_eq!(local.tip(), blocks[109].block_hash());
    assert_eq!(local.coins(), coins_of(&blocks));
}
