//! What the download says about itself.

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::Download;
use super::credits::Credits;
use crate::io::PeerId;

impl Download {
    /// Whether this peer was asked for this block and has not sent it.
    pub(crate) fn was_asked(&self, peer: PeerId, hash: &BlockHash) -> bool {
        self.sources.get(&peer).is_some_and(|s| s.was_asked(hash))
    }

    /// When this peer was asked for this block, if it has not sent it.
    pub(crate) fn asked_at(&self, peer: PeerId, hash: &BlockHash) -> Option<Timestamp> {
        self.sources.get(&peer)?.asked_at(hash)
    }

    /// Heights that a peer owes, oldest request first.
    pub(crate) fn owed(&self, peer: PeerId) -> Vec<Height> {
        self.sources
            .get(&peer)
            .map(|s| s.waiting().map(|(_, a)| a.height).collect())
            .unwrap_or_default()
    }

    /// Whether this peer owes anything.
    pub(crate) fn owes(&self, peer: PeerId) -> bool {
        self.sources.get(&peer).is_some_and(|s| s.in_flight() > 0)
    }

    /// Whether anybody owes anything.
    pub(crate) fn in_flight(&self) -> bool {
        self.credits.asked() > 0
    }

    /// Blocks that each peer owes, peers that owe none left out.
    pub(crate) fn outstanding(&self) -> Vec<(PeerId, usize)> {
        self.sources
            .iter()
            .filter(|(_, s)| s.in_flight() > 0)
            .map(|(peer, s)| (*peer, s.in_flight()))
            .collect()
    }

    pub(crate) fn credits(&self) -> &Credits {
        &self.credits
    }

    /// Most credits that were out when something was asked for, in bytes. A block that was asked for alone is left out: it
    /// may be larger than the pool.
    pub(crate) fn peak_credits(&self) -> u64 {
        self.peak_credits
    }

    /// Measured speed of a peer in bytes per second.
    pub(crate) fn rate(&self, peer: PeerId) -> Option<f64> {
        self.sources.get(&peer).and_then(|s| s.speed.rate())
    }

    /// First height of the window, its width, and how many of its blocks are open.
    pub(crate) fn window(&self) -> (Height, usize, usize) {
        (self.base, self.window.len(), self.open.len())
    }

    /// Blocks between the last one asked for and the best header.
    pub(crate) fn left(&self, end: Height) -> u64 {
        let beyond =
            (u64::from(end) + 1).saturating_sub(u64::from(self.base) + self.window.len() as u64);
        beyond + self.open.len() as u64
    }

    /// Whether a peer could be asked for open blocks if it were known to have them.
    pub(crate) fn lacks_range(&self, peer: PeerId) -> bool {
        let Some(lowest) = self.open.first() else {
            return false;
        };
        self.sources
            .get(&peer)
            .is_some_and(|s| s.range.is_none_or(|(_, high)| high < *lowest))
    }
}
