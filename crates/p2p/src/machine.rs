//! The machine: composition only. Every decision is made in a component of its own; this file hands inputs out and keeps
//! the order.
//!
//! ```text
//!            Input                                                   Action
//!              |                                                       ^
//!              v                                                       |
//!   handle: connections | handshake, ping | header_sync | download, connect | serve | chain_guard --> outbox
//!                                  \            |           |         /
//!                                   +---- Shared: peers, chain, totals, randomness
//! ```
//!
//! # Order
//!
//! What a peer sends takes effect in the order in which it was sent. A block takes a while to be judged, by others; until
//! the verdict is here and published, whatever the same peer sent after the block waits, its pings included; and if the
//! block made another candidate of the chain, until that is connected or found invalid. So when a peer sees our `pong`,
//! everything that it sent before has happened. The one exception is a block that we asked for: it goes to the checkers at
//! once, because whether its body is good depends on nothing else that the peer said. And in initial block download,
//! while blocks are stored far ahead of what is connected, nobody waits for connecting.
//!
//! What waits is bounded in number and bytes; beyond that the connection is not read until it was worked off.
//!
//! # Determinism
//!
//! The machine reads no clock and draws its random numbers from the seed. The same seed and the same inputs give the same
//! actions.

mod blocks;
mod connect;
mod connections;
mod messages;
mod report;
mod timers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rand::RngExt as _;
use tipward_chain::{Chain, ChainView, HeaderId};
use tipward_primitives::{BlockHash, Histogram, Timestamp};

use self::blocks::Job;
pub use self::blocks::Submitted;
use self::connect::Goal;
pub use self::connect::NotAsked;
use self::connections::Pending;
use crate::addr::{AddrNetwork, Address};
use crate::addrman::AddrMan;
use crate::banman::BanMan;
use crate::chain_guard::StaleTip;
use crate::config::Config;
use crate::download::{Download, Limits, Route};
use crate::gossip::Gossip;
use crate::header_sync::HeaderSync;
use crate::io::{Action, Input, PeerId};
use crate::pool::Pool;
use crate::senders::Senders;
use crate::serve::Serve;
use crate::shared::Shared;
use crate::snapshot::{LeftPeer, Snapshot, WindowSnapshot};
use crate::wire::AddrEntry;

/// The peer-to-peer machine. See the [module's page](self).
pub struct Machine {
    shared: Shared,
    pool: Pool,
    gossip: Gossip,
    headers: HeaderSync,
    download: Download,
    /// From the request for a block to its arrival.
    arrivals: Histogram,
    serve: Serve,
    stale_tip: StaleTip,
    /// Connections that were asked for and do not stand yet.
    pending: BTreeMap<PeerId, Pending>,
    next_peer: u64,
    /// Blocks that are being checked, by the number of their job.
    jobs: BTreeMap<u64, Job>,
    next_job: u64,
    /// Peers some of whose messages waited and may go on now.
    released: VecDeque<PeerId>,
    /// The last peers that left, latest first.
    left: VecDeque<LeftPeer>,
    network_active: bool,
    /// Reading from everybody is stopped, because more blocks came than the pool of credits holds.
    flooded: bool,
    /// When the peers are to be looked at.
    next_look: Timestamp,
    /// The pool is to be asked what it wants: a connection came or went, or its time has come.
    ask_pool: bool,
    /// When the gossip may have something to send.
    next_gossip: Option<Timestamp>,
    /// When it is seen to whether there are more outbound connections than places.
    next_surplus_check: Timestamp,
    /// Key of the network groups that are protected from eviction.
    group_secret: [u8; 16],
    /// Best header that the download goes for.
    heading_for: HeaderId,
    /// What validation was told to do, and how far it is.
    goal: Goal,
    /// Who sent the blocks that are stored and not connected.
    senders: Senders,
}

impl Machine {
    /// A machine without peers. `chain` holds what an earlier run left; all random choices follow from `seed`.
    pub fn new(config: Config, chain: Chain, addrman: AddrMan, seed: [u8; 32]) -> Self {
        let now = Timestamp::default();
        let download = Download::new(
            Limits {
                batch: config.batch.clamp(1, 1000),
                credit_bytes: config.credit_bytes,
                window_blocks: config.window_blocks,
                window_bytes: config.window_bytes,
            },
            now,
        );
        let (heading_for, tip) = (chain.best_header(), chain.tip());
        let mut shared = Shared::new(config, chain, seed);
        let pool = Pool::new(shared.config.pool.clone(), addrman, shared.rng.random());
        let mut gossip = Gossip::new(shared.rng.random());
        gossip.set_own(shared.config.own.clone());
        let group_secret = shared.rng.random();
        let mut machine = Self {
            shared,
            pool,
            gossip,
            headers: HeaderSync::default(),
            download,
            arrivals: Histogram::default(),
            serve: Serve::default(),
            stale_tip: StaleTip::new(now),
            pending: BTreeMap::new(),
            next_peer: 0,
            jobs: BTreeMap::new(),
            next_job: 0,
            released: VecDeque::new(),
            left: VecDeque::new(),
            network_active: true,
            flooded: false,
            next_look: now,
            ask_pool: true,
            next_gossip: None,
            next_surplus_check: now,
            group_secret,
            heading_for,
            goal: Goal::new(tip),
            senders: Senders::default(),
        };
        machine.reroute();
        // Blocks that were stored in an earlier run and not connected.
        machine.candidate_may_have_moved();
        machine
    }

    /// Takes note of what happened. What is to be done about it comes out of [`Machine::poll_action`].
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        if now < self.shared.now {
            self.clock_moved_back(now);
        }
        self.shared.now = now;
        match input {
            Input::Connected {
                peer,
                addr,
                local,
                kind,
            } => self.connected(peer, addr, local, kind),
            Input::ConnectFailed { peer, error } => self.connect_failed(peer, error),
            Input::Message {
                peer,
                message,
                size,
            } => self.incoming(peer, message, size),
            Input::Malformed { peer, error } => self.malformed(peer, &error),
            Input::Receiving { peer, bytes } => {
                self.download.receiving(now, peer, bytes);
                self.headers.progress(now, peer);
            }
            Input::Sent {
                peer,
                command,
                size,
                queued,
            } => {
                self.shared.sent(peer, command, size, queued);
                self.serve.drained(&mut self.shared, peer);
            }
            Input::Disconnected { peer, error } => self.disconnected(peer, error),
            Input::Verdict(verdict) => self.verdict(verdict),
            Input::Chain(event) => self.chain_event(event),
            Input::BlockServed { peer, hash, found } => {
                self.serve.served(&mut self.shared, peer, hash, found);
                self.released.push_back(peer);
            }
            Input::Resolved { name, addrs } => self.resolved(&name, &addrs),
            Input::Command(command) => self.command(command),
            Input::Tick => {}
        }
        self.look();
        self.settle();
    }

    /// So many bytes of blocks may still be fetched until older ones are deleted; `None` if there is no limit. Counts from the
    /// next input on.
    pub fn set_room(&mut self, bytes: Option<u64>) {
        let tip = self.shared.chain.tip_height();
        self.download.set_room(bytes, tip);
    }

    /// The next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.shared.next_action()
    }

    /// An id for a connection that was accepted.
    pub fn new_peer_id(&mut self) -> PeerId {
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        id
    }

    /// The chain, for its owner's thread.
    pub fn chain(&self) -> &Chain {
        &self.shared.chain
    }

    /// The chain as it is now, for other threads.
    pub fn view(&self) -> Arc<ChainView> {
        self.shared.chain.view()
    }

    /// The addresses that are known.
    pub fn addrman(&self) -> &AddrMan {
        self.pool.addrman()
    }

    /// Up to `max` known addresses (0: all) in random order, of one network or of any.
    pub fn known_addresses(
        &mut self,
        max: usize,
        network: Option<AddrNetwork>,
        now: Timestamp,
    ) -> Vec<AddrEntry> {
        self.pool
            .addrman_mut()
            .get_addr(max, 0, network, false, now)
    }

    /// Bans that an earlier run left.
    pub fn set_bans(&mut self, bans: BanMan) {
        self.shared.bans = bans;
    }

    /// The addresses that are banned or discouraged.
    pub fn bans(&self) -> &BanMan {
        &self.shared.bans
    }

    /// The block-relay-only peers that a restart should try first.
    pub fn anchors(&self) -> Vec<Address> {
        self.pool.anchors()
    }

    /// What RPC, progress display and dashboard show.
    pub fn snapshot(&self) -> Snapshot {
        report::snapshot(self)
    }

    /// The download window block by block, for people to look at: costs some tens of microseconds.
    pub fn window(&self, now: Timestamp) -> WindowSnapshot {
        report::window(self, now)
    }

    /// Works off what has become possible: messages that waited, then requests for blocks.
    fn settle(&mut self) {
        while let Some(peer) = self.released.pop_front() {
            self.release(peer);
        }
        let requests = self
            .download
            .schedule(self.shared.now, &ChainRoute(&self.shared.chain));
        for request in requests {
            self.request(request);
        }
        self.stop_or_go_on_reading();
        self.poll_pool();
        self.poll_gossip();
    }
}

/// The way to the best header, for the download.
struct ChainRoute<'a>(&'a Chain);

impl Route for ChainRoute<'_> {
    fn end(&self) -> u32 {
        self.0.height(self.0.best_header())
    }

    fn hash(&self, height: u32) -> BlockHash {
        let chain = self.0;
        let best = chain.best_header();
        chain.hash(chain.tree().ancestor(best, height).unwrap_or(best))
    }

    fn stored(&self, hash: &BlockHash) -> bool {
        self.0.find(hash).is_some_and(|id| self.0.is_stored(id))
    }
}

#[cfg(test)]
mod tests;
