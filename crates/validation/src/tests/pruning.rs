//! Old blocks are deleted, and nothing that is needed.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tipward_chain::Fault;
use tipward_primitives::{Height, RawBlock};

use super::connecting::{Miner, options};
use super::local::Local;
use super::model::coins_of;
use crate::{FaultPoints, KEPT, Options, Prune};

/// About ten blocks.
const FILE: u64 = 16 << 10;

fn pruning(target: Option<u64>) -> Options {
    Options {
        prune: Some(Prune {
            target,
            after_height: 100,
            file_size: FILE,
        }),
        ..options()
    }
}

/// Bytes of the block files and the undo files.
fn on_disk(dir: &Path) -> u64 {
    std::fs::read_dir(dir.join("blocks"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "dat"))
        // What was deleted since the directory was read takes nothing.
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// Lowest height from which on all blocks and all undo data up to the tip can be read.
fn kept_from(local: &Local, chain: &[RawBlock]) -> usize {
    let (blocks, undo) = (local.pipeline.reader(), local.pipeline.undo_reader());
    let tip = local.chain.tip_height() as usize;
    let there = |height: &usize| {
        let block = &chain[height - 1];
        let (hash, previous) = (block.block_hash(), block.header().prev_blockhash);
        blocks.read(&hash).unwrap().is_some() && undo.read(&hash, &previous).unwrap().is_some()
    };
    (1..=tip).rev().take_while(there).last().unwrap()
}

/// What all of a chain takes with its undo data, and what its last blocks do that have to be kept.
fn sizes(chain: &[RawBlock]) -> (u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &pruning(None));
    local.submit(chain);
    let all = on_disk(dir.path());
    (all, all * u64::from(KEPT) / chain.len() as u64)
}

#[test]
fn the_disk_stays_below_the_limit_and_the_last_288_blocks_stay_on_it() {
    let mut miner = Miner::new(41);
    let chain = miner.mine(520);
    let (all, floor) = sizes(&chain);
    let target = floor * 3 / 2;
    assert!(target < all * 9 / 10);
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &pruning(Some(target)));
    for some in chain.chunks(5) {
        local.submit(some);
        assert!(on_disk(dir.path()) <= target);
    }
    let from = kept_from(&local, &chain);
    let tip = chain.len();
    assert!(from > 1 && from <= tip - KEPT as usize + 1, "{from}");
    // What was deleted last is told when it is deleted, which may be after the tip moved.
    local.wait_until_pruned_below(from as Height - 1);
    assert_eq!(local.coins(), coins_of(&chain));
    local.pipeline.shutdown().unwrap();

    // A restart knows what is gone, and goes on.
    let mut local = Local::open(dir.path(), &pruning(Some(target)));
    local.settle();
    assert!(local.chain.pruned_below() as usize >= from - 1);
    let mut longer = chain;
    longer.extend(miner.mine(60));
    for some in longer[tip..].chunks(5) {
        local.submit(some);
        assert!(on_disk(dir.path()) <= target);
    }
    assert!(kept_from(&local, &longer) > from);
    assert_eq!(local.coins(), coins_of(&longer));
    local.pipeline.shutdown().unwrap();
}

#[test]
fn a_reorganization_as_deep_as_blocks_are_kept_works_and_a_deeper_one_says_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let mut miner = Miner::new(42);
    let mut trunk = miner.mine(60);
    let mut deep = miner.clone();
    trunk.extend(miner.mine(60));
    let mut other = miner.clone();
    trunk.extend(miner.mine(KEPT as usize));
    let mut local = Local::open(dir.path(), &pruning(None));
    local.submit(&trunk);
    local.pipeline.coins().prune(1000).unwrap();
    local.head_for_candidate();
    local.settle();
    // Fewer than a file's blocks are too many.
    let below = local.chain.pruned_below() as usize;
    assert!((80..=121).contains(&below), "{below}");

    let branch = fork(&mut other, 1, KEPT as usize + 1);
    local.submit(&branch);
    assert_eq!(local.tip(), branch[KEPT as usize].block_hash());
    let chain: Vec<RawBlock> = trunk[..120].iter().chain(&branch).cloned().collect();
    assert_eq!(local.coins(), coins_of(&chain));

    let deeper = fork(&mut deep, 2, 60 + KEPT as usize + 2);
    local.store(&deeper);
    local.settle_or_fail();
    let fault = local.wait_for_fault();
    assert!(!fault.may_pass);
    assert!(
        fault.what.contains("deleted to save space") && fault.what.contains("--reindex"),
        "{fault}"
    );
}

fn fork(miner: &mut Miner, salt: u64, blocks: usize) -> Vec<RawBlock> {
    miner.fork(salt).mine(blocks)
}

#[test]
fn by_order_only_what_lies_deep_enough_is_deleted_and_only_when_pruning_is_on() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Miner::new(43).mine(400);
    let mut local = Local::open(dir.path(), &pruning(None));
    local.submit(&chain);
    assert_eq!(kept_from(&local, &chain), 1);
    let coins = local.pipeline.coins();
    coins.prune(50).unwrap();
    let from = kept_from(&local, &chain);
    assert!((30..=51).contains(&from), "{from}");
    coins.prune(5).unwrap();
    coins.prune(400).unwrap();
    let from = kept_from(&local, &chain);
    assert!((90..=113).contains(&from), "{from}");
    assert_eq!(local.coins(), coins_of(&chain));
    local.pipeline.shutdown().unwrap();

    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    local.submit(&chain);
    local.pipeline.coins().prune(400).unwrap();
    assert_eq!(kept_from(&local, &chain), 1);
}

#[test]
fn an_end_at_any_step_of_deleting_loses_nothing_that_is_kept() {
    let chain = Miner::new(44).mine(480);
    let points = [
        "before deleting block files",
        "before deleting undo files",
        "after deleting undo files",
        "before the flush",
        "after the flush",
    ];
    let (_, floor) = sizes(&chain);
    let target = floor * 3 / 2;
    for point in points {
        let dir = tempfile::tempdir().unwrap();
        let passed = AtomicUsize::new(0);
        let points = FaultPoints::new(move |at| {
            (at == point && passed.fetch_add(1, Ordering::Relaxed) == 0).then(|| Fault {
                what: format!("a test's failure {point}"),
                may_pass: false,
            })
        });
        let mut local = Local::open(
            dir.path(),
            &Options {
                fault_points: points,
                ..pruning(Some(target))
            },
        );
        for some in chain.chunks(20) {
            local.store(some);
            local.settle_or_fail();
            if !local.faults.is_empty() {
                break;
            }
        }
        if local.faults.is_empty() {
            let _ = local.pipeline.coins().prune(1000);
        }
        local.wait_for_fault();
        local.kill();

        let mut local = Local::open(dir.path(), &pruning(Some(target)));
        local.settle();
        let rest = local.chain.height(local.chain.candidate()) as usize;
        for some in chain[rest..].chunks(10) {
            local.submit(some);
        }
        assert_eq!(local.coins(), coins_of(&chain), "{point}");
        assert!(kept_from(&local, &chain) <= chain.len() - KEPT as usize + 1);
        assert!(on_disk(dir.path()) <= target);
    }
}
