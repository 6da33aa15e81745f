//! Random trees of blocks in random order, with a model of which chain is the best and of its coins.

use std::collections::HashMap;

use proptest::prelude::*;
use tipward_primitives::{BlockHash, RawBlock};

use super::connecting::{Miner, options};
use super::local::Local;
use super::model::coins_of;
use crate::{LeadBounds, Options};

/// What happens to the node.
#[derive(Clone, Debug)]
enum Step {
    /// Blocks are mined on one of the branches.
    Mine { branch: usize, blocks: usize },
    /// A branch is begun where another one ends, so many blocks back.
    Fork { branch: usize },
    /// A block of a branch is declared invalid, and taken back.
    Doubt { branch: usize, back: usize },
    /// The node is killed.
    Kill,
    /// The node is restarted.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..8_usize, 1..6_usize).prop_map(|(branch, blocks)| Step::Mine { branch, blocks }),
        3 => (0..8_usize).prop_map(|branch| Step::Fork { branch }),
        2 => (0..8_usize, 0..8_usize).prop_map(|(branch, back)| Step::Doubt { branch, back }),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
    ]
}

struct Branch {
    miner: Miner,
    blocks: Vec<RawBlock>,
}

/// Every chain by the hash of its last block, to look up what the coins should be.
#[derive(Default)]
struct Known(HashMap<BlockHash, Vec<RawBlock>>);

impl Known {
    fn note(&mut self, branch: &Branch) {
        for end in 1..=branch.blocks.len() {
            let hash = branch.blocks[end - 1].block_hash();
            self.0
                .entry(hash)
                .or_insert_with(|| branch.blocks[..end].to_vec());
        }
    }
}

fn check(local: &Local, known: &Known) {
    let tip = local.tip();
    assert_eq!(tip, local.chain.hash(local.chain.candidate()));
    assert_eq!(local.coins(), coins_of(&known.0[&tip]));
}

fn run(steps: &[Step], options: &Options) {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), options);
    let mut miner = Miner::new(31);
    let blocks = miner.mine(103);
    let mut branches = vec![Branch { miner, blocks }];
    let mut known = Known::default();
    known.note(&branches[0]);
    local.submit(&branches[0].blocks);
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Mine { branch, blocks } => {
                let at = branch % branches.len();
                let branch = &mut branches[at];
                let mined = branch.miner.mine(blocks);
                branch.blocks.extend(mined.iter().cloned());
                known.note(branch);
                // Some are refused, if they build on a doubted block.
                local.store(&mined);
                local.settle();
            }
            Step::Fork { branch } => {
                let branch = &branches[branch % branches.len()];
                let fork = Branch {
                    miner: branch.miner.fork(number as u64 + 1),
                    blocks: branch.blocks.clone(),
                };
                branches.push(fork);
            }
            Step::Doubt { branch, back } => {
                let branch = &branches[branch % branches.len()];
                let at = branch.blocks.len().saturating_sub(1 + back).max(60);
                let hash = branch.blocks[at].block_hash();
                local.invalidate(&hash);
                check(&local, &known);
                local.reconsider(&hash);
            }
            Step::Kill => {
                local.kill();
                local = Local::open(dir.path(), options);
                local.settle();
            }
            Step::Restart => {
                local.pipeline.shutdown().unwrap();
                local = Local::open(dir.path(), options);
                local.settle();
            }
        }
        check(&local, &known);
        assert!(local.invalid.is_empty(), "{:?}", local.invalid);
        assert!(local.faults.is_empty(), "{:?}", local.faults);
    }
    local.pipeline.shutdown().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_of_blocks_the_best_chain_is_active_and_its_coins_are_the_models(
        steps in prop::collection::vec(step(), 1..14),
        cache in prop_oneof![Just(1_usize), Just(64 << 20)],
        lead in 1..8_usize,
    ) {
        let lead = LeadBounds { blocks: lead, ..LeadBounds::default() };
        run(&steps, &Options { dbcache: cache, lead, ..options() });
    }
}
