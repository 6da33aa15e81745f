//! Filling in the snapshot.

use tipward_primitives::Timestamp;

use super::Machine;
use crate::peer::{Peer, Stage};
use crate::snapshot::{DownloadSnapshot, PeerSnapshot, Snapshot, WindowSnapshot};

pub(super) fn snapshot(machine: &Machine) -> Snapshot {
    let shared = &machine.shared;
    Snapshot {
        at: shared.now,
        peers: shared
            .peers
            .values()
            .filter(|p| p.closing.is_none())
            .map(|p| peer(machine, p))
            .collect(),
        left: machine.left.iter().cloned().collect(),
        totals: shared.totals.clone(),
        upload: shared.upload.snapshot(shared.now),
        local_services: shared.config.services,
        local_addresses: shared
            .config
            .own
            .as_ref()
            .map_or_else(Vec::new, |own| own.external.clone()),
        added_nodes: machine
            .pool
            .added_nodes()
            .map(|(name, peer)| (name.to_owned(), peer))
            .collect(),
        network_active: machine.network_active,
        header_sync: machine.headers.running(),
        download: download(machine),
        time_offset: time_offset(machine),
    }
}

/// The download window block by block.
pub(super) fn window(machine: &Machine, now: Timestamp) -> WindowSnapshot {
    let checking = machine.jobs.values().map(|job| &job.hash);
    machine.download.window_blocks(now, checking)
}

fn peer(machine: &Machine, p: &Peer) -> PeerSnapshot {
    let chain = &machine.shared.chain;
    let now = machine.shared.now;
    let version = p.version.as_ref();
    let gossip = machine.gossip.stats(p.id);
    PeerSnapshot {
        id: p.id,
        addr: p.addr,
        name: p.name.clone(),
        local: p.local,
        addr_seen: version.map(|v| v.receiver).filter(|a| a.is_valid()),
        kind: p.kind,
        permissions: p.permissions,
        transport: p.transport,
        connected_at: p.connected_at,
        handshake_done: p.stage == Stage::Ready,
        services: p.services(),
        version: p.common_version(),
        user_agent: version.map_or_else(String::new, |v| v.user_agent.clone()),
        starting_height: p.starting_height(),
        relays_transactions: version.is_some_and(|v| v.relay),
        time_offset: p.time_offset,
        prefers_headers: p.prefers_headers,
        provides_compact_blocks: p.provides_compact_blocks,
        wants_compact_blocks: p.wants_compact_blocks,
        fee_filter: p.fee_filter,
        traffic: p.traffic.clone(),
        ping_last: p.ping.last,
        ping_min: p.ping.min,
        ping_wait: p.ping.out.map(|(_, sent)| now.since(sent)),
        synced_header: p.best_known.map(|id| (chain.height(id), chain.hash(id))),
        synced_block: p.best_known.map(|id| chain.height(chain.fork_point(id))),
        presync_height: machine.headers.presync_height(p.id),
        in_flight: machine.download.owed(p.id),
        oldest_request: machine.download.oldest_request(now, p.id),
        silent: machine.download.is_silent(p.id),
        block_rate: machine.download.rate(p.id),
        blocks_delivered: p.blocks_delivered,
        last_block: p.last_block,
        last_transaction: None,
        addr_relay: gossip.enabled,
        addr_processed: gossip.processed,
        addr_rate_limited: gossip.rate_limited,
        reading_stopped: !p.reading,
    }
}

fn download(machine: &Machine) -> DownloadSnapshot {
    let download = &machine.download;
    let (window_front, window_blocks, window_open) = download.window();
    DownloadSnapshot {
        window_front,
        window_blocks,
        window_open,
        credits: download.credits().capacity(),
        credits_asked: download.credits().asked(),
        credits_held: download.credits().held(),
        credits_peak: download.peak_credits(),
        arrivals: machine.arrivals.read(),
        blocks_left: download.left(machine.best_height()),
        paused: download.is_paused(machine.shared.now),
    }
}

/// Median over the outbound peers: inbound ones could be anybody's.
fn time_offset(machine: &Machine) -> i64 {
    let mut offsets: Vec<i64> = machine
        .shared
        .ready()
        .filter(|p| p.is_lasting_outbound())
        .map(|p| p.time_offset)
        .collect();
    offsets.sort_unstable();
    offsets.get(offsets.len() / 2).copied().unwrap_or(0)
}
