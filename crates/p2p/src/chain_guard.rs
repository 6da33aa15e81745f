//! Not staying on a worse chain: outbound peers that lag behind are replaced, and a tip that stands still for long makes
//! us look for one more peer.
//!
//! # The attack
//! Somebody who holds all our outbound connections can show us a chain of his own, or nothing at all. We cannot see that
//! from inside; but we can insist that whoever fills an outbound place keeps up with the best chain that *anybody* showed
//! us, and try somebody new when no block came for a long time.
//!
//! The figures are Bitcoin Core's.

use std::time::Duration;

use tipward_primitives::Timestamp;

use crate::header_sync;
use crate::io::{ConnKind, DisconnectReason, PeerId};
use crate::serve::no_stop;
use crate::shared::Shared;

/// Time for an outbound peer to reach the work that our tip had.
const CHAIN_SYNC_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// Time for the answer to a last `getheaders`.
const LAST_CHANCE: Duration = Duration::from_secs(2 * 60);
/// Full outbound peers that are never disconnected by this, so that a chain that is better only because it is invalid
/// under newer rules cannot cost us all peers.
const PROTECTED: usize = 4;
/// How often the tip's age is looked at.
const STALE_CHECK_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// A full outbound peer that has as much work as our tip may become one of the protected ones.
pub(crate) fn protect(shared: &mut Shared, peer: PeerId) {
    let tip_work = shared.chain.entry(shared.chain.tip()).chainwork();
    let protected = shared
        .peers
        .values()
        .filter(|p| p.chain_sync.protected)
        .count();
    let Some(known) = shared.peers.get(&peer).and_then(|p| p.best_known) else {
        return;
    };
    let enough = shared.chain.entry(known).chainwork() >= tip_work;
    if let Some(p) = shared
        .open(peer)
        .filter(|p| p.kind == ConnKind::OutboundFullRelay)
    {
        p.chain_sync.protected |= enough && protected < PROTECTED;
    }
}

/// Looks at one peer; Core's `ConsiderEviction`.
pub(crate) fn look(shared: &mut Shared, peer: PeerId) {
    let now = shared.now;
    let tip = shared.chain.tip();
    let tip_work = shared.chain.entry(tip).chainwork();
    let Some(p) = shared.peers.get(&peer) else {
        return;
    };
    if !p.is_ready() || !p.is_replaceable() || p.chain_sync.protected {
        return;
    }
    let work = p.best_known.map(|id| shared.chain.entry(id).chainwork());
    let benchmark_work = p
        .chain_sync
        .benchmark
        .map(|id| shared.chain.entry(id).chainwork());
    let keeps_up = work.is_some_and(|w| w >= tip_work);
    let caught_up_with_benchmark = matches!((work, benchmark_work), (Some(w), Some(b)) if w >= b);
    let (timeout, asked, benchmark) = (
        p.chain_sync.timeout,
        p.chain_sync.asked,
        p.chain_sync.benchmark,
    );
    let Some(p) = shared.open(peer) else { return };
    let sync = &mut p.chain_sync;
    match timeout {
        _ if keeps_up => {
            sync.timeout = None;
            sync.benchmark = None;
            sync.asked = false;
        }
        Some(at) if !caught_up_with_benchmark => {
            if now <= at {
                return;
            }
            if asked {
                shared.disconnect(peer, DisconnectReason::BadChain);
                return;
            }
            sync.asked = true;
            sync.timeout = Some(now + LAST_CHANCE);
            let from = benchmark.unwrap_or(tip);
            let parent = shared.chain.tree().parent(from).unwrap_or(from);
            let locator = shared.chain.locator(parent);
            header_sync::get_headers(shared, peer, locator, no_stop());
        }
        _ => {
            sync.timeout = Some(now + CHAIN_SYNC_TIMEOUT);
            sync.benchmark = Some(tip);
            sync.asked = false;
        }
    }
}

/// The watch over the tip's age.
#[derive(Debug)]
pub(crate) struct StaleTip {
    next_check: Option<Timestamp>,
    /// When the tip last moved.
    pub(crate) moved: Timestamp,
    /// One more outbound connection is wanted.
    pub(crate) wants_extra_peer: bool,
}

impl StaleTip {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            next_check: None,
            moved: now,
            wants_extra_peer: false,
        }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.next_check
    }

    /// Whether the tip has just been found to be stale.
    pub(crate) fn look(&mut self, shared: &Shared, in_flight: bool) -> bool {
        let now = shared.now;
        if self.next_check.is_some_and(|at| now < at) {
            return false;
        }
        let first = self.next_check.is_none();
        self.next_check = Some(now + STALE_CHECK_INTERVAL);
        if first {
            self.moved = self.moved.max(now);
            return false;
        }
        let spacing = u64::from(shared.chain.params().pow_target_spacing);
        let stale = !in_flight && now.since(self.moved) > Duration::from_secs(3 * spacing);
        let newly = stale && !self.wants_extra_peer;
        self.wants_extra_peer = stale;
        newly
    }
}
