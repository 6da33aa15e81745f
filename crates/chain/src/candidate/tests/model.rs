//! The chain, done in the simplest way: everything is worked out anew after each step.

use std::cmp::Reverse;
use std::sync::Arc;

use proptest::prelude::*;
use tipward_primitives::{BlockHash, Header, Work};

use crate::testing::{bits, genesis, regtest, unmined};
use crate::work;
use crate::{Chain, ChainView, HeaderId, TipChange};

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// A header on the `parent`-th last one, with one of three claims.
    Add {
        parent: usize,
        bits: usize,
    },
    Store {
        pick: usize,
    },
    Invalidate {
        pick: usize,
    },
    Reconsider {
        pick: usize,
    },
    Precious {
        pick: usize,
    },
    /// Validation has come so far; `None`: to the candidate.
    Tip {
        pick: Option<usize>,
    },
    Snapshot,
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        // Mostly chains, sometimes forks; mostly the same claim, so that ties are common.
        8 => (prop_oneof![5 => Just(0), 2 => 1..4_usize, 1 => 0..80_usize],
              prop_oneof![4 => Just(0), 1 => 1..3_usize])
            .prop_map(|(parent, bits)| Op::Add { parent, bits }),
        8 => (0..80_usize).prop_map(|pick| Op::Store { pick }),
        1 => (0..80_usize).prop_map(|pick| Op::Invalidate { pick }),
        1 => (0..80_usize).prop_map(|pick| Op::Reconsider { pick }),
        1 => (0..80_usize).prop_map(|pick| Op::Precious { pick }),
        2 => prop::option::weighted(0.3, 0..80_usize).prop_map(|pick| Op::Tip { pick }),
        1 => Just(Op::Snapshot),
    ]
}

const CLAIMS: [u32; 3] = [0x207f_ffff, 0x203f_ffff, 0x202a_aaaa];

struct Node {
    header: Header,
    /// Places from the genesis block to this one.
    path: Vec<usize>,
    work: Work,
    stored: bool,
    /// Its turn in being stored.
    arrived: usize,
    /// It was found invalid, or one before it when this one was known.
    failed: bool,
    /// Its turn in becoming complete with all before it; negative if it was preferred.
    turn: Option<i64>,
}

/// Nodes in the order in which they were seen.
struct Model {
    nodes: Vec<Node>,
    /// What validation has come to.
    tip: usize,
    candidate: usize,
    best_header: usize,
    turns: i64,
    /// Blocks stored so far.
    arrivals: usize,
    precious: i64,
    precious_work: Work,
}

impl Model {
    fn new() -> Self {
        let header = genesis(&regtest());
        Self {
            nodes: vec![Node {
                header,
                path: vec![0],
                work: work::of_bits(header.bits),
                stored: true,
                arrived: 0,
                failed: false,
                turn: Some(0),
            }],
            tip: 0,
            candidate: 0,
            best_header: 0,
            turns: 1,
            arrivals: 1,
            precious: 0,
            precious_work: work::zero(),
        }
    }

    fn pick(&self, pick: usize) -> usize {
        pick % self.nodes.len()
    }

    fn is_valid(&self, at: usize) -> bool {
        !self.nodes[at].failed
    }

    fn is_complete(&self, at: usize) -> bool {
        self.nodes[at].path.iter().all(|at| self.nodes[*at].stored)
    }

    fn hash(&self, at: usize) -> BlockHash {
        self.nodes[at].header.block_hash()
    }

    /// Gives turns to what became complete, nearest first, and chooses the candidate.
    fn settle(&mut self) {
        let mut completed: Vec<usize> = (0..self.nodes.len())
            .filter(|at| self.nodes[*at].turn.is_none() && self.is_complete(*at))
            .collect();
        completed.sort_by_key(|at| {
            let path = &self.nodes[*at].path;
            let arrived = path.iter().map(|at| self.nodes[*at].arrived);
            (path.len(), arrived.collect::<Vec<_>>())
        });
        for at in completed {
            self.nodes[at].turn = Some(self.turns);
            self.turns += 1;
        }
        let candidates = (0..self.nodes.len()).filter(|at| self.is_valid(*at));
        self.candidate = candidates
            .filter(|at| self.is_complete(*at))
            .max_by_key(|at| (self.nodes[*at].work, Reverse((self.nodes[*at].turn, *at))))
            .unwrap();
    }

    fn active(&self) -> Vec<BlockHash> {
        let path = &self.nodes[self.tip].path;
        path.iter().map(|at| self.hash(*at)).collect()
    }

    fn invalidate(&mut self, at: usize) {
        if at == HeaderId::GENESIS.at() {
            return;
        }
        for node in &mut self.nodes {
            node.failed |= node.path.contains(&at);
        }
        if !self.is_valid(self.best_header) {
            self.choose_best_header();
        }
    }

    fn reconsider(&mut self, at: usize) {
        let way = self.nodes[at].path.clone();
        for (other, node) in self.nodes.iter_mut().enumerate() {
            if node.path.contains(&at) || way.contains(&other) {
                node.failed = false;
            }
        }
        self.choose_best_header();
    }

    fn precious(&mut self, at: usize) {
        let best = self.nodes[self.candidate].work;
        if self.nodes[at].work < best || !self.is_complete(at) {
            return;
        }
        if best > self.precious_work {
            self.precious = 0;
        }
        self.precious_work = best;
        self.precious -= 1;
        self.nodes[at].turn = Some(self.precious);
    }

    /// The active chain's end, as far as it is valid, or the first seen of those with more work.
    fn choose_best_header(&mut self) {
        let way = &self.nodes[self.tip].path;
        let mut best = *way.iter().rfind(|at| self.is_valid(**at)).unwrap();
        for at in 0..self.nodes.len() {
            if self.is_valid(at) && self.nodes[at].work > self.nodes[best].work {
                best = at;
            }
        }
        self.best_header = best;
    }

    /// Hash, branch length and status of each tip.
    fn tips(&self) -> Vec<(BlockHash, usize, &'static str)> {
        let active = &self.nodes[self.tip].path;
        let is_tip = |at: usize| {
            let has_children = self
                .nodes
                .iter()
                .any(|n| n.path.iter().rev().nth(1) == Some(&at));
            at == self.tip || !has_children
        };
        let mut ends: Vec<usize> = (0..self.nodes.len()).filter(|at| is_tip(*at)).collect();
        ends.sort_by_key(|at| (Reverse(self.nodes[*at].path.len()), *at));
        ends.into_iter()
            .map(|at| {
                let path = &self.nodes[at].path;
                let branch = path.iter().filter(|at| !active.contains(at)).count();
                let status = if at == self.tip {
                    "active"
                } else if !self.is_valid(at) {
                    "invalid"
                } else if !self.is_complete(at) {
                    "headers-only"
                } else {
                    "complete"
                };
                (self.hash(at), branch, status)
            })
            .collect()
    }

    fn compare(&self, view: &ChainView) {
        assert_eq!(view.tree().len(), self.nodes.len());
        let active = self.active();
        assert_eq!(view.tip_height() as usize + 1, active.len());
        for (height, hash) in active.iter().enumerate() {
            assert_eq!(view.hash_at(height as u32), Some(*hash));
        }
        assert_eq!(view.hash(view.best_header()), self.hash(self.best_header));
        assert_eq!(view.hash(view.candidate()), self.hash(self.candidate));
        for (at, node) in self.nodes.iter().enumerate() {
            let id = view.find(&self.hash(at)).unwrap();
            assert_eq!(view.entry(id).chainwork(), node.work);
            assert_eq!(view.height(id) as usize + 1, node.path.len());
            assert_eq!(view.header(id), node.header);
            assert_eq!(view.is_stored(id), node.stored);
            assert_eq!(view.is_linked(id), self.is_complete(at));
            assert_eq!(view.is_invalid(id), !self.is_valid(at));
            assert_eq!(view.is_active(id), active.contains(&self.hash(at)));
            let missing: Vec<BlockHash> = view.missing(id, 0).map(|b| b.hash).collect();
            let expected: Vec<BlockHash> = (node.path.iter())
                .filter(|at| !self.nodes[**at].stored)
                .map(|at| self.hash(*at))
                .collect();
            assert_eq!(missing, expected);
            let total = node.path.len() as u64;
            let expected = self.is_complete(at).then_some(total);
            assert_eq!(view.chain_transactions(id), expected);
        }
        let tips: Vec<_> = view
            .tips()
            .into_iter()
            .map(|tip| {
                let status = match tip.status.as_str() {
                    "valid-fork" | "valid-headers" => "complete",
                    other => other,
                };
                (tip.hash, tip.branch_len as usize, status)
            })
            .collect();
        assert_eq!(tips, self.tips());
    }
}

/// Moves `active` as `change` says, which must fit.
fn follow(active: &mut Vec<BlockHash>, change: &TipChange) {
    for block in &change.disconnected {
        assert_eq!(active.len(), block.height as usize + 1);
        assert_eq!(active.pop(), Some(block.hash));
    }
    for block in &change.connected {
        assert_eq!(active.len(), block.height as usize);
        active.push(block.hash);
    }
}

/// Does the same to both, and compares them after each step; snapshots are compared once more at the end.
pub(super) fn check(ops: &[Op]) {
    let mut model = Model::new();
    let mut chain = Chain::new(regtest());
    let mut active = model.active();
    let mut snapshots: Vec<(Arc<ChainView>, String)> = Vec::new();
    for (salt, op) in ops.iter().enumerate() {
        let mut change = None;
        let before = (chain.candidate(), chain.best_header());
        let mut says = None;
        match *op {
            Op::Add {
                parent,
                bits: claim,
            } => {
                let parent = model.nodes.len() - 1 - parent % model.nodes.len();
                if !model.is_valid(parent) {
                    continue;
                }
                let mut header = unmined(&model.nodes[parent].header, salt as u64);
                header.bits = bits(CLAIMS[claim]);
                let mut path = model.nodes[parent].path.clone();
                path.push(model.nodes.len());
                let work = work::add(model.nodes[parent].work, work::of_bits(header.bits));
                model.nodes.push(Node {
                    header,
                    path,
                    work,
                    stored: false,
                    arrived: 0,
                    failed: false,
                    turn: None,
                });
                let new = model.nodes.len() - 1;
                if work > model.nodes[model.best_header].work {
                    model.best_header = new;
                }
                chain.insert_stored(&header).unwrap();
            }
            Op::Store { pick } => {
                let at = model.pick(pick);
                if !model.nodes[at].stored {
                    model.nodes[at].stored = true;
                    model.nodes[at].arrived = model.arrivals;
                    model.arrivals += 1;
                }
                says = Some(chain.mark_stored(&model.hash(at), 1));
            }
            Op::Invalidate { pick } => {
                let at = model.pick(pick);
                model.invalidate(at);
                says = Some(chain.mark_invalid(&model.hash(at)));
            }
            Op::Reconsider { pick } => {
                let at = model.pick(pick);
                model.reconsider(at);
                says = Some(chain.reconsider(&model.hash(at)));
            }
            Op::Precious { pick } => {
                let at = model.pick(pick);
                model.precious(at);
                says = Some(chain.precious(&model.hash(at)));
            }
            Op::Tip { pick } => {
                let at = pick.map_or(model.candidate, |pick| model.pick(pick));
                if model.is_complete(at) {
                    model.tip = at;
                }
                change = chain.set_tip(&model.hash(at));
            }
            Op::Snapshot => snapshots.push((chain.view(), describe(&chain))),
        }
        model.settle();
        if let Some(says) = says {
            assert_eq!(says, before != (chain.candidate(), chain.best_header()));
        }
        let moved = model.active() != active;
        assert_eq!(change.is_some(), moved);
        if let Some(change) = change {
            follow(&mut active, &change);
        }
        assert_eq!(active, model.active());
        model.compare(&chain);
    }
    for (view, then) in snapshots {
        assert_eq!(describe(&view), then);
    }
}

/// All that can be read of it.
fn describe(view: &ChainView) -> String {
    let blocks: Vec<_> = (0..view.tree().len())
        .map(HeaderId::nth)
        .map(|id| {
            let flags = (view.is_stored(id), view.is_linked(id), view.is_invalid(id));
            (view.hash(id), flags, view.is_active(id))
        })
        .collect();
    format!("{:?} {blocks:?} {:?}", view.tips(), view.best_header())
}
