//! A node that is killed at any step of connecting, committing, flushing or a reorganization goes on to the same coins.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tipward_chain::Fault;
use tipward_coins::SetInfo;
use tipward_oracle::LocalNode;
use tipward_primitives::{BlockHash, Network, Params, RawBlock};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, Fork, ForkOrder};
use tipward_validation::{FaultPoints, Options};

/// Where the pipeline can be told to fail.
const POINTS: [&str; 8] = [
    "before connecting a block",
    "before the undo data",
    "after the undo data",
    "before the flush's sync",
    "before the flush",
    "after the flush",
    "before disconnecting a block",
    "after disconnecting a block",
];

/// A chain on which a node turns back twice.
fn blocks() -> Vec<RawBlock> {
    let fork = |base, length| Fork {
        base,
        length,
        order: ForkOrder::First,
    };
    let options = ChainOptions {
        transactions: 0..=4,
        forks: vec![fork(108, 6), fork(120, 2)],
        ..ChainOptions::mixed(3, 130, 0)
    };
    ChainGenerator::new(options).collect()
}

/// So little memory for coins that they are flushed every few blocks.
fn options() -> Options {
    let two = const { NonZeroUsize::new(2).unwrap() };
    Options {
        dbcache: 128 << 10,
        check_threads: two,
        script_threads: two,
        load_threads: two,
        ..Options::default()
    }
}

fn node(options: Options) -> LocalNode {
    LocalNode::new(Arc::new(Params::new(Network::Regtest)), options).unwrap()
}

fn end(node: &mut LocalNode, blocks: &[RawBlock]) -> (BlockHash, SetInfo) {
    for raw in blocks {
        let answer = node.submit(raw).unwrap();
        assert!(answer.refused.is_empty(), "{answer:?}");
    }
    (node.tip(), node.set_info().unwrap())
}

/// Fails at the given passage of a point for good; the count is of those that have passed.
fn failing_at(point: &'static str, passage: usize) -> (Options, Arc<AtomicUsize>) {
    let passed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&passed);
    let at = move |here: &'static str| {
        let reached = here == point && count.fetch_add(1, Ordering::SeqCst) + 1 >= passage;
        reached.then(|| Fault {
            what: format!("killed {point}"),
            may_pass: false,
        })
    };
    let options = Options {
        fault_points: FaultPoints::new(at),
        ..options()
    };
    (options, passed)
}

#[test]
fn a_kill_at_any_step_changes_nothing_in_the_end() {
    let blocks = blocks();
    let expected = end(&mut node(options()), &blocks);
    // Most of the time goes into waiting for the disk.
    std::thread::scope(|scope| {
        for point in POINTS {
            let (blocks, expected) = (&blocks, &expected);
            scope.spawn(move || {
                for passage in [1, 3, 30] {
                    kill_at(point, passage, blocks, expected);
                }
            });
        }
    });
}

fn kill_at(
    point: &'static str,
    passage: usize,
    blocks: &[RawBlock],
    expected: &(BlockHash, SetInfo),
) {
    let (failing, passed) = failing_at(point, passage);
    let mut node = node(failing);
    let failed = blocks.iter().find_map(|raw| node.submit(raw).err());
    if failed.is_none() && passed.load(Ordering::SeqCst) < passage {
        // It does not come so often.
        assert!(passage > 3, "{point}: only {passed:?}");
        return;
    }
    let fault = failed.or_else(|| node.set_info().err());
    assert!(fault.is_some(), "{point}, {passage}: nothing failed");
    let mut node = node.kill_and_restart(options()).unwrap();
    assert_eq!(end(&mut node, blocks), *expected, "{point}, {passage}");
}

#[test]
fn kills_at_every_block_change_nothing_in_the_end() {
    let blocks = blocks();
    let expected = end(&mut node(options()), &blocks);
    let mut node = node(options());
    for (at, raw) in blocks.iter().enumerate() {
        node.submit(raw).unwrap();
        let before = node.tip();
        if at > 100 || at % 20 == 0 {
            node = match at % 3 {
                0 => node.restart(options()).unwrap(),
                _ => node.kill_and_restart(options()).unwrap(),
            };
            assert_eq!(node.tip(), before, "after {at} blocks");
        }
    }
    assert_eq!((node.tip(), node.set_info().unwrap()), expected);
}

#[test]
fn an_invalid_block_stays_invalid_and_a_reconsidered_one_valid_over_kills() {
    let blocks = blocks();
    let mut node = node(options());
    let (tip, coins) = end(&mut node, &blocks);
    let height = node.height();
    let middle = node.chain().hash_at(height - 5).unwrap();

    node.invalidate(&middle).unwrap();
    assert_eq!(node.height(), height - 6);
    let without = node.set_info().unwrap();
    let mut node = node.kill_and_restart(options()).unwrap();
    assert_eq!(node.height(), height - 6);
    assert_eq!(node.set_info().unwrap(), without);

    node.reconsider(&middle).unwrap();
    assert_eq!(node.tip(), tip);
    let node = node.kill_and_restart(options()).unwrap();
    assert_eq!((node.tip(), node.set_info().unwrap()), (tip, coins));
}
