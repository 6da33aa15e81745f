//! Connections: asked for, standing, gone.

use std::time::Duration;

use tipward_primitives::Timestamp;

use super::Machine;
use crate::addr::Address;
use crate::event::Event;
use crate::evict::{self, Candidate, OutboundCandidate};
use crate::gossip::GossipPeer;
use crate::handshake;
use crate::header_sync::{self, Why};
use crate::io::{Action, Command, ConnKind, DisconnectReason, PeerId, Target, Transport};
use crate::peer::Peer;
use crate::permissions::permitted;
use crate::ping;
use crate::pool::{PoolAction, target};
use crate::snapshot::LeftPeer;
use crate::wire::{AddrEntry, Message, ServiceFlags};

/// A connection that was asked for and does not stand yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    target: Target,
    /// It was given up meanwhile, for this reason.
    cancelled: Option<String>,
}

/// How often it is seen to whether there are more outbound connections than places (Core's figure).
const SURPLUS_CHECK_INTERVAL: Duration = Duration::from_secs(45);
/// Peers that left and are remembered.
const REMEMBERED: usize = 100;

impl Machine {
    /// Opens a connection that the user asked for.
    fn open_as_told(&mut self, name: &str, kind: ConnKind) {
        let peer = self.new_peer_id();
        let target = target(name, self.shared.config.pool.default_port);
        self.pool
            .on_connecting(peer, &target, kind, self.shared.now);
        self.open_connection(peer, target, kind);
    }

    /// Asks the pool what it wants.
    pub(super) fn poll_pool(&mut self) {
        let now = self.shared.now;
        let due = self.pool.next_wakeup().is_some_and(|at| at <= now);
        if !std::mem::take(&mut self.ask_pool) && !due {
            return;
        }
        self.pool.set_near_tip(header_sync::is_recent(&self.shared));
        loop {
            let next_peer = &mut self.next_peer;
            let mut new_peer = || {
                let id = PeerId(*next_peer);
                *next_peer += 1;
                id
            };
            match self.pool.poll(now, &self.shared.bans, &mut new_peer) {
                None => return,
                Some(PoolAction::Connect { peer, target, kind }) => {
                    self.open_connection(peer, target, kind);
                }
                Some(PoolAction::Resolve { name, port }) => {
                    self.shared.act(Action::Resolve { name, port });
                }
                Some(PoolAction::FixedSeedsAdded { count }) => {
                    self.peers_available("the built-in list", count);
                }
            }
        }
    }

    fn peers_available(&mut self, source: &str, count: usize) {
        let known = self.pool.addrman().len();
        self.shared.log(Event::PeersAvailable {
            source: source.to_owned(),
            count,
            known,
        });
    }

    /// Sends what the gossip has.
    pub(super) fn poll_gossip(&mut self) {
        let now = self.shared.now;
        if self.next_gossip.is_none_or(|at| now < at) {
            return;
        }
        let synced = !self.shared.is_initial_block_download();
        while let Some((peer, message)) = self.gossip.poll(now, synced) {
            self.shared.send(peer, message);
        }
        self.next_gossip = self.gossip.next_wakeup(synced);
    }

    pub(super) fn open_connection(&mut self, peer: PeerId, target: Target, kind: ConnKind) {
        self.shared.log(Event::Connecting {
            peer,
            target: target.clone(),
            kind,
        });
        self.pending.insert(
            peer,
            Pending {
                target: target.clone(),
                cancelled: None,
            },
        );
        self.shared.act(Action::Connect {
            peer,
            target,
            kind,
            transport: Transport::V1,
        });
    }

    pub(super) fn connected(
        &mut self,
        peer: PeerId,
        addr: Address,
        local: Option<Address>,
        kind: ConnKind,
    ) {
        let now = self.shared.now;
        let pending = self.pending.remove(&peer);
        self.pool.on_connected(peer, addr, kind);
        let mut new = Peer::new(peer, addr, local, kind, now);
        let cancelled = pending.as_ref().and_then(|p| p.cancelled.clone());
        if let Some(Target::Name(name)) = pending.map(|p| p.target) {
            new.name = Some(name);
        }
        new.closing = cancelled;
        new.permissions = permitted(&self.shared.config.whitelist, &addr.host, kind);
        self.shared.peers.insert(peer, new);
        if self.shared.open(peer).is_none() {
            return;
        }
        self.shared.log(Event::Connected { peer, addr, kind });
        self.next_look = self.next_look.min(now + self.shared.config.peer_timeout);
        if !self.network_active {
            return self.shared.disconnect(peer, DisconnectReason::Requested);
        }
        if kind == ConnKind::Inbound {
            self.admit(peer);
        } else {
            handshake::hello(&mut self.shared, peer);
        }
    }

    /// Is there room for an inbound peer? If not, whoever is least use makes way.
    fn admit(&mut self, peer: PeerId) {
        let now = self.shared.now;
        let Some(p) = self.shared.peers.get(&peer) else {
            return;
        };
        let (host, noban) = (p.addr.host, p.permissions.noban);
        if !noban && self.shared.bans.is_banned(&host, now) {
            return self.shared.disconnect(peer, DisconnectReason::Banned);
        }
        let others = || {
            let peers = self.shared.peers.values();
            peers.filter(|p| p.kind == ConnKind::Inbound && p.closing.is_none() && p.id != peer)
        };
        let count = others().count();
        let most = self.shared.config.max_inbound;
        // As in Core: a discouraged address may come in while there is plenty of room.
        if !noban && self.shared.bans.is_discouraged(&host) && count + 1 >= most {
            return self.shared.disconnect(peer, DisconnectReason::Banned);
        }
        if count < most {
            return;
        }
        let candidates: Vec<Candidate> = others()
            .filter(|p| !p.permissions.noban)
            .map(|p| self.candidate(p))
            .collect();
        match evict::inbound(&candidates) {
            Some(other) => self.part(other, DisconnectReason::Evicted),
            None => self.shared.disconnect(peer, DisconnectReason::Full),
        }
    }

    fn candidate(&self, p: &Peer) -> Candidate {
        Candidate {
            peer: p.id,
            connected: p.connected_at,
            min_ping: p.ping.min,
            last_block: p.last_block.unwrap_or_default(),
            last_tx: Timestamp::default(),
            relevant_services: self.pool.has_desirable_services(p.services()),
            relays_txs: p.version.as_ref().is_some_and(|v| v.relay),
            keyed_group: evict::keyed_group(self.group_secret, &p.addr.host),
            prefer_evict: self.shared.bans.is_discouraged(&p.addr.host),
            is_local: p.addr.is_local(),
            network: p.addr.network(),
        }
    }

    /// More outbound connections than places are made on purpose now and then; the worst goes.
    pub(super) fn part_from_surplus(&mut self) {
        let now = self.shared.now;
        if now < self.next_surplus_check {
            return;
        }
        self.next_surplus_check = now + SURPLUS_CHECK_INTERVAL;
        let pool = &self.shared.config.pool;
        let (full, block) = (pool.full_relay, pool.block_relay);
        let candidates = |kind: ConnKind| -> Vec<OutboundCandidate> {
            let of_kind = self.shared.ready().filter(|p| p.kind == kind);
            of_kind
                .map(|p| OutboundCandidate {
                    peer: p.id,
                    connected: p.connected_at,
                    last_block: p.last_block.unwrap_or_default(),
                    last_announcement: p.last_announcement.unwrap_or_default(),
                    in_flight: self.download.owes(p.id),
                    protected: p.chain_sync.protected,
                    network: p.addr.network(),
                })
                .collect()
        };
        let full_relay = candidates(ConnKind::OutboundFullRelay);
        let block_relay = candidates(ConnKind::BlockRelayOnly);
        let surplus = [
            (full_relay.len() > full)
                .then(|| evict::surplus_full_relay(&full_relay, now))
                .flatten(),
            (block_relay.len() > block)
                .then(|| evict::surplus_block_relay(&block_relay, now))
                .flatten(),
        ];
        for peer in surplus.into_iter().flatten() {
            self.part(peer, DisconnectReason::Evicted);
        }
    }

    /// Disconnects; what the peer owed goes to others at once.
    pub(super) fn part(&mut self, peer: PeerId, reason: DisconnectReason) {
        self.shared.disconnect(peer, reason);
        self.download.leave(peer);
    }

    /// Its `version` was accepted.
    pub(super) fn versioned(&mut self, peer: PeerId) {
        let now = self.shared.now;
        let Some(p) = self.shared.open(peer) else {
            return;
        };
        let (kind, services) = (p.kind, p.services());
        if kind == ConnKind::Feeler {
            // There is a node; that is all we wanted to know.
            self.pool.on_handshake(peer, services, now);
            self.shared.disconnect(peer, DisconnectReason::Done);
        }
    }

    /// Both sides have said `verack`.
    pub(super) fn ready(&mut self, peer: PeerId) {
        let now = self.shared.now;
        let Some(p) = self.shared.peers.get(&peer) else {
            return;
        };
        let event = Event::HandshakeDone {
            peer,
            addr: p.addr,
            kind: p.kind,
            version: p.common_version(),
            user_agent: p
                .version
                .as_ref()
                .map_or_else(String::new, |v| v.user_agent.clone()),
            height: p.starting_height(),
        };
        let (kind, height, serves) = (p.kind, p.starting_height(), p.can_serve_blocks());
        let services = p.services();
        let gossip = GossipPeer {
            addr: p.addr,
            local: p.local,
            seen_as: p.version.as_ref().map(|v| v.receiver),
            kind,
            wants_v2: p.wants_addrv2,
        };
        self.shared.log(event);
        ping::send(&mut self.shared, peer);
        self.pool.on_handshake(peer, services, now);
        if self.gossip.add_peer(peer, gossip, now) {
            self.shared.send(peer, Message::GetAddr);
        }
        self.next_gossip = Some(now);
        self.ask_pool = true;
        if serves && !matches!(kind, ConnKind::Feeler | ConnKind::AddrFetch) {
            self.download.join(now, peer, kind == ConnKind::Manual);
            self.update_range(peer);
            // Inbound peers could all be one and the same; they are heard when they announce something, and asked only if
            // nobody else is there.
            let alone = !self.shared.ready().any(|p| p.is_lasting_outbound());
            if kind != ConnKind::Inbound || alone {
                self.headers
                    .want(&mut self.shared, peer, Why::Handshake(height));
            }
        }
    }

    pub(super) fn connect_failed(&mut self, peer: PeerId, error: String) {
        self.pool.on_failed(peer, self.shared.now);
        self.ask_pool = true;
        if let Some(pending) = self.pending.remove(&peer) {
            self.shared.log(Event::ConnectFailed {
                peer,
                target: pending.target,
                error,
            });
        }
    }

    pub(super) fn disconnected(&mut self, peer: PeerId, error: Option<String>) {
        self.pool.on_disconnected(peer, self.shared.now);
        self.gossip.remove_peer(peer);
        self.ask_pool = true;
        let Some(p) = self.shared.peers.remove(&peer) else {
            self.pending.remove(&peer);
            return;
        };
        let why = p
            .closing
            .clone()
            .or(error)
            .unwrap_or_else(|| "closed by the peer".to_owned());
        self.shared.log(Event::Disconnected {
            peer,
            addr: Some(p.addr),
            why: why.clone(),
        });
        let owed = self.download.leave(peer);
        if owed > 0 {
            self.shared.log(Event::Reassigned {
                peer,
                count: owed,
                why: "it is gone",
            });
        }
        self.serve.leave(peer);
        self.headers.leave(&mut self.shared, peer);
        self.left.push_front(LeftPeer {
            id: peer,
            addr: Some(p.addr),
            kind: p.kind,
            at: self.shared.now,
            why,
        });
        self.left.truncate(REMEMBERED);
    }

    pub(super) fn resolved(&mut self, name: &str, addrs: &[Address]) {
        let count = self.pool.on_resolved(name, addrs, self.shared.now);
        self.ask_pool = true;
        if count > 0 {
            self.peers_available(name, count);
        }
    }

    /// `getaddr`, `addr`, `addrv2`.
    pub(super) fn gossip(&mut self, peer: PeerId, message: Message) {
        let now = self.shared.now;
        match message {
            Message::GetAddr => {
                self.gossip.on_getaddr(peer, &mut self.pool, now);
            }
            Message::Addr(entries) | Message::AddrV2(entries) => {
                let learned =
                    self.gossip
                        .on_addresses(peer, entries, &mut self.pool, &self.shared.bans, now);
                if learned.added > 0 {
                    self.peers_available(&peer.to_string(), learned.added);
                }
                if learned.done {
                    self.shared.disconnect(peer, DisconnectReason::Done);
                }
                self.ask_pool = true;
            }
            _ => {}
        }
        self.next_gossip = Some(now);
    }

    pub(super) fn command(&mut self, command: Command) {
        let now = self.shared.now;
        match command {
            Command::AddNode(name) => {
                self.pool.add_node(&name, now);
                self.ask_pool = true;
            }
            Command::RemoveNode(name) => {
                self.pool.remove_node(&name);
            }
            Command::Connect(name, kind) => self.open_as_told(&name, kind),
            Command::Disconnect(peer) => self.part(peer, DisconnectReason::Requested),
            Command::PingAll => {
                let peers: Vec<PeerId> = self.shared.ready().map(|p| p.id).collect();
                for peer in peers {
                    ping::send(&mut self.shared, peer);
                }
            }
            Command::SetNetworkActive(active) => self.set_network_active(active),
            Command::Ban { subnet, until } => {
                self.shared.bans.ban(subnet, until, now);
                let banned: Vec<PeerId> = self
                    .shared
                    .peers
                    .values()
                    .filter(|p| subnet.contains(&p.addr.host))
                    .map(|p| p.id)
                    .collect();
                for peer in banned {
                    self.part(peer, DisconnectReason::Banned);
                }
            }
            Command::Unban(subnet) => {
                self.shared.bans.unban(&subnet);
            }
            Command::ClearBans => self.shared.bans.clear(),
            Command::AddPeerAddress { addr, tried } => {
                let entry = AddrEntry {
                    time: u32::try_from(now.as_secs()).unwrap_or(u32::MAX),
                    services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
                    addr,
                };
                let known = self.pool.addrman_mut();
                known.add(&[entry], addr.host, Duration::ZERO, now);
                if tried {
                    known.good(&addr, now);
                }
                self.ask_pool = true;
            }
        }
    }

    fn set_network_active(&mut self, active: bool) {
        self.network_active = active;
        self.pool.set_network_active(active);
        self.ask_pool = true;
        if active {
            return;
        }
        let peers: Vec<PeerId> = self.shared.peers.keys().copied().collect();
        for peer in peers {
            self.shared.disconnect(peer, DisconnectReason::Requested);
            self.download.leave(peer);
        }
        for (peer, pending) in &mut self.pending {
            if pending.cancelled.is_none() {
                pending.cancelled = Some(DisconnectReason::Requested.to_string());
                self.shared.act(Action::Disconnect {
                    peer: *peer,
                    reason: DisconnectReason::Requested,
                });
            }
        }
    }
}
