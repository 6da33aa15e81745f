//! Finding the chain with the most work.
//!
//! # The problem
//!
//! The whole chain of headers is 80 bytes a block, some 75 MB, and every peer has it. It takes many round trips of 2000
//! headers each. Asking all peers at once would cost a dozen times the bandwidth for nothing, so the headers come from one
//! peer at a time; but that one may be slow, silent, on a chain of its own, or lying.
//!
//! # The attack
//!
//! - *Silence.* The peer we happen to ask answers late or never. It is left as soon as it was silent for a short while and
//!   somebody else is waiting, and disconnected when it took far too long altogether.
//! - *Cheap chains.* Headers of low difficulty cost nothing to make and would fill memory and disk. A chain whose claimed
//!   work is not enough is first weighed without keeping it, and then fetched a second time: see
//!   [`tipward_chain::presync`].
//! - *A smaller chain.* A peer shows a valid chain that is not the best one. So every other peer is heard when the first
//!   has nothing more to say, and outbound peers that stay behind our tip are replaced (`chain_guard`).
//!
//! # The phases
//!
//! ```text
//!                 a peer says it has more than we do, or announces a block that we do not know
//!                         |
//!                         v                   one runs already
//!                    want(peer) --------------------------------------> put aside (one place for each peer)
//!                         | none runs                                          |
//!                         v                                                    | the running one ended
//!  +--- getheaders ---> RUNNING <----------------------------------------------+
//!  |                      |  |                          (skipped if the peer is gone, or what it
//!  |   2000 headers       |  |                           announced is known by now)
//!  +----------------------+  +--> ENDED: fewer than 2000 headers (it has no more), a rule broken, silence, gone
//! ```
//!
//! A chain that has to be weighed goes through `RUNNING` twice, once for each download, with one and the same peer.
//!
//! # What is not part of it
//!
//! Headers that nobody asked for (the announcement of a new block) are taken at any time and from anybody, if they connect
//! to what we know: that is how the node follows the tip. If they do not connect, the gap is asked for.
//!
//! *Probes* tell which peers have what we have found: a `getheaders` that asks for the one header we know as best. The
//! answer is one header, and then blocks can come from that peer as well. Nothing waits for it.

mod request;
mod weigh;

use std::collections::VecDeque;
use std::time::Duration;

use tipward_chain::{HeaderId, Presync, check_headers};
use tipward_primitives::{BlockHash, Header, Timestamp};

use self::request::probe;
pub(crate) use self::request::{get_headers, is_recent};
use self::weigh::Weighed;
use crate::availability;
use crate::blame::{Blame, Refused, judge};
use crate::event::Event;
use crate::io::{Action, ConnKind, DisconnectReason, PeerId};
use crate::peer::Peer;
use crate::serve::no_stop;
use crate::shared::Shared;
use crate::wire::MAX_HEADERS;

/// Why headers are wanted of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It said in its handshake how high its tip is.
    Handshake(i32),
    /// It announced a block that we do not know.
    Announced(BlockHash),
    /// It sent as many headers as fit into a message while another synchronization ran.
    More,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Handshake(height) => write!(f, "it has height {height}"),
            Self::Announced(hash) => write!(f, "it announced {hash}"),
            Self::More => f.write_str("it has more headers"),
        }
    }
}

struct Running {
    peer: PeerId,
    /// Last byte or header of it.
    progress: Timestamp,
    /// When it is too much altogether.
    deadline: Timestamp,
    /// The weighing of a chain that does not show enough work yet.
    presync: Option<Presync>,
    /// Full messages in a row that held nothing new.
    barren: u32,
}

/// The synchronization of headers. See the module's documentation.
#[derive(Default)]
pub(crate) struct HeaderSync {
    running: Option<Running>,
    /// Who else has something, in the order in which they said so; each peer once.
    aside: VecDeque<(PeerId, Why)>,
    /// When peers were last probed.
    probed: Timestamp,
}

/// A peer that sends nothing for so long loses its turn, if somebody else is waiting.
const QUIET: Duration = Duration::from_secs(5);
/// One that sends nothing for so long has lost our request or does not answer at all.
const SILENT: Duration = Duration::from_secs(30);
/// Core's limit for all headers from one peer: this, and a millisecond for each header that is expected.
const ALTOGETHER: Duration = Duration::from_secs(15 * 60);
/// Peers are probed this often at most.
const PROBE_INTERVAL: Duration = Duration::from_millis(1000);

/// What came of a `headers` message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Last header of the message that is in the tree.
    pub(crate) last: Option<HeaderId>,
    /// The tree grew.
    pub(crate) grew: bool,
}

impl HeaderSync {
    /// Whose headers are being fetched.
    pub(crate) fn running(&self) -> Option<PeerId> {
        self.running.as_ref().map(|r| r.peer)
    }

    /// Height up to which this peer's chain has been weighed.
    pub(crate) fn presync_height(&self, peer: PeerId) -> Option<u32> {
        let running = self.running.as_ref().filter(|r| r.peer == peer)?;
        running.presync.as_ref()?.height()
    }

    /// A peer has something that we lack.
    pub(crate) fn want(&mut self, shared: &mut Shared, peer: PeerId, why: Why) {
        match &self.running {
            None => self.start(shared, peer),
            Some(running) if running.peer == peer => {
                // It is asked for more until it has no more, and the new block is part of that.
            }
            Some(_) => {
                self.aside.retain(|(p, _)| *p != peer);
                self.aside.push_back((peer, why));
                shared.log(Event::HeaderSyncPutAside {
                    peer,
                    why: why.to_string(),
                });
            }
        }
    }

    /// A peer is gone.
    pub(crate) fn leave(&mut self, shared: &mut Shared, peer: PeerId) {
        self.aside.retain(|(p, _)| *p != peer);
        if self.running() == Some(peer) {
            self.end(shared, "peer is gone");
        }
    }

    /// Bytes came that can be part of headers.
    pub(crate) fn progress(&mut self, now: Timestamp, peer: PeerId) {
        if let Some(running) = self.running.as_mut().filter(|r| r.peer == peer) {
            running.progress = now;
        }
    }

    /// A mocked clock was moved back to `now`.
    pub(crate) fn clock_moved_back(&mut self, now: Timestamp) {
        self.probed = Timestamp::default();
        if let Some(running) = &mut self.running {
            running.progress = now;
            running.deadline = running.deadline.min(now + ALTOGETHER);
        }
    }

    fn start(&mut self, shared: &mut Shared, peer: PeerId) {
        let chain = &shared.chain;
        let best = chain.best_header();
        let best_time = u64::from(chain.entry(best).time());
        let expected = shared.now.as_secs().saturating_sub(best_time)
            / u64::from(chain.params().pow_target_spacing.max(1));
        let height = chain.height(best);
        // One header before our best: then the answer is never empty, and tells that the peer has it.
        let from = chain.tree().parent(best).unwrap_or(best);
        let locator = chain.locator(from);
        self.running = Some(Running {
            peer,
            progress: shared.now,
            deadline: shared.now + ALTOGETHER + Duration::from_millis(expected),
            presync: None,
            barren: 0,
        });
        let peer_height = shared.peers.get(&peer).map_or(-1, |p| p.starting_height());
        shared.log(Event::HeaderSyncStarted {
            peer,
            height,
            peer_height,
        });
        get_headers(shared, peer, locator, no_stop());
    }

    /// The running synchronization is over; the next one of those put aside begins.
    fn end(&mut self, shared: &mut Shared, why: &'static str) {
        let Some(running) = self.running.take() else {
            return;
        };
        let height = shared.chain.height(shared.chain.best_header());
        shared.log(Event::HeaderSyncEnded {
            peer: running.peer,
            why,
            height,
        });
        self.next(shared);
    }

    fn next(&mut self, shared: &mut Shared) {
        while self.running.is_none() {
            let Some((peer, why)) = self.aside.pop_front() else {
                return;
            };
            match not_needed(shared, peer, why) {
                None => self.start(shared, peer),
                Some(reason) => {
                    shared.log(Event::HeaderSyncSkipped {
                        peer,
                        why: reason.to_owned(),
                    });
                    probe(shared, peer);
                }
            }
        }
    }

    /// `headers`: see Core's `ProcessHeadersMessage`, which decides in the same order.
    pub(crate) fn headers(
        &mut self,
        shared: &mut Shared,
        peer: PeerId,
        mut headers: Vec<Header>,
    ) -> Outcome {
        self.progress(shared.now, peer);
        let count = headers.len();
        let full = count == MAX_HEADERS;
        if count == 0 {
            if let Some(p) = shared.open(peer) {
                p.getheaders_out = None;
            }
            if self.running() == Some(peer) {
                self.end(shared, "it has no more headers");
            }
            return Outcome::default();
        }
        if count > MAX_HEADERS {
            shared.misbehaving(peer, format!("headers message size = {count}"));
            self.fail(shared, peer, "too many headers");
            return Outcome::default();
        }
        if let Err(bad) = check_headers(shared.chain.params(), &headers) {
            shared.misbehaving(peer, bad.to_string());
            self.fail(shared, peer, "broken headers");
            return Outcome::default();
        }

        let mut proven = false;
        let mut more_by_presync = false;
        let mut failed = false;
        match self.weigh(shared, peer, &headers, full) {
            Weighed::No => {}
            Weighed::Proven(weighed) => {
                headers = weighed;
                if headers.is_empty() {
                    return Outcome::default();
                }
                proven = true;
                more_by_presync = true;
            }
            Weighed::Failed => failed = true,
        }

        let Some(first) = headers.first() else {
            return Outcome::default();
        };
        let Some(start) = shared.chain.find(&first.prev_blockhash) else {
            self.unconnecting(shared, peer, &headers);
            return Outcome::default();
        };
        if let Some(p) = shared.open(peer) {
            p.getheaders_out = None;
        }
        let known = headers
            .last()
            .and_then(|last| shared.chain.find(&last.block_hash()));
        proven |= known.is_some_and(|id| shared.chain.is_on_best_chain(id));
        if !proven && shared.chain.claimed_work(start, &headers) < shared.chain.work_threshold() {
            if failed {
                // Another weighing at once would go on for ever, at no cost to the peer.
                self.fail(shared, peer, "its chain changed while it was weighed");
            } else {
                self.low_work(shared, peer, start, &headers, full);
            }
            return Outcome::default();
        }
        self.accept(shared, peer, &headers, full && !more_by_presync, count)
    }

    /// Headers whose parent we do not know: perhaps a new block's, so the gap is asked for.
    fn unconnecting(&mut self, shared: &mut Shared, peer: PeerId, headers: &[Header]) {
        let Some(last) = headers.last() else { return };
        let hash = last.block_hash();
        availability::announced(shared, peer, hash);
        let locator = shared.chain.locator(shared.chain.best_header());
        if get_headers(shared, peer, locator, no_stop()) {
            let what = format!("Headers up to {hash} do not connect, asking for those between");
            shared.note(peer, what);
        }
    }

    fn accept(
        &mut self,
        shared: &mut Shared,
        peer: PeerId,
        headers: &[Header],
        may_have_more: bool,
        count: usize,
    ) -> Outcome {
        let outcome = shared.chain.accept_headers(headers, shared.now);
        let new = outcome.new.len();
        if new > 0 {
            shared.act(Action::PersistHeaders(outcome.new));
            shared.act(Action::Publish);
        }
        let height = shared.chain.height(shared.chain.best_header());
        shared.log(Event::HeadersReceived {
            peer,
            count,
            new,
            height,
        });
        if let Some(last) = outcome.last {
            availability::has(shared, peer, last);
            note_announcement(shared, peer, last, new > 0);
        }
        let result = Outcome {
            last: outcome.last,
            grew: new > 0,
        };
        if let Some(refused) = outcome.refused {
            let kind = refused.reject.kind;
            shared.log(Event::HeaderRefused {
                peer,
                hash: refused.hash,
                reject: refused.reject.clone(),
            });
            let conn = shared
                .peers
                .get(&peer)
                .map_or(ConnKind::Inbound, |p| p.kind);
            match judge(kind, Refused::Header, conn).1 {
                Blame::None => {}
                Blame::Misbehaving | Blame::Liar => {
                    shared
                        .misbehaving(peer, format!("invalid header received: {}", refused.reject));
                }
            }
            self.fail(shared, peer, "a header was refused");
            return result;
        }
        if may_have_more {
            self.ask_for_more(shared, peer, outcome.last, new > 0);
        } else {
            let weighing = self
                .running
                .as_ref()
                .is_some_and(|r| r.peer == peer && r.presync.is_some());
            // An answer that ends where it was told to end says nothing about what comes after.
            let stop = shared.peers.get(&peer).and_then(|p| p.getheaders_stop);
            let cut_short = stop.is_some() && headers.last().map(Header::block_hash) == stop;
            if !weighing {
                if !cut_short {
                    availability::has_no_more(shared, peer);
                }
                if self.running() == Some(peer) {
                    self.end(shared, "it has no more headers");
                }
            }
        }
        result
    }

    fn ask_for_more(
        &mut self,
        shared: &mut Shared,
        peer: PeerId,
        last: Option<HeaderId>,
        new: bool,
    ) {
        match self.running() {
            Some(running) if running != peer => {
                if new {
                    self.want(shared, peer, Why::More);
                }
            }
            Some(_) => {
                if self.repeats_itself(shared, new) {
                    self.end(shared, "it repeats itself");
                } else if let Some(last) = last {
                    let locator = shared.chain.locator(last);
                    get_headers(shared, peer, locator, no_stop());
                }
            }
            None => self.start(shared, peer),
        }
    }

    /// Whether the peer has sent more headers that we know than there are: it could go on for ever.
    fn repeats_itself(&mut self, shared: &Shared, new: bool) -> bool {
        let height = shared.chain.height(shared.chain.best_header());
        let Some(running) = &mut self.running else {
            return false;
        };
        running.barren = if new { 0 } else { running.barren + 1 };
        running.barren > height / MAX_HEADERS as u32 + 1
    }

    /// The synchronization with this peer cannot go on, if it is the running one.
    fn fail(&mut self, shared: &mut Shared, peer: PeerId, why: &'static str) {
        if self.running() == Some(peer) {
            self.end(shared, why);
        }
    }

    /// What the clock demands.
    pub(crate) fn look(&mut self, shared: &mut Shared) {
        let now = shared.now;
        let Some(running) = &self.running else {
            return;
        };
        let peer = running.peer;
        let quiet = now.since(running.progress);
        let recent = is_recent(shared);
        let others = shared
            .ready()
            .any(|p| p.id != peer && p.can_serve_blocks() && p.kind != ConnKind::Inbound);
        if now > running.deadline && !recent && others {
            let is_spared = shared.peers.get(&peer).is_none_or(Peer::is_spared);
            if !is_spared {
                shared.disconnect(peer, DisconnectReason::Timeout("headers download"));
            }
            self.end(shared, "it took too long");
        } else if quiet > SILENT || (quiet > QUIET && !self.aside.is_empty()) {
            // What it sends later is still taken.
            self.end(shared, "silent");
            if self.running.is_none() {
                self.try_somebody_else(shared, peer);
            } else {
                self.aside.push_back((peer, Why::More));
            }
        }
    }

    /// Nobody was waiting: another peer that says it has more than we do is asked, or the same one again.
    fn try_somebody_else(&mut self, shared: &mut Shared, not: PeerId) {
        let height = i64::from(shared.chain.height(shared.chain.best_header()));
        let best = shared
            .ready()
            .filter(|p| p.can_serve_blocks() && i64::from(p.starting_height()) > height)
            .map(|p| (p.id == not, p.kind == ConnKind::Inbound, p.id))
            .min();
        if let Some((_, _, peer)) = best {
            if let Some(p) = shared.open(peer) {
                p.getheaders_out = None;
            }
            self.start(shared, peer);
        }
    }

    /// When [`HeaderSync::look`] has something to do at the earliest.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let running = self.running.as_ref()?;
        let patience = if self.aside.is_empty() { SILENT } else { QUIET };
        Some((running.progress + patience + Duration::from_millis(1)).min(running.deadline))
    }

    /// Asks peers that could serve blocks, were it known that they have them.
    pub(crate) fn probe(&mut self, shared: &mut Shared, wants: impl Fn(&Peer) -> bool) {
        if shared.now < self.probed + PROBE_INTERVAL {
            return;
        }
        let best = shared.chain.best_header();
        let running = self.running();
        let height = i64::from(shared.chain.height(best));
        let peers: Vec<PeerId> = shared
            .ready()
            .filter(|p| {
                p.can_serve_blocks()
                    && Some(p.id) != running
                    && p.getheaders_out.is_none()
                    && p.best_known != Some(best)
                    && i64::from(p.starting_height()) >= height
                    && wants(p)
            })
            .map(|p| p.id)
            .collect();
        if !peers.is_empty() {
            self.probed = shared.now;
        }
        for peer in peers {
            probe(shared, peer);
        }
    }
}

/// Why a synchronization that was put aside is not needed any more, if it is not.
fn not_needed(shared: &Shared, peer: PeerId, why: Why) -> Option<&'static str> {
    if !shared.peers.get(&peer).is_some_and(Peer::is_ready) {
        return Some("peer is gone");
    }
    match why {
        Why::Handshake(height) => {
            let ours = i64::from(shared.chain.height(shared.chain.best_header()));
            (i64::from(height) <= ours).then_some("we have as many headers by now")
        }
        Why::Announced(hash) => shared
            .chain
            .find(&hash)
            .is_some()
            .then_some("the block is known by now"),
        Why::More => None,
    }
}

/// Remembers who tells us of new blocks: such a peer is worth keeping.
fn note_announcement(shared: &mut Shared, peer: PeerId, last: HeaderId, new: bool) {
    let chain = &shared.chain;
    let ahead = chain.entry(last).chainwork() > chain.entry(chain.tip()).chainwork();
    let now = shared.now;
    if let Some(p) = shared.open(peer).filter(|_| new && ahead) {
        p.last_announcement = Some(now);
    }
}
