//! From the parts' own words to the status's.

use std::time::{SystemTime, UNIX_EPOCH};

use tipward_chain::ChainView;
use tipward_p2p::snapshot::{LeftPeer, PeerSnapshot, WindowSnapshot};
use tipward_primitives::{Histogram, Latencies};
use tipward_validation::StageTimes;
use tipward_watch::{InFlight, Latency, Left, Peer, PeerState, Shape, Status, Tip};

use crate::rpc::peer_name;

/// Unix time in milliseconds, by the wall clock: for people who look at one.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

pub(super) fn peer(peer: &PeerSnapshot) -> Peer {
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let late = peer.oldest_request.is_some_and(|(_, late)| late);
    Peer {
        id: peer.id.0,
        addr: peer_name(peer),
        kind: peer.kind.name().to_owned(),
        // Its name is that of the variant, as in `getpeerinfo`.
        transport: format!("{:?}", peer.transport).to_lowercase(),
        state: match () {
            () if !peer.handshake_done => PeerState::Handshake,
            () if peer.silent => PeerState::Silent,
            () if late => PeerState::Late,
            () if !peer.in_flight.is_empty() => PeerState::Busy,
            () => PeerState::Idle,
        },
        version: peer.version,
        user_agent: peer.user_agent.clone(),
        services: service_names(peer.services.to_u64()),
        ping: peer.ping_last.map(ms),
        min_ping: peer.ping_min.map(ms),
        speed: peer.block_rate,
        in_flight: peer.in_flight.len() as u64,
        oldest: peer
            .oldest_request
            .map(|(oldest, _)| oldest.as_millis() as u64),
        blocks: peer.blocks_delivered,
        received: peer.traffic.received,
        sent: peer.traffic.sent,
        since: peer.connected_at.as_secs(),
        height: peer.synced_header.map(|(height, _)| height),
    }
}

/// Core's names of the service bits that are set.
fn service_names(services: u64) -> Vec<String> {
    (0..u64::BITS)
        .filter(|bit| services & (1 << bit) != 0)
        .map(|bit| match bit {
            0 => "NETWORK".to_owned(),
            2 => "BLOOM".to_owned(),
            3 => "WITNESS".to_owned(),
            6 => "COMPACT_FILTERS".to_owned(),
            10 => "NETWORK_LIMITED".to_owned(),
            11 => "P2P_V2".to_owned(),
            unknown => format!("UNKNOWN[2^{unknown}]"),
        })
        .collect()
}

pub(super) fn left(peer: &LeftPeer) -> Left {
    Left {
        id: peer.id.0,
        addr: peer.addr.map_or_else(String::new, |addr| addr.to_string()),
        kind: peer.kind.name().to_owned(),
        at: peer.at.as_secs(),
        why: peer.why.clone(),
    }
}

/// The branches of the header tree, and how many there are.
pub(super) fn tips(view: &ChainView) -> (Vec<Tip>, usize) {
    let tips = view.tips();
    let shown = tips.iter().take(Status::MOST_TIPS).map(|tip| Tip {
        hash: tip.hash.to_string(),
        height: tip.height,
        branch: tip.branch_len,
        status: tip.status.as_str().to_owned(),
    });
    (shown.collect(), tips.len())
}

/// The window, with how far connecting and verifying are.
pub(super) fn shape(window: &WindowSnapshot, connected: u32, verified: u32) -> Shape {
    Shape {
        verified,
        connected,
        front: window.front,
        blocks: u32::try_from(window.blocks).unwrap_or(u32::MAX),
        open: window.open.clone(),
        in_flight: window
            .asked
            .iter()
            .map(|asked| InFlight {
                height: asked.height,
                peer: asked.peer.0,
                waited: asked.waited.as_millis() as u64,
                late: asked.late,
            })
            .collect(),
        received: window.received.clone(),
    }
}

/// Blocks of the window that are neither stored nor on their way into the files.
pub(super) fn missing_in_window(window: &WindowSnapshot) -> u64 {
    let open: u64 = window
        .open
        .iter()
        .map(|(first, last)| u64::from(last - first) + 1)
        .sum();
    let asked = window.asked.chunk_by(|a, b| a.height == b.height).count();
    open + asked as u64
}

/// How long the stages took, and blocks to arrive.
pub(super) fn latencies(arrivals: &Latencies, stages: &StageTimes) -> Vec<Latency> {
    let latency = |(of, latencies): (&str, &Latencies)| Latency {
        of: of.to_owned(),
        bounds: Histogram::BOUNDS.map(|micros| micros as f64 / 1e6).into(),
        counts: latencies.counts.into(),
        seconds: latencies.micros as f64 / 1e6,
    };
    [
        (Latency::ARRIVAL, arrivals),
        ("check", &stages.check),
        ("write", &stages.write),
        ("connect", &stages.connect),
        ("script", &stages.script),
        ("flush", &stages.flush),
    ]
    .map(latency)
    .into()
}
