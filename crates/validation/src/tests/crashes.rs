//! Ends at every step, and disks that fill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tipward_chain::Fault;
use tipward_coins::{CoinsDb, DbState};
use tipward_primitives::RawBlock;

use super::connecting::{Miner, options};
use super::local::Local;
use super::model::coins_of;
use crate::{FaultPoints, Options};

const POINTS: [&str; 9] = [
    "before connecting a block",
    "before the undo data",
    "after the undo data",
    "before disconnecting a block",
    "after disconnecting a block",
    "before the flush's sync",
    "before the flush",
    "within the flush",
    "after the flush",
];

/// Fails at `point` when it is passed for the `nth` time.
fn fail_at(point: &'static str, nth: usize, may_pass: bool) -> FaultPoints {
    let passed = AtomicUsize::new(0);
    FaultPoints::new(move |at| {
        (at == point && passed.fetch_add(1, Ordering::Relaxed) == nth).then(|| Fault {
            what: format!("a test's failure {point}"),
            may_pass,
        })
    })
}

/// A trunk with two branches, the second of which wins.
struct Story {
    trunk: Vec<RawBlock>,
    a: Vec<RawBlock>,
    b: Vec<RawBlock>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut miner = Miner::new(seed);
        let trunk = miner.mine(110);
        let mut other = miner.fork(7);
        Self {
            trunk,
            a: miner.mine(4),
            b: other.mine(6),
        }
    }

    fn chain(&self) -> impl Iterator<Item = &RawBlock> {
        self.trunk.iter().chain(&self.b)
    }
}

/// Coins are flushed all the time.
fn flushing(points: FaultPoints) -> Options {
    Options {
        dbcache: 1,
        fault_points: points,
        ..options()
    }
}

#[test]
fn an_end_at_any_step_costs_nothing_but_the_way_back_to_it() {
    let story = Story::new(11);
    for point in POINTS {
        let mut ended = 0;
        for nth in [0, 1, 3, 20] {
            let dir = tempfile::tempdir().unwrap();
            let mut local = Local::open(dir.path(), &flushing(fail_at(point, nth, false)));
            local.store(&story.trunk);
            local.settle_or_fail();
            if local.faults.is_empty() {
                local.store(&story.a);
                local.settle_or_fail();
            }
            if local.faults.is_empty() {
                local.store(&story.b);
                local.settle_or_fail();
            }
            // The last flush may be the one that fails.
            if local.faults.is_empty() {
                let _ = local.pipeline.coins().flush();
            }
            ended += usize::from(!local.faults.is_empty());
            local.kill();

            let mut local = Local::open(dir.path(), &flushing(FaultPoints::default()));
            local.store(&story.trunk);
            local.store(&story.b);
            local.settle();
            assert_eq!(
                local.coins(),
                coins_of(story.chain()),
                "{point}, time {nth}"
            );
            assert_eq!(local.tip(), story.b[5].block_hash());
        }
        assert!(ended > 0 || point.starts_with("after the flush"), "{point}");
    }
}

#[test]
fn a_full_disk_pauses_connecting_says_so_once_and_passes() {
    let story = Story::new(12);
    for point in ["before the undo data", "before the flush"] {
        let full = Arc::new(AtomicBool::new(false));
        let points = {
            let full = Arc::clone(&full);
            FaultPoints::new(move |at| {
                (at == point && full.load(Ordering::Relaxed)).then(|| Fault {
                    what: "no room".to_owned(),
                    may_pass: true,
                })
            })
        };
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path(), &flushing(points));
        local.submit(&story.trunk);
        full.store(true, Ordering::Relaxed);
        local.store(&story.a);
        assert_eq!(local.wait_for_fault().what, "no room");
        // Questions are answered.
        let coins = local.pipeline.coins();
        let answer = coins.coin(&[7; 36]).unwrap();
        assert_eq!(answer.coin, None);
        assert!(answer.tip_height >= 110);
        std::thread::sleep(Duration::from_millis(1500));
        assert!(local.faults.is_empty());
        full.store(false, Ordering::Relaxed);
        local.settle();
        assert!(local.faults.is_empty(), "{:?}", local.faults);
        assert_eq!(local.tip(), story.a[3].block_hash());
        let chain = story.trunk.iter().chain(&story.a);
        assert_eq!(local.coins(), coins_of(chain));
        local.pipeline.shutdown().unwrap();
    }
}

#[test]
fn blocks_that_were_verified_before_an_end_are_not_verified_again() {
    let dir = tempfile::tempdir().unwrap();
    let story = Story::new(13);
    let mut local = Local::open(dir.path(), &options());
    local.submit(&story.trunk);
    local.kill();
    let local = Local::open(dir.path(), &options());
    let undo = local.pipeline.undo_reader();
    assert!(story.trunk.iter().all(|b| undo.contains(&b.block_hash())));
    // Nothing was flushed.
    assert_eq!(local.pipeline.validated_tip().height, 0);
    let mut local = local;
    local.settle();
    assert_eq!(local.coins(), coins_of(&story.trunk));
    local.pipeline.shutdown().unwrap();
}

#[test]
fn a_flush_from_one_branch_to_another_that_was_cut_short_leaves_the_coins_of_the_first() {
    let story = Story::new(14);
    let dir = tempfile::tempdir().unwrap();
    let cut = Options {
        fault_points: fail_at("within the flush", 1, false),
        ..options()
    };
    let mut local = Local::open(dir.path(), &cut);
    local.submit(&story.trunk);
    local.submit(&story.a);
    local.pipeline.coins().flush().unwrap();
    local.submit(&story.b);
    assert!(local.pipeline.coins().flush().is_err());
    local.kill();
    let coins = CoinsDb::open(&dir.path().join("coins")).unwrap();
    let (from, to) = (story.a[3].block_hash(), story.b[5].block_hash());
    assert_eq!(coins.state(), DbState::At { tip: from });
    drop(coins);
    let mut local = Local::open(dir.path(), &options());
    local.settle();
    assert_eq!(local.tip(), to);
    assert_eq!(local.coins(), coins_of(story.chain()));
}
