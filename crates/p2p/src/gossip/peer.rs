//! What is remembered of one peer's gossip.

use std::collections::HashSet;
use std::hash::Hasher as _;

use rand::RngExt as _;
use rand_chacha::ChaCha20Rng;
use siphasher::sip::SipHasher24;
use tipward_primitives::Timestamp;

use super::{GossipPeer, GossipStats};
use crate::addr::{AddrNetwork, Address};
use crate::conn::ConnKind;
use crate::wire::{AddrEntry, MAX_ADDR, Message};

/// Addresses a second that a peer may tell us.
const RATE: f64 = 0.1;
/// Most that a silent peer can save up.
const MAX_TOKENS: f64 = MAX_ADDR as f64;
/// Half of the addresses that are remembered as known to a peer.
const KNOWN: usize = 2_500;

/// Addresses that a peer knows, because it sent them or was sent them: the latest few thousand.
#[derive(Debug, Default)]
pub(super) struct Known {
    recent: HashSet<Address>,
    older: HashSet<Address>,
}

impl Known {
    pub(super) fn contains(&self, addr: &Address) -> bool {
        self.recent.contains(addr) || self.older.contains(addr)
    }

    /// Says whether it was not known.
    pub(super) fn insert(&mut self, addr: &Address) -> bool {
        if self.contains(addr) {
            return false;
        }
        if self.recent.len() >= KNOWN {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(*addr)
    }
}

#[derive(Debug)]
pub(super) struct PeerState {
    pub(super) info: GossipPeer,
    pub(super) enabled: bool,
    pub(super) known: Known,
    /// What is to be sent with the next message, at most [`MAX_ADDR`].
    pub(super) queue: Vec<AddrEntry>,
    pub(super) next_send: Timestamp,
    /// The epoch: never announced yet.
    pub(super) next_self: Timestamp,
    tokens: f64,
    refilled: Timestamp,
    /// We sent `getaddr` and the answer has not come to its end.
    pub(super) answer_expected: bool,
    /// It sent `getaddr`.
    pub(super) asked: bool,
    pub(super) processed: u64,
    pub(super) rate_limited: u64,
}

impl PeerState {
    pub(super) fn new(info: GossipPeer, now: Timestamp) -> Self {
        Self {
            info,
            enabled: false,
            known: Known::default(),
            queue: Vec::new(),
            next_send: Timestamp::default(),
            next_self: Timestamp::default(),
            tokens: 1.0,
            refilled: now,
            answer_expected: false,
            asked: false,
            processed: 0,
            rate_limited: 0,
        }
    }

    /// The peer shows that it takes part. Says whether we do.
    pub(super) fn enable(&mut self) -> bool {
        let refused = matches!(self.info.kind, ConnKind::BlockRelayOnly | ConnKind::Feeler);
        self.enabled = !refused;
        self.enabled
    }

    pub(super) fn expect_answer(&mut self) {
        self.answer_expected = true;
        self.tokens += MAX_TOKENS;
    }

    pub(super) fn refill(&mut self, now: Timestamp) {
        if self.tokens < MAX_TOKENS {
            let earned = now.since(self.refilled).as_secs_f64() * RATE;
            self.tokens = (self.tokens + earned).min(MAX_TOKENS);
        }
        self.refilled = now;
    }

    pub(super) fn take_token(&mut self) -> bool {
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    /// Whether there is a message by which it can be told of this address.
    pub(super) fn understands(&self, addr: &Address) -> bool {
        self.info.wants_v2 || matches!(addr.network(), AddrNetwork::Ipv4 | AddrNetwork::Ipv6)
    }

    /// Queues an address, unless the peer knows it. If too many wait already, one of them gives way.
    pub(super) fn push(&mut self, entry: AddrEntry, rng: &mut ChaCha20Rng) {
        if !entry.addr.is_valid()
            || !self.understands(&entry.addr)
            || self.known.contains(&entry.addr)
        {
            return;
        }
        if self.queue.len() >= MAX_ADDR {
            let at = rng.random_range(0..self.queue.len());
            self.queue[at] = entry;
        } else {
            self.queue.push(entry);
        }
    }

    pub(super) fn message(&self, entries: Vec<AddrEntry>) -> Message {
        if self.info.wants_v2 {
            Message::AddrV2(entries)
        } else {
            Message::Addr(entries)
        }
    }

    pub(super) fn stats(&self) -> GossipStats {
        GossipStats {
            enabled: self.enabled,
            processed: self.processed,
            rate_limited: self.rate_limited,
        }
    }
}

/// A hash under a secret of fields of fixed length.
pub(super) fn hash(secret: [u8; 16], parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&secret);
    for part in parts {
        hasher.write(part);
    }
    hasher.finish()
}
