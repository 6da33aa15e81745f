//! Decides which connections to open.
//!
//! # What it wants
//! - **Manual** connections: those the user named. They are tried again and again, with growing pauses. With
//!   `--connect` there are no others.
//! - **Full relay** (8) and **block-relay-only** (2) connections, each to another network group, so that no single party
//!   with a range of addresses gets more than one of them. Who serves us only blocks cannot find out our place in the
//!   network; the last two of those are kept as *anchors* and come first after a restart, so that a restart is no chance
//!   for an attacker to replace all connections at once.
//! - a **feeler** every two minutes or so: a short connection that moves a new address to *tried*, or tests one that is
//!   about to be displaced there.
//! - an **extra block-relay-only** connection every five minutes or so once we are near the tip: somebody new to learn of
//!   a better chain from. Whoever owns the connections closes the worse one then (see [`crate::evict`]).
//! - **Addresses**, if there are too few: from DNS seeds, the user's seed nodes, the built-in list; see [`seeds`].
//!
//! # How it is driven
//! Every connection there is, inbound ones too, is told to it: opening ([`Pool::poll`] does that itself),
//! [`Pool::on_connected`], [`Pool::on_handshake`], then [`Pool::on_disconnected`] or [`Pool::on_failed`]. After any of
//! these, and when [`Pool::next_wakeup`] has come, ask [`Pool::poll`] until it wants nothing.

mod anchors;
mod automatic;
mod manual;
mod seeds;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tipward_primitives::Timestamp;

use crate::addr::{Address, Host, NetworkSet, split_host_port};
use crate::addrman::AddrMan;
use crate::banman::BanMan;
use crate::conn::{ConnKind, PeerId, Target};
use crate::wire::{AddrEntry, ServiceFlags};
pub use anchors::{MAX_ANCHORS, anchors_from_bytes, anchors_to_bytes};
use automatic::Automatic;
use manual::ManualNodes;
use seeds::Seeds;

/// Whom to connect to. [`PoolConfig::default`] connects to nobody by itself, for it knows no seeds.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// `--connect`: only these, and nothing else ever. Empty: nobody.
    pub connect: Option<Vec<String>>,
    /// `--addnode`: these too.
    pub add_nodes: Vec<String>,
    /// `--seednode`: ask these for addresses if we have none or they lead nowhere.
    pub seed_nodes: Vec<String>,
    /// Host names of DNS seeds; empty with `--dnsseed off`.
    pub dns_seeds: Vec<String>,
    /// Addresses of long-lived nodes, for when nothing else is known.
    pub fixed_seeds: Vec<Address>,
    /// The last block-relay-only peers of the last run.
    pub anchors: Vec<Address>,
    /// Port where none is given.
    pub default_port: u16,
    /// How many full relay connections to keep.
    pub full_relay: usize,
    /// How many block-relay-only connections to keep.
    pub block_relay: usize,
    /// Networks that connections can be opened to.
    pub reachable: NetworkSet,
    /// Names go to a proxy: DNS seeds are then not resolved here but connected to.
    pub name_proxy: bool,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            connect: None,
            add_nodes: Vec::new(),
            seed_nodes: Vec::new(),
            dns_seeds: Vec::new(),
            fixed_seeds: Vec::new(),
            anchors: Vec::new(),
            default_port: 8333,
            full_relay: 8,
            block_relay: 2,
            reachable: NetworkSet::CLEARNET,
            name_proxy: false,
        }
    }
}

/// What the pool wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolAction {
    /// A connection. The pool counts it as opening from now on.
    Connect {
        /// Its id.
        peer: PeerId,
        /// Where to.
        target: Target,
        /// Why.
        kind: ConnKind,
    },
    /// Addresses behind a name; answer by [`Pool::on_resolved`], with none if there are none.
    Resolve {
        /// The host name.
        name: String,
        /// Port for the addresses found.
        port: u16,
    },
    /// Nothing more: addresses of the built-in list were added. For the log.
    FixedSeedsAdded {
        /// How many.
        count: usize,
    },
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Opening,
    Open,
    Ready,
}

/// A connection as the pool knows it.
#[derive(Clone, Debug)]
struct Conn {
    kind: ConnKind,
    stage: Stage,
    /// The other end; unknown while a name is being resolved.
    addr: Option<Address>,
}

/// All connections.
type Conns = BTreeMap<PeerId, Conn>;

/// The outbound pool. See the module's documentation.
#[derive(Debug)]
pub struct Pool {
    config: PoolConfig,
    addrman: AddrMan,
    rng: ChaCha20Rng,
    conns: Conns,
    manual: ManualNodes,
    seeds: Seeds,
    automatic: Automatic,
    started: bool,
    network_active: bool,
    near_tip: bool,
}

impl Pool {
    /// A pool whose choices follow from the seed. Nothing happens before the first [`Pool::poll`].
    pub fn new(config: PoolConfig, addrman: AddrMan, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let manual = ManualNodes::new(&config);
        let seeds = Seeds::new(&config, &mut rng);
        let automatic = Automatic::new(&config);
        Self {
            config,
            addrman,
            rng,
            conns: Conns::new(),
            manual,
            seeds,
            automatic,
            started: false,
            network_active: true,
            near_tip: false,
        }
    }

    /// The next thing to do, if there is one. `new_peer` gives an id that was never used.
    pub fn poll(
        &mut self,
        now: Timestamp,
        bans: &BanMan,
        new_peer: &mut dyn FnMut() -> PeerId,
    ) -> Option<PoolAction> {
        if !self.started {
            self.started = true;
            self.seeds.start(now, &self.config, self.addrman.len());
            self.automatic.start(now, &mut self.rng);
        }
        if !self.network_active {
            return None;
        }
        if let Some((index, target)) = self.manual.next(now, &self.conns) {
            let peer = new_peer();
            self.manual.opened(index, peer);
            return Some(self.open(peer, target, ConnKind::Manual, now));
        }
        if self.is_connect_only() {
            return None;
        }
        match self.poll_seeds(now) {
            Some(seeds::Wish::Fetch(target)) => {
                return Some(self.open(new_peer(), target, ConnKind::AddrFetch, now));
            }
            Some(seeds::Wish::Resolve(name)) => {
                let port = self.config.default_port;
                return Some(PoolAction::Resolve { name, port });
            }
            Some(seeds::Wish::FixedSeedsAdded(count)) => {
                return Some(PoolAction::FixedSeedsAdded { count });
            }
            None => {}
        }
        let (addr, kind) = self.poll_automatic(now, bans)?;
        Some(self.open(new_peer(), Target::Addr(addr), kind, now))
    }

    fn open(&mut self, peer: PeerId, target: Target, kind: ConnKind, now: Timestamp) -> PoolAction {
        self.on_connecting(peer, &target, kind, now);
        PoolAction::Connect { peer, target, kind }
    }

    /// When [`Pool::poll`] may want something although nothing happened.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if !self.started {
            return Some(Timestamp::default());
        }
        if !self.network_active {
            return None;
        }
        let manual = self.manual.next_wakeup(&self.conns);
        if self.is_connect_only() {
            return manual;
        }
        let seeds = self.seeds.next_wakeup();
        let automatic = self.automatic_wakeup();
        [manual, seeds, automatic].into_iter().flatten().min()
    }

    fn is_connect_only(&self) -> bool {
        self.config.connect.is_some()
    }

    /// A connection is being opened that the pool did not ask for (the user did).
    pub fn on_connecting(&mut self, peer: PeerId, target: &Target, kind: ConnKind, now: Timestamp) {
        let addr = match target {
            Target::Addr(addr) => Some(*addr),
            Target::Name(_) => None,
        };
        if let Some(addr) = &addr {
            let count_failure = self.is_surely_online() && kind != ConnKind::Manual;
            self.addrman.attempt(addr, count_failure, now);
        }
        let stage = Stage::Opening;
        self.conns.insert(peer, Conn { kind, stage, addr });
    }

    /// A connection stands, inbound ones included.
    pub fn on_connected(&mut self, peer: PeerId, addr: Address, kind: ConnKind) {
        let conn = Conn {
            kind,
            stage: Stage::Open,
            addr: Some(addr),
        };
        self.conns.insert(peer, conn);
    }

    /// The handshake is over.
    pub fn on_handshake(&mut self, peer: PeerId, services: ServiceFlags, now: Timestamp) {
        let Some(conn) = self.conns.get_mut(&peer) else {
            return;
        };
        conn.stage = Stage::Ready;
        if conn.kind == ConnKind::Inbound {
            return;
        }
        if let Some(addr) = conn.addr {
            self.addrman.set_services(&addr, services);
            self.addrman.good(&addr, now);
        }
        self.manual.ready(peer);
        self.automatic.succeeded();
    }

    /// A connection did not come to stand.
    pub fn on_failed(&mut self, peer: PeerId, now: Timestamp) {
        if let Some(conn) = self.conns.remove(&peer) {
            self.lost(peer, &conn, now);
        }
    }

    /// A connection is gone.
    pub fn on_disconnected(&mut self, peer: PeerId, now: Timestamp) {
        let Some(conn) = self.conns.remove(&peer) else {
            return;
        };
        let shows_topology = matches!(conn.kind, ConnKind::BlockRelayOnly | ConnKind::Inbound);
        if conn.stage == Stage::Ready
            && !shows_topology
            && let Some(addr) = conn.addr
        {
            self.addrman.connected(&addr, now);
        }
        self.lost(peer, &conn, now);
    }

    fn lost(&mut self, peer: PeerId, conn: &Conn, now: Timestamp) {
        self.manual.lost(peer, now);
        if conn.stage < Stage::Ready && !matches!(conn.kind, ConnKind::Manual | ConnKind::Inbound) {
            self.automatic.failed(now);
        } else {
            self.automatic.look_again();
        }
    }

    /// The answer to [`PoolAction::Resolve`]. Says how many of the addresses were taken.
    pub fn on_resolved(&mut self, name: &str, addrs: &[Address], now: Timestamp) -> usize {
        let port = self.config.default_port;
        let taken = self
            .seeds
            .resolved(name, addrs, port, &mut self.addrman, &mut self.rng, now);
        self.automatic.look_again();
        taken
    }

    /// `addnode add`. Says whether it is new.
    pub fn add_node(&mut self, node: &str, now: Timestamp) -> bool {
        self.manual.add(node, self.config.default_port, now)
    }

    /// `addnode remove`. Says whether it was there. A connection that stands is not closed.
    pub fn remove_node(&mut self, node: &str) -> bool {
        self.manual.remove(node)
    }

    /// The nodes that were added, as the user wrote them, each with its connection if there is one.
    pub fn added_nodes(&self) -> impl Iterator<Item = (&str, Option<PeerId>)> {
        self.manual.added()
    }

    /// The block-relay-only peers that a restart should try first, those we have known longest first.
    pub fn anchors(&self) -> Vec<Address> {
        self.conns
            .values()
            .filter(|c| c.kind == ConnKind::BlockRelayOnly && c.stage == Stage::Ready)
            .filter_map(|c| c.addr)
            .take(MAX_ANCHORS)
            .collect()
    }

    /// `setnetworkactive`: whether to open connections at all.
    pub fn set_network_active(&mut self, active: bool) {
        self.network_active = active;
    }

    /// Whether our tip is less than about a day old. Peers with only the last 288 blocks are good enough then, and extra
    /// block-relay-only connections are made.
    pub fn set_near_tip(&mut self, near: bool) {
        self.near_tip = near;
    }

    /// Whether no block has come for so long that one more full relay connection should be made.
    pub fn set_stale_tip(&mut self, stale: bool) {
        self.automatic.stale_tip = stale;
    }

    /// Whether an automatic connection with a peer of these services is worth keeping.
    pub fn has_desirable_services(&self, services: ServiceFlags) -> bool {
        let full = services.has(ServiceFlags::NETWORK);
        let limited = self.near_tip && services.has(ServiceFlags::NETWORK_LIMITED);
        (full || limited) && services.has(ServiceFlags::WITNESS)
    }

    /// Whether connections can be opened to the network of this address.
    pub fn is_reachable(&self, addr: &Address) -> bool {
        self.config.reachable.contains(addr.network())
    }

    /// How many connections of a kind there are, those that are being opened included.
    pub fn count(&self, kind: ConnKind) -> usize {
        self.conns.values().filter(|c| c.kind == kind).count()
    }

    /// The addresses we know.
    pub fn addrman(&self) -> &AddrMan {
        &self.addrman
    }

    /// Adds addresses that a peer told us. Says how many of them took a new place.
    pub fn add_addresses(
        &mut self,
        entries: &[AddrEntry],
        source: Host,
        penalty: Duration,
        now: Timestamp,
    ) -> usize {
        let added = self.addrman.add(entries, source, penalty, now);
        if added > 0 {
            self.automatic.look_again();
        }
        added
    }

    /// The addresses we know, for what needs them changed: samples, `addpeeraddress`.
    pub fn addrman_mut(&mut self) -> &mut AddrMan {
        &mut self.addrman
    }

    fn full_relay_ready(&self) -> usize {
        self.conns
            .values()
            .filter(|c| c.kind == ConnKind::OutboundFullRelay && c.stage == Stage::Ready)
            .count()
    }
}

/// Where `node`, as a user wrote it, is to be found.
pub(crate) fn target(node: &str, default_port: u16) -> Target {
    if let Ok(addr) = Address::parse_with_default_port(node, default_port) {
        return Target::Addr(addr);
    }
    match split_host_port(node) {
        Some((name, None)) => Target::Name(format!("{name}:{default_port}")),
        // A port that is none is for the resolver to complain of.
        _ => Target::Name(node.to_owned()),
    }
}

/// A random time with this mean, so that nobody can tell the next one from the last.
pub(crate) fn exponential(rng: &mut ChaCha20Rng, mean: Duration) -> Duration {
    let uniform: f64 = rng.random();
    mean.mul_f64(-(1.0 - uniform).ln())
}
