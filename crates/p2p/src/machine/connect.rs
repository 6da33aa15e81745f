//! From stored to active: what validation is told to connect, and what follows from what it says.
//!
//! ```text
//!   stored, invalid, reconsidered, precious ──▶ candidate ──▶ Action::Goal ──▶ validation
//!                        ▲                                                        │
//!                        └──── BlockInvalid: marked, its sender judged ◀──────────┤
//!   announced, served, initial block download, stale tip ◀──── TipMoved ◀─────────┤
//!   messages that waited go on ◀─────────────────────────────── Settled ◀─────────┘
//! ```

use tipward_chain::{BlockMark, ChainEvent, HeaderId, TipChange};
use tipward_consensus::Reject;
use tipward_primitives::{BlockHash, Height, Timestamp, Work};

use super::Machine;
use crate::blame::{Fate, Refused};
use crate::event::Event;
use crate::io::{Action, PeerId};
use crate::serve;
use crate::shared::Step;

/// While we catch up, people are told of every such height.
const MILESTONE: Height = 2000;

/// Blocks between tip and candidate up to which a peer's messages wait for them in initial block download. While we catch
/// up much more may be stored ahead, and nobody waits for that.
const WORTH_WAITING_FOR: Height = 144;

/// What validation was told to connect.
#[derive(Debug)]
pub(super) struct Goal {
    /// The last one's number; 0 if there was none.
    number: u64,
    /// The candidate that it goes to.
    candidate: HeaderId,
    /// The last one that is settled.
    settled: u64,
}

impl Goal {
    /// No goal yet: validation is where the active chain ends.
    pub(super) fn new(tip: HeaderId) -> Self {
        Self {
            number: 0,
            candidate: tip,
            settled: 0,
        }
    }
}

/// Why a peer was not asked for a block, in the words of Core's `getblockfrompeer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Only blocks whose header is known are asked for.
    #[error("Block header missing")]
    UnknownHeader,
    /// It is stored, or on the way there.
    #[error("Block already downloaded")]
    Downloaded,
    /// No connection has this id.
    #[error("Peer does not exist")]
    NoSuchPeer,
    /// What it sent would lack the witnesses.
    #[error("Pre-SegWit peer")]
    NoWitnesses,
    /// It owes us this block.
    #[error("Already requested from this peer")]
    AskedBefore,
    /// Its handshake is not done, or the connection serves another purpose.
    #[error("Peer not fully connected")]
    NotReady,
}

impl Machine {
    /// Number of the last goal, 0 if there was none. What a user's call did has taken effect when the goal that was the
    /// last one after it is settled.
    pub fn goal(&self) -> u64 {
        self.goal.number
    }

    /// Whether validation has come as far as it can.
    pub fn is_settled(&self) -> bool {
        self.goal.settled >= self.goal.number
    }

    /// Marks a block as invalid, as if it broke a rule, with all that builds on it (`invalidateblock`). The mark outlives
    /// the run. Returns the goal that follows, or the last one if the candidate stays; `None` if there is no such block.
    pub fn invalidate_block(&mut self, now: Timestamp, hash: &BlockHash) -> Option<u64> {
        self.shared.now = now;
        self.shared.chain.find(hash)?;
        self.mark_invalid(hash);
        self.settle();
        Some(self.goal.number)
    }

    /// Takes back that a block, what it builds on and what builds on it are invalid (`reconsiderblock`). Returns as
    /// [`Machine::invalidate_block`] does.
    pub fn reconsider_block(&mut self, now: Timestamp, hash: &BlockHash) -> Option<u64> {
        self.shared.now = now;
        self.shared.chain.find(hash)?;
        for (hash, mark) in self.shared.chain.marks_of_reconsidering(hash) {
            self.shared.act(Action::MarkBlock(hash, mark));
        }
        self.shared.chain.reconsider(hash);
        self.chain_changed();
        self.settle();
        Some(self.goal.number)
    }

    /// Prefers a block to others with the same work, in this run (`preciousblock`). Returns as
    /// [`Machine::invalidate_block`] does.
    pub fn precious_block(&mut self, now: Timestamp, hash: &BlockHash) -> Option<u64> {
        self.shared.now = now;
        self.shared.chain.find(hash)?;
        self.shared.chain.precious(hash);
        self.chain_changed();
        self.settle();
        Some(self.goal.number)
    }

    /// Asks a peer for a block that the user wants, whatever its chain is worth (`getblockfrompeer`). That it was asked is
    /// all that is known then; the block may come or not.
    ///
    /// # Errors
    /// Why it was not asked.
    pub fn get_block_from_peer(
        &mut self,
        now: Timestamp,
        hash: &BlockHash,
        peer: PeerId,
    ) -> Result<(), NotAsked> {
        self.shared.now = now;
        let chain = &self.shared.chain;
        let id = chain.find(hash).ok_or(NotAsked::UnknownHeader)?;
        if chain.is_stored(id) || self.jobs.values().any(|job| job.hash == *hash) {
            return Err(NotAsked::Downloaded);
        }
        let height = chain.height(id);
        let p = self.shared.open(peer).ok_or(NotAsked::NoSuchPeer)?;
        if !p.can_serve_witnesses() {
            return Err(NotAsked::NoWitnesses);
        }
        if self.download.was_asked(peer, hash) {
            return Err(NotAsked::AskedBefore);
        }
        let request = self
            .download
            .fetch_for_user(now, peer, height, *hash)
            .ok_or(NotAsked::NotReady)?;
        self.request(request);
        self.settle();
        Ok(())
    }

    /// A block breaks a rule, or the user says so.
    pub(super) fn mark_invalid(&mut self, hash: &BlockHash) {
        let chain = &mut self.shared.chain;
        let known = chain.find(hash).is_none_or(|id| chain.is_invalid(id));
        chain.mark_invalid(hash);
        if !known {
            self.shared
                .act(Action::MarkBlock(*hash, BlockMark::Invalid));
        }
        self.chain_changed();
        // What waited for a goal that cannot be reached waits for what is connected in its stead.
        for p in self.shared.peers.values_mut() {
            if let Some(goal) = &mut p.deferred.goal_due {
                *goal = self.goal.number;
            }
        }
    }

    /// Best header, candidate or a block's state may have changed.
    pub(super) fn chain_changed(&mut self) {
        self.shared.act(Action::Publish);
        self.best_header_may_have_moved();
        self.candidate_may_have_moved();
    }

    /// After every change of what is stored or invalid: validation may have another goal. Returns it if it has.
    pub(super) fn candidate_may_have_moved(&mut self) -> Option<u64> {
        let candidate = self.shared.chain.candidate();
        if candidate == self.goal.candidate {
            return None;
        }
        self.goal.candidate = candidate;
        self.goal.number += 1;
        self.shared.act(Action::Goal(self.goal.number));
        Some(self.goal.number)
    }

    /// A block of this peer gave validation a new goal: what the peer sent after it waits until that is settled.
    pub(super) fn wait_for_goal(&mut self, peer: PeerId, goal: u64) {
        let chain = &self.shared.chain;
        let ahead = chain
            .height(chain.candidate())
            .saturating_sub(chain.tip_height());
        if self.shared.is_initial_block_download() && ahead > WORTH_WAITING_FOR {
            return;
        }
        if let Some(p) = self.shared.peers.get_mut(&peer) {
            p.deferred.goal_due = Some(goal);
        }
    }

    /// Validation has come further.
    pub(super) fn chain_event(&mut self, event: ChainEvent) {
        match event {
            ChainEvent::TipMoved { tip } => {
                if let Some(change) = self.shared.chain.set_tip(&tip) {
                    self.tip_moved(&change);
                }
            }
            ChainEvent::BlockInvalid {
                hash,
                height,
                reject,
            } => self.block_invalid(hash, height, &reject),
            ChainEvent::Settled { goal } => self.goal_settled(goal),
            ChainEvent::Pruned { blocks } => {
                self.shared.chain.mark_pruned(&blocks);
                self.chain_changed();
            }
        }
    }

    fn goal_settled(&mut self, goal: u64) {
        self.goal.settled = self.goal.settled.max(goal);
        for p in self.shared.peers.values_mut() {
            if p.deferred.goal_due.is_some_and(|due| due <= goal) {
                p.deferred.goal_due = None;
                self.released.push_back(p.id);
            }
        }
    }

    /// A stored block could not be connected.
    fn block_invalid(&mut self, hash: BlockHash, height: Height, reject: &Reject) {
        let sender = self.senders.take(height, hash);
        self.shared.log(Event::BlockRefused {
            peer: sender,
            hash,
            height,
            reject: reject.clone(),
        });
        match self.punish(sender, reject, Refused::Connected) {
            Fate::Invalid => self.mark_invalid(&hash),
            Fate::Unknown | Fate::OurFault => self.shared.act(Action::Halt(format!(
                "block {hash} at height {height} was in order when it was stored and is not any more ({reject}): \
                 the disk is damaged, or this is a bug. Start with --reindex to go through all stored blocks again"
            ))),
        }
    }

    /// The active chain changed: everybody may know.
    fn tip_moved(&mut self, change: &TipChange) {
        let now = self.shared.now;
        self.stale_tip.moved = now;
        let catching_up = self.shared.chain.update_initial_block_download(now);
        self.shared.act(Action::Publish);
        for block in &change.connected {
            self.senders.take(block.height, block.hash);
        }
        self.senders.forget_below(self.shared.chain.tip_height());
        if !change.disconnected.is_empty() {
            let first = change
                .disconnected
                .last()
                .and_then(|b| self.shared.chain.tree().parent(b.id));
            if let Some(fork) = first {
                let event = Event::Reorganized {
                    fork: self.shared.chain.hash(fork),
                    fork_height: self.shared.chain.height(fork),
                    disconnected: change.disconnected.len(),
                    connected: change.connected.len(),
                };
                self.shared.log(event);
            }
        }
        for block in &change.connected {
            let work: Work = self.shared.chain.entry(block.id).chainwork();
            // The last one that there is, and a milestone now and then, are told of in any case.
            let special = block.id == self.shared.chain.best_header()
                || block.height.is_multiple_of(MILESTONE);
            let routine = !special && self.shared.is_routine(Step::Connected);
            self.shared.log(Event::NewTip {
                hash: block.hash,
                height: block.height,
                work,
                routine,
            });
        }
        if !catching_up {
            let new: Vec<HeaderId> = change.connected.iter().map(|b| b.id).collect();
            serve::announce(&mut self.shared, &new);
        }
    }
}
