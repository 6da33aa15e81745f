//! Is the peer alive, and how far away is it?

use std::time::Duration;

use rand::RngExt as _;
use tipward_primitives::Timestamp;

use crate::io::{DisconnectReason, PeerId};
use crate::peer::{Peer, Stage};
use crate::shared::Shared;
use crate::wire::Message;

/// Time between two pings.
const INTERVAL: Duration = Duration::from_secs(2 * 60);
/// A pong that takes longer, or a connection that is silent for longer in one direction, is dead.
const TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// Sends a ping now, unless one is out.
pub(crate) fn send(shared: &mut Shared, peer: PeerId) {
    let now = shared.now;
    // Zero would mean that no ping is out in other people's code.
    let nonce = shared.rng.random::<u64>().max(1);
    let Some(p) = shared.open(peer) else { return };
    if p.stage != Stage::Ready {
        return;
    }
    p.ping.out = Some((nonce, now));
    p.ping.last_sent = Some(now);
    shared.send(peer, Message::Ping(nonce));
}

/// A pong came. Returns the round trip if it answers our ping.
pub(crate) fn pong(shared: &mut Shared, peer: PeerId, nonce: u64) -> Option<Duration> {
    let now = shared.now;
    let p = shared.open(peer)?;
    match p.ping.out {
        Some((ours, sent)) if ours == nonce => {
            let took = now.since(sent);
            p.ping.out = None;
            p.ping.last = Some(took);
            p.ping.min = Some(p.ping.min.map_or(took, |best| best.min(took)));
            Some(took)
        }
        Some(_) if nonce == 0 => {
            // The peer lost the number, or is broken; waiting longer would not help.
            p.ping.out = None;
            None
        }
        _ => {
            shared.note(peer, "Pong that answers no ping of ours");
            None
        }
    }
}

/// What the clock demands for this peer.
pub(crate) fn look(shared: &mut Shared, peer: PeerId) {
    let now = shared.now;
    let handshake_timeout = shared.config.peer_timeout;
    let Some(p) = shared.open(peer) else { return };
    if let Some(why) = dead(p, now, handshake_timeout) {
        shared.disconnect(peer, DisconnectReason::Timeout(why));
    } else if p.stage == Stage::Ready
        && p.ping.out.is_none()
        && p.ping.last_sent.is_none_or(|t| now >= t + INTERVAL)
    {
        send(shared, peer);
    }
}

fn dead(p: &Peer, now: Timestamp, handshake_timeout: Duration) -> Option<&'static str> {
    let age = now.since(p.connected_at);
    if age < handshake_timeout {
        return None;
    }
    if p.stage != Stage::Ready {
        return Some("handshake");
    }
    let silent = |last: Option<Timestamp>| now.since(last.unwrap_or(p.connected_at)) > TIMEOUT;
    if p.ping
        .out
        .is_some_and(|(_, sent)| now.since(sent) > TIMEOUT)
    {
        Some("ping")
    } else if p.reading && silent(p.traffic.last_receive) {
        Some("nothing received")
    } else if silent(p.traffic.last_send) {
        Some("nothing sent")
    } else {
        None
    }
}

/// When [`look`] has something to do for this peer at the earliest.
pub(crate) fn due(p: &Peer, handshake_timeout: Duration) -> Timestamp {
    if p.stage != Stage::Ready {
        return p.connected_at + handshake_timeout;
    }
    match p.ping.out {
        Some((_, sent)) => sent + TIMEOUT,
        None => p.ping.last_sent.map_or(p.connected_at, |t| t + INTERVAL),
    }
}
