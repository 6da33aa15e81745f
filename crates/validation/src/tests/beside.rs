//! Single coins are answered beside the connect thread, whatever it does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded, unbounded};
use tipward_primitives::{BlockHash, RawBlock};

use super::connecting::{Miner, options};
use super::local::Local;
use super::model::{Coins, coins_of};
use crate::{CoinsHandle, FaultPoints, LeadBounds, Options};

/// Holds the connect thread up at a point.
#[derive(Clone, Default)]
struct Gate {
    /// Of the times that the thread comes by, how many it goes on.
    open_for: Arc<AtomicUsize>,
    /// Says that the thread stands there, and is dropped to let it go on.
    held: Arc<Mutex<Option<Sender<()>>>>,
}

impl Gate {
    fn at(point: &'static str) -> (Self, FaultPoints) {
        let gate = Self::default();
        gate.open_for.store(usize::MAX, Ordering::SeqCst);
        let here = gate.clone();
        let points = FaultPoints::new(move |passed| {
            if passed == point {
                here.pass();
            }
            None
        });
        (gate, points)
    }

    fn pass(&self) {
        let (one_less, none) = (|left: usize| left.checked_sub(1), Ordering::SeqCst);
        if self.open_for.fetch_update(none, none, one_less).is_ok() {
            return;
        }
        let held = self.held.lock().unwrap().clone();
        if let Some(held) = held {
            // Full after the first time: then this waits until nobody listens.
            while held.send(()).is_ok() {}
        }
    }

    /// Holds the thread up when it comes by for the time after so many.
    fn close_after(&self, times: usize) -> crossbeam_channel::Receiver<()> {
        let (sender, held) = bounded(0);
        *self.held.lock().unwrap() = Some(sender);
        self.open_for.store(times, Ordering::SeqCst);
        held
    }

    fn open(&self, held: crossbeam_channel::Receiver<()>) {
        *self.held.lock().unwrap() = None;
        self.open_for.store(usize::MAX, Ordering::SeqCst);
        drop(held);
    }
}

/// Every coin of `now` and `other` is answered as it is after `told`, whose coins are `now`.
fn assert_answers(handle: &CoinsHandle, told: BlockHash, now: &Coins, other: &Coins) {
    for key in now.keys().chain(other.keys()) {
        let answer = handle.coin(key).unwrap();
        assert_eq!(answer.tip, told);
        assert_eq!(answer.coin.as_ref(), now.get(key));
    }
}

#[test]
fn coins_are_answered_while_blocks_are_ahead_of_the_told_tip_and_the_thread_is_held_up() {
    let blocks = Miner::new(51).mine(130);
    // The coins are in memory, or mostly on disk.
    for dbcache in [64 << 20, 1] {
        let dir = tempfile::tempdir().unwrap();
        let (gate, fault_points) = Gate::at("before connecting a block");
        let options = Options {
            dbcache,
            fault_points,
            // Nothing is committed before the thread is held up.
            lead: LeadBounds {
                blocks: 20,
                ..LeadBounds::default()
            },
            ..options()
        };
        let mut local = Local::open(dir.path(), &options);
        local.submit(&blocks[..115]);
        let handle = local.pipeline.coins();
        let held = gate.close_after(if dbcache == 1 { 0 } else { 5 });
        local.store(&blocks[115..]);
        held.recv().unwrap();
        let answer = handle.coin(&[7; 36]).unwrap();
        let told = answer.tip_height as usize;
        assert!((115..=120).contains(&told), "{told}");
        let all = coins_of(&blocks);
        let now = coins_of(&blocks[..told]);
        assert_answers(&handle, blocks[told - 1].block_hash(), &now, &all);
        gate.open(held);
        local.settle();
        assert_answers(&handle, blocks[129].block_hash(), &all, &now);
        local.pipeline.shutdown().unwrap();
    }
}

#[test]
fn within_a_reorganization_coins_are_still_those_of_the_tip_that_was_told() {
    let mut miner = Miner::new(52);
    let trunk = miner.mine(112);
    let mut other = miner.fork(1);
    let chain = |branch: &[RawBlock]| [&trunk, branch].concat();
    let (a, b) = (miner.mine(6), other.mine(8));
    let (old, new) = (coins_of(&chain(&a)), coins_of(&chain(&b)));
    // How many blocks of the other branch are connected when the thread is held up.
    for connected in [0, 3, 6] {
        let dir = tempfile::tempdir().unwrap();
        let (gate, fault_points) = Gate::at("before connecting a block");
        let options = Options {
            fault_points,
            ..options()
        };
        let mut local = Local::open(dir.path(), &options);
        local.submit(&chain(&a));
        let handle = local.pipeline.coins();
        let held = gate.close_after(connected);
        local.store(&b);
        held.recv().unwrap();
        assert_answers(&handle, a[5].block_hash(), &old, &new);
        gate.open(held);
        local.settle();
        assert_answers(&handle, b[7].block_hash(), &new, &old);
        local.pipeline.shutdown().unwrap();
    }
}

#[test]
fn answers_taken_at_any_moment_are_true_of_the_tip_that_they_name() {
    let mut miner = Miner::new(53);
    let trunk = miner.mine(108);
    let mut branches = vec![(miner, trunk)];
    let mut of_tip: HashMap<BlockHash, Coins> = HashMap::new();
    let mut steps = Vec::new();
    for number in 1..12 {
        let (miner, blocks) = &branches[number * 7 % branches.len()];
        let (mut miner, mut blocks) = (miner.fork(number as u64), blocks.clone());
        let mined = miner.mine(3 + number % 4);
        blocks.extend(mined.iter().cloned());
        steps.push(mined);
        branches.push((miner, blocks));
    }
    let mut keys = Vec::new();
    for (_, blocks) in &branches {
        for end in 100..=blocks.len() {
            let coins = coins_of(&blocks[..end]);
            keys.extend(coins.keys().copied());
            of_tip.insert(blocks[end - 1].block_hash(), coins);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    // With the small one every block begins a flush.
    for dbcache in [1, 64 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dbcache,
            ..options()
        };
        let mut local = Local::open(dir.path(), &options);
        local.submit(&branches[0].1);
        let handle = local.pipeline.coins();
        let (end, (answers, answered)) = (AtomicBool::new(false), unbounded());
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                for key in keys.iter().cycle() {
                    answers.send((*key, handle.coin(key).unwrap())).unwrap();
                    if end.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            for mined in &steps {
                local.store(mined);
                local.settle();
                std::thread::sleep(Duration::from_millis(5));
            }
            end.store(true, Ordering::Relaxed);
            asking.join().unwrap();
        });
        assert!(!answered.is_empty());
        for (key, answer) in answered.try_iter() {
            assert_eq!(answer.coin.as_ref(), of_tip[&answer.tip].get(&key));
        }
        local.pipeline.shutdown().unwrap();
    }
}

#[test]
fn when_the_connect_thread_has_ended_there_are_no_answers() {
    let dir = tempfile::tempdir().unwrap();
    let local = Local::open(dir.path(), &options());
    let handle = local.pipeline.coins();
    handle.coin(&[7; 36]).unwrap();
    local.pipeline.shutdown().unwrap();
    let fault = handle.coin(&[7; 36]).unwrap_err();
    assert_eq!(fault.what, "the thread that connects blocks has ended");
}
