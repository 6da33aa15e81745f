//! A block's way through the machine: it comes, is handed in for checking, is judged. How it is connected then, and the
//! tip moves, is in `connect.rs`.

use tipward_chain::{BlockJob, BlockOutcome, BlockVerdict, HeaderId};
use tipward_consensus::Reject;
use tipward_consensus::header::check_proof_of_work;
use tipward_primitives::{BlockHash, Header, Height, RawBlock, Timestamp};

use super::{ChainRoute, Machine};
use crate::availability;
use crate::blame::{Blame, Fate, Refused, judge};
use crate::download::{Arrival, Judged, Request};
use crate::event::Event;
use crate::io::{Action, ConnKind, DisconnectReason, PeerId};
use crate::peer::Peer;
use crate::shared::Step;
use crate::wire::{Inventory, Message};

/// A block that is being checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) hash: BlockHash,
    /// Who sent it; `None` if it did not come from a peer.
    peer: Option<PeerId>,
}

/// What became of a block that a user or a program handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is being checked; the verdict on the job with this number is the answer.
    Checking(u64),
    /// It is stored already.
    Duplicate,
    /// Its header was refused.
    Refused(Reject),
}

/// Blocks further ahead of the tip than this are not taken unasked (Core's limit).
const TOO_FAR_AHEAD: u32 = 288;
/// Blocks of a branch that are asked of the peer that announced it.
const MOST_OF_A_BRANCH: usize = 16;

impl Machine {
    /// `block` came from a peer.
    pub(super) fn block(&mut self, peer: PeerId, block: RawBlock) {
        let header = block.header();
        let hash = header.block_hash();
        let size = block.size();
        let now = self.shared.now;
        if let Some(asked) = self.download.asked_at(peer, &hash) {
            self.arrivals.add(now.since(asked));
        }
        match self.download.arrived(now, peer, &hash, size) {
            Arrival::Check => match self.shared.chain.find(&hash) {
                Some(id) => self.check(Some(peer), id, block),
                None => {
                    // Not possible: what is wanted is in the tree. Should it ever be, the block is asked for again.
                    let route = ChainRoute(&self.shared.chain);
                    self.download.judged(now, &hash, Judged::Again, &route);
                }
            },
            Arrival::Duplicate => self.ignore(peer, hash, "it came from another peer before"),
            Arrival::NotAsked => self.unasked(peer, &header, hash, block),
        }
    }

    fn ignore(&mut self, peer: PeerId, hash: BlockHash, why: &'static str) {
        self.shared.log(Event::BlockIgnored { peer, hash, why });
    }

    /// A block that nobody asked for: of use only if it leads to more work than our tip has, and if its header is fine.
    fn unasked(&mut self, peer: PeerId, header: &Header, hash: BlockHash, block: RawBlock) {
        let now = self.shared.now;
        let chain = &self.shared.chain;
        if let Some(id) = chain.find(&hash)
            && chain.is_stored(id)
        {
            availability::has(&mut self.shared, peer, id);
            return self.ignore(peer, hash, "it is stored already");
        }
        if let Some(parent) = chain.find(&header.prev_blockhash)
            && chain.claimed_work(parent, std::slice::from_ref(header)) < chain.work_threshold()
        {
            return self.ignore(peer, hash, "its chain has too little work");
        }
        // Only a header with proof of work is worth the hashing.
        let proven = check_proof_of_work(chain.params(), hash, header.bits).is_ok();
        if proven && !block.came_as_sent() {
            return self.ignore(peer, hash, "it was damaged on the way");
        }
        let accepted = match self.shared.chain.accept_header(header, now) {
            Ok(accepted) => accepted,
            Err(reject) => return self.header_refused(peer, hash, reject),
        };
        if accepted.new {
            self.shared.act(Action::PersistHeaders(vec![*header]));
            self.shared.act(Action::Publish);
        }
        availability::has(&mut self.shared, peer, accepted.id);
        self.best_header_may_have_moved();
        let chain = &self.shared.chain;
        let (entry, tip) = (chain.entry(accepted.id), chain.entry(chain.tip()));
        let why = if entry.chainwork() < tip.chainwork() {
            "it has less work than our tip"
        } else if entry.height() > tip.height() + TOO_FAR_AHEAD {
            "it is too far ahead of our tip"
        } else if self.download.credits().free() < block.size() as u64 {
            "no room for it now"
        } else {
            let (height, size) = (entry.height(), block.size());
            if self.download.arrived(now, peer, &hash, size) == Arrival::NotAsked {
                self.download.adopt(now, hash, height, size);
            }
            return self.check(Some(peer), accepted.id, block);
        };
        self.ignore(peer, hash, why);
    }

    fn header_refused(&mut self, peer: PeerId, hash: BlockHash, reject: Reject) {
        self.shared.log(Event::HeaderRefused {
            peer,
            hash,
            reject: reject.clone(),
        });
        self.punish(Some(peer), &reject, Refused::Header);
    }

    /// Hands a block in for checking.
    fn check(&mut self, peer: Option<PeerId>, id: HeaderId, block: RawBlock) {
        let context = self.shared.chain.context(id);
        let job = self.next_job;
        self.next_job += 1;
        self.jobs.insert(
            job,
            Job {
                hash: context.hash,
                peer,
            },
        );
        if let Some(peer) = peer {
            let routine = self.shared.is_routine(Step::Received);
            self.shared.log(Event::BlockReceived {
                peer,
                hash: context.hash,
                height: context.height,
                size: block.size(),
                routine,
            });
            if let Some(p) = self.shared.open(peer) {
                p.deferred.verdicts_due += 1;
            }
        }
        self.shared.act(Action::CheckBlock {
            job: BlockJob { id: job, context },
            block,
        });
    }

    /// A block that did not come from a peer (`submitblock`).
    pub fn submit_block(&mut self, now: Timestamp, block: RawBlock) -> Submitted {
        self.shared.now = now;
        let header = block.header();
        let hash = header.block_hash();
        let accepted = match self.shared.chain.accept_header(&header, now) {
            Ok(accepted) => accepted,
            Err(reject) => return Submitted::Refused(reject),
        };
        if self.shared.chain.is_stored(accepted.id) {
            return Submitted::Duplicate;
        }
        if accepted.new {
            self.shared.act(Action::PersistHeaders(vec![header]));
            self.shared.act(Action::Publish);
            self.best_header_may_have_moved();
        }
        if let Some((job, _)) = self.jobs.iter().find(|(_, job)| job.hash == hash) {
            return Submitted::Checking(*job);
        }
        let height = self.shared.chain.height(accepted.id);
        self.download.take_over(now, hash, height, block.size());
        let job = self.next_job;
        self.check(None, accepted.id, block);
        Submitted::Checking(job)
    }

    /// A header that did not come from a peer (`submitheader`).
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn submit_header(&mut self, now: Timestamp, header: &Header) -> Result<HeaderId, Reject> {
        self.shared.now = now;
        let accepted = self.shared.chain.accept_header(header, now)?;
        if accepted.new {
            self.shared.act(Action::PersistHeaders(vec![*header]));
            self.shared.act(Action::Publish);
            self.best_header_may_have_moved();
            self.settle();
        }
        Ok(accepted.id)
    }

    /// A block was judged.
    pub(super) fn verdict(&mut self, verdict: BlockVerdict) {
        let Some(job) = self.jobs.remove(&verdict.id) else {
            return;
        };
        let now = self.shared.now;
        let hash = job.hash;
        match verdict.outcome {
            BlockOutcome::Stored { transactions } => {
                self.shared.chain.mark_stored(&hash, transactions);
                let route = ChainRoute(&self.shared.chain);
                self.download.judged(now, &hash, Judged::Stored, &route);
                if let Some(p) = job.peer.and_then(|p| self.shared.peers.get_mut(&p)) {
                    p.last_block = Some(now);
                    p.blocks_delivered += 1;
                }
                if let Some(peer) = job.peer {
                    self.senders.remember(verdict.height, hash, peer);
                }
                // Even if the candidate stays: a branch became complete, perhaps, and readers of `getchaintips` see it.
                self.shared.act(Action::Publish);
                let goal = self.candidate_may_have_moved();
                if let (Some(peer), Some(goal)) = (job.peer, goal) {
                    self.wait_for_goal(peer, goal);
                }
            }
            BlockOutcome::Refused(reject) => self.refused(&job, verdict.height, reject),
            BlockOutcome::Failed(fault) => {
                let route = ChainRoute(&self.shared.chain);
                self.download.judged(now, &hash, Judged::Again, &route);
                if fault.may_pass {
                    let pause = self.download.pause(now);
                    self.shared.log(Event::Paused {
                        what: fault.what,
                        seconds: pause.as_secs(),
                    });
                } else {
                    self.shared.act(Action::Halt(fault.what));
                }
            }
        }
        if let Some(peer) = job.peer {
            if let Some(p) = self.shared.peers.get_mut(&peer) {
                p.deferred.verdicts_due = p.deferred.verdicts_due.saturating_sub(1);
            }
            self.released.push_back(peer);
        }
    }

    fn refused(&mut self, job: &Job, height: Height, reject: Reject) {
        let now = self.shared.now;
        self.shared.log(Event::BlockRefused {
            peer: job.peer,
            hash: job.hash,
            height,
            reject: reject.clone(),
        });
        // The sender goes first, so that it is not the one to be asked again.
        let fate = self.punish(job.peer, &reject, Refused::Body);
        let judged = match fate {
            Fate::Invalid => Judged::Gone,
            Fate::Unknown | Fate::OurFault => Judged::Again,
        };
        if fate == Fate::Invalid {
            self.mark_invalid(&job.hash);
        }
        let route = ChainRoute(&self.shared.chain);
        self.download.judged(now, &job.hash, judged, &route);
    }

    /// Does to a peer what it deserves for something that was refused; says what that means for the block.
    pub(super) fn punish(
        &mut self,
        peer: Option<PeerId>,
        reject: &Reject,
        refused: Refused,
    ) -> Fate {
        let sender = peer.and_then(|peer| self.shared.peers.get(&peer));
        let conn = sender.map_or(ConnKind::Inbound, |p| p.kind);
        let is_spared = sender.is_some_and(Peer::is_spared);
        let (fate, blame) = judge(reject.kind, refused, conn);
        let Some(peer) = peer else { return fate };
        let what = match refused {
            Refused::Header => "invalid header received",
            Refused::Body | Refused::Connected => "invalid block received",
        };
        let what = format!("{what}: {reject}");
        match blame {
            Blame::None => {}
            Blame::Misbehaving => self.shared.misbehaving(peer, what),
            Blame::Liar => {
                if is_spared {
                    self.shared
                        .disconnect(peer, DisconnectReason::Misbehaving(what));
                } else {
                    self.shared.misbehaving(peer, what);
                }
            }
        }
        if self.shared.open(peer).is_none() {
            self.download.leave(peer);
        }
        fate
    }

    /// After every change of the header tree: the download may have another goal.
    pub(super) fn best_header_may_have_moved(&mut self) {
        let best = self.shared.chain.best_header();
        if best != self.heading_for {
            self.heading_for = best;
            self.reroute();
        }
    }

    /// Tells the download the way, and what every peer has of it.
    pub(super) fn reroute(&mut self) {
        let chain = &self.shared.chain;
        let front = chain.first_missing(chain.best_header());
        self.download.reroute(&ChainRoute(chain), front);
        let peers: Vec<PeerId> = self.shared.ready().map(|p| p.id).collect();
        for peer in peers {
            availability::resolve(&mut self.shared, peer);
            self.update_range(peer);
        }
    }

    pub(super) fn update_range(&mut self, peer: PeerId) {
        if let Some(p) = self.shared.peers.get(&peer) {
            let range = availability::range(&self.shared, p);
            self.download.set_range(peer, range);
        }
    }

    /// A peer announced a branch that is not the way to the best header, but may have as much work as what we have: its blocks
    /// are asked of this peer, because the better one may never come.
    pub(super) fn fetch_branch(&mut self, peer: PeerId, last: HeaderId) {
        let chain = &self.shared.chain;
        let (best, ours) = (chain.best_header(), chain.candidate());
        let usable =
            self.shared.peers.get(&peer).is_some_and(|p| {
                p.can_serve_blocks() && p.can_serve_witnesses() && !p.is_limited()
            });
        if !usable
            || chain.tree().is_ancestor(last, best)
            || chain.entry(last).chainwork() < chain.entry(ours).chainwork()
            || chain.entry(last).chainwork() < chain.params().minimum_chain_work
        {
            return;
        }
        let mut blocks: Vec<_> = chain
            .tree()
            .backwards(last)
            .take_while(|id| !chain.is_linked(*id))
            .take(MOST_OF_A_BRANCH + 1)
            .filter(|id| !chain.is_stored(*id))
            .map(|id| (chain.height(id), chain.hash(id)))
            .collect();
        if blocks.len() > MOST_OF_A_BRANCH {
            return;
        }
        blocks.reverse();
        let request = self.download.fetch_branch(self.shared.now, peer, &blocks);
        if let Some(request) = request {
            self.request(request);
        }
    }

    /// Asks a peer for blocks.
    pub(super) fn request(&mut self, request: Request) {
        let Request { peer, blocks } = request;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return;
        };
        let (first, last) = (first.0, last.0);
        let batch = self.shared.config.batch.max(1) as u64;
        let end = self.shared.chain.height(self.shared.chain.best_header());
        let left = self.download.left(end).div_ceil(batch);
        let outstanding = self.download.outstanding();
        let routine = self.shared.is_routine(Step::Requested);
        self.shared.log(Event::BlocksRequested {
            peer,
            count: blocks.len(),
            first,
            last,
            batches_left: u32::try_from(left).unwrap_or(u32::MAX),
            outstanding,
            routine,
        });
        let witness = self
            .shared
            .peers
            .get(&peer)
            .is_some_and(|p| p.can_serve_witnesses());
        let items = blocks
            .into_iter()
            .map(|(_, hash)| {
                if witness {
                    Inventory::WitnessBlock(hash)
                } else {
                    Inventory::Block(hash)
                }
            })
            .collect();
        self.shared.send(peer, Message::GetData(items));
    }

    /// Blocks that came beyond what the pool of credits holds wait in the sockets, not in memory.
    pub(super) fn stop_or_go_on_reading(&mut self) {
        let flooded = self.download.credits().overdrawn();
        if flooded == self.flooded {
            return;
        }
        self.flooded = flooded;
        let peers: Vec<PeerId> = self.shared.peers.keys().copied().collect();
        for peer in peers {
            self.update_reading(peer);
        }
    }
}
