//! Connections: asked for, standing, gone.

use super::Machine;
use crate::addr::Address;
use crate::event::Event;
use crate::handshake;
use crate::header_sync::Why;
use crate::io::{Action, Command, ConnKind, DisconnectReason, PeerId, Target, Transport};
use crate::peer::Peer;
use crate::ping;
use crate::snapshot::LeftPeer;
use crate::wire::Message;

/// A connection that was asked for and does not stand yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    target: Target,
    kind: ConnKind,
    /// It was given up meanwhile, for this reason.
    cancelled: Option<String>,
}

/// Peers that left and are remembered.
const REMEMBERED: usize = 100;

impl Machine {
    pub(super) fn open_connection(&mut self, target: Target, kind: ConnKind) -> PeerId {
        let peer = self.new_peer_id();
        self.shared.log(Event::Connecting {
            peer,
            target: target.clone(),
            kind,
        });
        self.pending.insert(
            peer,
            Pending {
                target: target.clone(),
                kind,
                cancelled: None,
            },
        );
        self.shared.act(Action::Connect {
            peer,
            target,
            kind,
            transport: Transport::V1,
        });
        peer
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
        let mut new = Peer::new(peer, addr, local, kind, now);
        let cancelled = pending.as_ref().and_then(|p| p.cancelled.clone());
        if let Some(Target::Name(name)) = pending.map(|p| p.target) {
            new.name = Some(name);
        }
        new.closing = cancelled;
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

    /// Is there room for an inbound peer?
    fn admit(&mut self, peer: PeerId) {
        let inbound = self
            .shared
            .peers
            .values()
            .filter(|p| p.kind == ConnKind::Inbound && p.closing.is_none())
            .count();
        if inbound > self.shared.config.max_inbound {
            self.shared.disconnect(peer, DisconnectReason::Full);
        }
    }

    /// Its `version` was accepted.
    pub(super) fn versioned(&mut self, peer: PeerId) {
        let now = self.shared.now;
        let Some(p) = self.shared.open(peer) else {
            return;
        };
        let (kind, addr, services) = (p.kind, p.addr, p.services());
        if kind != ConnKind::Inbound {
            self.addrman.set_services(&addr, services);
            self.addrman.good(&addr, now);
        }
        if kind == ConnKind::Feeler {
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
        self.shared.log(event);
        ping::send(&mut self.shared, peer);
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
        if let Some(pending) = self.pending.remove(&peer) {
            self.shared.log(Event::ConnectFailed {
                peer,
                target: pending.target,
                error,
            });
        }
    }

    pub(super) fn disconnected(&mut self, peer: PeerId, error: Option<String>) {
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
        if matches!(p.kind, ConnKind::OutboundFullRelay | ConnKind::Manual) {
            self.addrman.connected(&p.addr, self.shared.now);
        }
        self.left.push_front(LeftPeer {
            id: peer,
            addr: Some(p.addr),
            kind: p.kind,
            at: self.shared.now,
            why,
        });
        self.left.truncate(REMEMBERED);
    }

    pub(super) fn resolved(&mut self, _name: &str, _addrs: &[Address]) {}

    pub(super) fn gossip(&mut self, _peer: PeerId, _message: Message) {}

    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::AddNode(name) | Command::Connect(name, ConnKind::Manual) => {
                self.open_connection(Target::Name(name), ConnKind::Manual);
            }
            Command::Connect(name, kind) => {
                self.open_connection(Target::Name(name), kind);
            }
            Command::RemoveNode(_) => {}
            Command::Disconnect(peer) => {
                self.shared.disconnect(peer, DisconnectReason::Requested);
                self.download.leave(peer);
            }
            Command::PingAll => {
                let peers: Vec<PeerId> = self.shared.ready().map(|p| p.id).collect();
                for peer in peers {
                    ping::send(&mut self.shared, peer);
                }
            }
            Command::SetNetworkActive(active) => self.set_network_active(active),
            Command::AddPeerAddress { .. } => {}
        }
    }

    fn set_network_active(&mut self, active: bool) {
        self.network_active = active;
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
