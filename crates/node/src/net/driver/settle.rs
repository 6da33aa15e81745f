//! Who waits for connecting: a block that a user handed in is judged when it is connected, not when it is stored.

use tipward_chain::{BlockOutcome, ChainEvent};
use tipward_consensus::Reject;
use tipward_primitives::BlockHash;
use tokio::sync::oneshot;

/// Waits for a goal to be settled.
struct Waiter {
    goal: u64,
    then: Then,
}

enum Then {
    /// Say that everything up to here can be seen.
    Tell(oneshot::Sender<()>),
    /// Say what became of a block that was stored.
    Judge {
        hash: BlockHash,
        transactions: u32,
        /// Connecting has found that the block breaks a rule.
        refused: Option<Reject>,
        verdict: oneshot::Sender<BlockOutcome>,
    },
}

/// All who wait for goals.
#[derive(Default)]
pub(super) struct Settling {
    settled: u64,
    waiters: Vec<Waiter>,
}

impl Settling {
    /// Tells `waiter` when `goal` is settled.
    pub(super) fn tell(&mut self, goal: u64, waiter: oneshot::Sender<()>) {
        self.wait(goal, Then::Tell(waiter));
    }

    /// Gives the verdict on a stored block when `goal` is settled.
    pub(super) fn judge(
        &mut self,
        goal: u64,
        hash: BlockHash,
        transactions: u32,
        verdict: oneshot::Sender<BlockOutcome>,
    ) {
        self.wait(
            goal,
            Then::Judge {
                hash,
                transactions,
                refused: None,
                verdict,
            },
        );
    }

    fn wait(&mut self, goal: u64, then: Then) {
        let waiter = Waiter { goal, then };
        if goal <= self.settled {
            waiter.answer();
        } else {
            self.waiters.push(waiter);
        }
    }

    /// What connecting says, after the machine has heard it; `goal` is the machine's newest.
    pub(super) fn note(&mut self, event: &ChainEvent, goal: u64) {
        match event {
            ChainEvent::TipMoved { .. } | ChainEvent::Pruned { .. } => {}
            ChainEvent::BlockInvalid {
                hash: invalid,
                reject,
                ..
            } => {
                for waiter in &mut self.waiters {
                    // The goal cannot be reached; what is connected in its stead is what can be seen then.
                    waiter.goal = goal;
                    if let Then::Judge { hash, refused, .. } = &mut waiter.then
                        && hash == invalid
                    {
                        *refused = Some(reject.clone());
                    }
                }
            }
            ChainEvent::Settled { goal } => {
                self.settled = self.settled.max(*goal);
                for waiter in self.waiters.extract_if(.., |waiter| waiter.goal <= *goal) {
                    waiter.answer();
                }
            }
        }
    }
}

impl Waiter {
    /// Who no longer waits need not be told.
    fn answer(self) {
        match self.then {
            Then::Tell(waiter) => {
                let _ = waiter.send(());
            }
            Then::Judge {
                transactions,
                refused,
                verdict,
                ..
            } => {
                let _ = verdict.send(match refused {
                    Some(reject) => BlockOutcome::Refused(reject),
                    None => BlockOutcome::Stored { transactions },
                });
            }
        }
    }
}
