//! Validation's part in the simulation: what is stored is connected in order, block by block, on virtual time.
//!
//! Which blocks break a rule is known from [`Blocks`]; all else is as in the node: the newest goal counts, a branch is left
//! down to where the goal's begins, a reorganization is told of once, and a block that cannot be connected ends the way.

use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use tipward_chain::ChainEvent;
use tipward_consensus::{Reject, RejectKind};

use super::blocks::{BlockId, Blocks};

/// Blocks that are connected between two looks at the goal.
const STEP: usize = 16;

/// Connects blocks.
pub(super) struct Connector {
    rng: ChaCha12Rng,
    blocks: Arc<Blocks>,
    /// Time that a block takes, on average.
    block_time: Duration,
    /// The newest goal, until it is settled.
    goal: Option<(u64, BlockId)>,
    /// The last block that is connected.
    at: BlockId,
    /// The last tip that was told of.
    tip: BlockId,
    /// A step is under way.
    running: bool,
}

impl Connector {
    pub(super) fn new(blocks: Arc<Blocks>, block_time: Duration, rng: &mut ChaCha12Rng) -> Self {
        Self {
            rng: ChaCha12Rng::seed_from_u64(rng.random()),
            blocks,
            block_time,
            goal: None,
            at: 0,
            tip: 0,
            running: false,
        }
    }

    /// A new goal. Returns how long it takes until [`Connector::step`] is due, unless that was said before.
    pub(super) fn set_goal(&mut self, goal: u64, candidate: BlockId) -> Option<Duration> {
        assert!(
            self.goal.is_none_or(|(before, _)| before < goal),
            "goals grow"
        );
        self.goal = Some((goal, candidate));
        if std::mem::replace(&mut self.running, true) {
            None
        } else {
            Some(self.delay())
        }
    }

    /// Goes a few blocks on. Returns what is to be said, and how long the next step takes.
    pub(super) fn step(&mut self) -> (Vec<ChainEvent>, Option<Duration>) {
        let mut events = Vec::new();
        let Some((goal, target)) = self.goal else {
            self.running = false;
            return (events, None);
        };
        let blocks = Arc::clone(&self.blocks);
        let fork = blocks.last_common(self.at, target);
        self.at = fork;
        let way = blocks.way(fork, target);
        for next in way.into_iter().take(STEP) {
            let block = blocks.get(next);
            if blocks.is_invalid(next) {
                events.push(ChainEvent::BlockInvalid {
                    hash: block.hash,
                    height: block.height,
                    reject: Reject::new(
                        RejectKind::Consensus,
                        "block-script-verify-flag-failed",
                        "",
                    ),
                });
                // The next goal is on its way by then, or it is not.
                if self.rng.random_bool(0.5) {
                    self.tell(&mut events);
                    events.push(ChainEvent::Settled { goal });
                    self.goal = None;
                    self.running = false;
                    return (events, None);
                }
                return (events, Some(self.delay()));
            }
            self.at = next;
        }
        // With one block a unit of work on this network, more blocks are more work.
        if blocks.get(self.at).height > blocks.get(self.tip).height || self.at == target {
            self.tell(&mut events);
        }
        if self.at == target {
            events.push(ChainEvent::Settled { goal });
            self.goal = None;
            self.running = false;
            return (events, None);
        }
        (events, Some(self.delay()))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.goal.is_none()
    }

    fn tell(&mut self, events: &mut Vec<ChainEvent>) {
        if self.tip != self.at {
            self.tip = self.at;
            let tip = self.blocks.get(self.at).hash;
            events.push(ChainEvent::TipMoved { tip });
        }
    }

    fn delay(&mut self) -> Duration {
        self.block_time.mul_f64(self.rng.random_range(0.0..2.0))
    }
}
