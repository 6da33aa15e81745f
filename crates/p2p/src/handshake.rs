//! From a connection to a peer: `version`, the features agreed on before `verack`, `verack`.
//!
//! ```text
//!            outbound                                   inbound
//!   we: version                                they: version
//!   they: version                              we: version, wtxidrelay, sendaddrv2, verack
//!   we: wtxidrelay, sendaddrv2, verack         they: wtxidrelay, sendaddrv2, verack
//!   they: ..., verack                          ready
//!   ready
//! ```
//!
//! What is refused, and what is only passed over, is as in Bitcoin Core: a peer that says `version` or `verack` twice is
//! merely odd, one that agrees on features after `verack` is disconnected.

use rand::RngExt as _;

use crate::addr::Address;
use crate::event::Event;
use crate::io::{ConnKind, DisconnectReason, PeerId};
use crate::peer::{PROTOCOL_VERSION, Stage};
use crate::shared::Shared;
use crate::wire::{Message, ServiceFlags, Version};

/// Peers that speak an older protocol cannot even answer `getheaders`; Core's `MIN_PEER_PROTO_VERSION`.
const OLDEST_VERSION: u32 = 31_800;
/// First version of the protocol with `wtxidrelay` (BIP339), and with `sendaddrv2` (by courtesy, as in Core).
const FEATURES_VERSION: u32 = 70_016;
/// First version of the protocol with `sendheaders` (BIP130).
const SENDHEADERS_VERSION: u32 = 70_012;
/// Age of the best chain, in seconds, below which a peer with only the last 288 blocks can serve us: as in Core, a day
/// (144 blocks), well within what such a peer has.
const LIMITED_PEER_IS_ENOUGH: u64 = 144 * 600;

/// Says who we are. The first message on a connection that we opened.
pub(crate) fn hello(shared: &mut Shared, peer: PeerId) {
    let nonce = shared.rng.random();
    let now = shared.now;
    let start_height = i32::try_from(shared.chain.tip_height()).unwrap_or(i32::MAX);
    let services = shared.config.services;
    let user_agent = shared.config.user_agent.clone();
    let relay_transactions = shared.config.relay_transactions;
    let Some(p) = shared.open(peer) else { return };
    p.nonce = nonce;
    p.version_sent = true;
    let relay =
        relay_transactions && !matches!(p.kind, ConnKind::BlockRelayOnly | ConnKind::Feeler);
    let version = Version {
        protocol: PROTOCOL_VERSION as i32,
        services,
        timestamp: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        receiver_services: p.services(),
        receiver: if p.addr.is_routable() && p.addr.socket_addr().is_some() {
            p.addr
        } else {
            Address::UNSPECIFIED
        },
        sender_services: services,
        sender: Address::UNSPECIFIED,
        nonce,
        user_agent,
        start_height,
        relay,
    };
    shared.send(peer, Message::Version(version));
}

/// Its `version` came. Returns whether it was accepted.
pub(crate) fn version(shared: &mut Shared, peer: PeerId, version: Version) -> bool {
    let now = shared.now;
    let Some(p) = shared.open(peer) else {
        return false;
    };
    if p.version.is_some() {
        shared.log(Event::MessageIgnored {
            peer,
            what: "redundant version message".to_owned(),
        });
        return false;
    }
    let kind = p.kind;
    let wanted = match kind {
        ConnKind::Inbound | ConnKind::Feeler | ConnKind::Manual => ServiceFlags::NONE,
        ConnKind::OutboundFullRelay | ConnKind::BlockRelayOnly | ConnKind::AddrFetch => {
            desirable(shared, version.services)
        }
    };
    if !version.services.has(wanted) {
        shared.disconnect(peer, DisconnectReason::Services);
        return false;
    }
    let protocol = u32::try_from(version.protocol).unwrap_or(0);
    if protocol < OLDEST_VERSION {
        shared.disconnect(peer, DisconnectReason::ObsoleteVersion(protocol));
        return false;
    }
    let to_self = kind == ConnKind::Inbound
        && shared
            .peers
            .values()
            .any(|o| o.kind != ConnKind::Inbound && o.version_sent && o.nonce == version.nonce);
    if to_self {
        shared.disconnect(peer, DisconnectReason::SelfConnection);
        return false;
    }
    if kind == ConnKind::Inbound {
        hello(shared, peer);
    }
    let Some(p) = shared.open(peer) else {
        return false;
    };
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    p.time_offset = version.timestamp.max(0).saturating_sub(seconds);
    p.stage = Stage::Versioned;
    p.version = Some(version);
    let common = p.common_version();
    if common >= FEATURES_VERSION {
        shared.send(peer, Message::WtxidRelay);
        shared.send(peer, Message::SendAddrV2);
    }
    shared.send(peer, Message::Verack);
    true
}

/// Services without which an outbound peer is of no use to us.
fn desirable(shared: &Shared, offered: ServiceFlags) -> ServiceFlags {
    // Near the tip the last few blocks are enough.
    if offered.has(ServiceFlags::NETWORK_LIMITED) {
        let tip_time = u64::from(shared.chain.entry(shared.chain.tip()).time());
        if shared.now.as_secs().saturating_sub(tip_time) < LIMITED_PEER_IS_ENOUGH {
            return ServiceFlags::NETWORK_LIMITED | ServiceFlags::WITNESS;
        }
    }
    ServiceFlags::NETWORK | ServiceFlags::WITNESS
}

/// Its `verack` came. Returns whether the handshake is done now.
pub(crate) fn verack(shared: &mut Shared, peer: PeerId) -> bool {
    let Some(p) = shared.open(peer) else {
        return false;
    };
    match p.stage {
        Stage::Connected => {
            ignored(shared, peer, "verack before version");
            return false;
        }
        Stage::Ready => {
            ignored(shared, peer, "redundant verack message");
            return false;
        }
        Stage::Versioned => {}
    }
    p.stage = Stage::Ready;
    if p.common_version() >= SENDHEADERS_VERSION {
        shared.send(peer, Message::SendHeaders);
    }
    true
}

/// A feature is agreed on. Returns `false` if it was too late or too early for that.
pub(crate) fn feature(shared: &mut Shared, peer: PeerId, message: &Message) {
    let Some(p) = shared.open(peer) else { return };
    match p.stage {
        Stage::Connected => ignored(shared, peer, "message before version"),
        Stage::Ready => {
            let what = format!("{} received after verack", message.command());
            shared.disconnect(peer, DisconnectReason::Protocol(what));
        }
        Stage::Versioned => match message {
            Message::WtxidRelay => p.wtxid_relay |= p.common_version() >= FEATURES_VERSION,
            Message::SendAddrV2 => p.wants_addrv2 = true,
            _ => {}
        },
    }
}

pub(crate) fn ignored(shared: &mut Shared, peer: PeerId, what: &str) {
    shared.log(Event::MessageIgnored {
        peer,
        what: what.to_owned(),
    });
}
