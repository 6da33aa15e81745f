//! Which outbound connection goes when there is one more than places.

use std::cmp::Reverse;
use std::time::Duration;

use tipward_primitives::Timestamp;

use crate::addr::AddrNetwork;
use crate::conn::PeerId;

/// A connection gets so long to be of use.
const MINIMUM_TIME: Duration = Duration::from_secs(30);

/// An outbound connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundCandidate {
    /// Who.
    pub peer: PeerId,
    /// Since when.
    pub connected: Timestamp,
    /// When it last sent a block that was new to us; the epoch if never.
    pub last_block: Timestamp,
    /// When it last announced a block with more work than our tip; the epoch if never.
    pub last_announcement: Timestamp,
    /// Blocks are being downloaded from it.
    pub in_flight: bool,
    /// It is one of those that are never given up for a better chain elsewhere.
    pub protected: bool,
    /// The network it is in.
    pub network: AddrNetwork,
}

impl OutboundCandidate {
    fn had_its_chance(&self, now: Timestamp) -> bool {
        now.since(self.connected) >= MINIMUM_TIME && !self.in_flight
    }
}

/// Of more block-relay-only peers than places, the one to part from: of the two youngest the one that did not bring the
/// latest block, so that an older one is replaced only by one that proved better. None if it is too early to tell.
pub fn surplus_block_relay(peers: &[OutboundCandidate], now: Timestamp) -> Option<PeerId> {
    let mut by_age: Vec<_> = peers.iter().collect();
    by_age.sort_by_key(|c| Reverse(c.peer));
    let youngest = by_age.first()?;
    let goes = match by_age.get(1) {
        Some(next) if youngest.last_block > next.last_block => next,
        _ => youngest,
    };
    goes.had_its_chance(now).then_some(goes.peer)
}

/// Of more full relay peers than places, the one to part from: whose last announcement is oldest, and of those the
/// youngest; never a protected one, nor the only one of a network. None if it is too early to tell.
pub fn surplus_full_relay(peers: &[OutboundCandidate], now: Timestamp) -> Option<PeerId> {
    let only_one =
        |c: &OutboundCandidate| peers.iter().filter(|p| p.network == c.network).count() == 1;
    peers
        .iter()
        .filter(|c| !c.protected && !only_one(c))
        .min_by_key(|c| (c.last_announcement, Reverse(c.peer)))
        .filter(|c| c.had_its_chance(now))
        .map(|c| c.peer)
}
