//! Which connection to give up for another one.
//!
//! # Inbound
//! Anybody can open connections to us until there is no room. So when there is none, one of those that stand makes way,
//! and the question is how an attacker can be kept from pushing everybody else out. The answer is Bitcoin Core's: some
//! peers are protected for each of several merits that are hard to have all at once: network groups that a secret picks,
//! low latency, transactions and blocks delivered, time connected (half of the rest, with places reserved for networks
//! that do badly by the other measures). Of those that are left, the youngest of the most numerous network group goes:
//! most likely one of the attacker's.
//!
//! # Outbound
//! One full relay or block-relay-only connection more than there are places for is made on purpose now and then. Then the
//! one that was least use goes.
//!
//! Pure functions: who is a candidate, and when to ask, is the caller's business.

mod outbound;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::time::Duration;

use siphasher::sip::SipHasher24;
use tipward_primitives::Timestamp;

use crate::addr::{AddrNetwork, Host};
use crate::conn::PeerId;
use crate::netgroup::NetGroup;
pub use outbound::{OutboundCandidate, surplus_block_relay, surplus_full_relay};

/// Protected because a secret picks their network group.
const BY_GROUP: usize = 4;
/// Protected for the lowest latency.
const BY_PING: usize = 8;
/// Protected for the latest new transactions.
const BY_TX: usize = 4;
/// Protected for the latest new blocks, of those that do not relay transactions.
const BY_BLOCK_ONLY: usize = 8;
/// Protected for the latest new blocks.
const BY_BLOCK: usize = 4;

/// An inbound peer that could make way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub peer: PeerId,
    /// Since when.
    pub connected: Timestamp,
    /// Shortest round trip so far, if any was measured.
    pub min_ping: Option<Duration>,
    /// When it last sent a block that was new to us; the epoch if never.
    pub last_block: Timestamp,
    /// When it last sent a transaction that was new to us; the epoch if never.
    pub last_tx: Timestamp,
    /// It offers what we look for in a peer.
    pub relevant_services: bool,
    /// It wants transactions.
    pub relays_txs: bool,
    /// Its network group under a secret: [`keyed_group`].
    pub keyed_group: u64,
    /// It is discouraged: to go first, other things being equal.
    pub prefer_evict: bool,
    /// It connects from this machine, as onion services without a bind of their own do.
    pub is_local: bool,
    /// The network it connects through.
    pub network: AddrNetwork,
}

/// A host's network group under a secret that stays the same as long as the node runs.
pub fn keyed_group(secret: [u8; 16], host: &Host) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&secret);
    hasher.write(NetGroup::of(host).as_bytes());
    hasher.finish()
}

/// The peer that makes way for a new one; none if all are protected.
pub fn inbound(candidates: &[Candidate]) -> Option<PeerId> {
    let mut left = candidates.to_vec();
    // Each key sorts those to be protected last. What an attacker cannot know ...
    protect(&mut left, BY_GROUP, |c| c.keyed_group, |_| true);
    // ... cannot change without being nearer ...
    let ping = |c: &Candidate| Reverse(c.min_ping.unwrap_or(Duration::MAX));
    protect(&mut left, BY_PING, ping, |_| true);
    // ... or cannot have without doing useful work.
    let tx = |c: &Candidate| (c.last_tx, c.relays_txs, Reverse(c.connected));
    protect(&mut left, BY_TX, tx, |_| true);
    let block = |c: &Candidate| (c.last_block, c.relevant_services, Reverse(c.connected));
    let block_only = |c: &Candidate| (!c.relays_txs, block(c));
    protect(&mut left, BY_BLOCK_ONLY, block_only, |c| {
        !c.relays_txs && c.relevant_services
    });
    protect(&mut left, BY_BLOCK, block, |_| true);
    protect_by_ratio(&mut left);

    if left.iter().any(|c| c.prefer_evict) {
        left.retain(|c| c.prefer_evict);
    }
    youngest_of_largest_group(&left)
}

/// Takes those out of `left` that are among the last `count` by `key` and satisfy `only`. Says how many those were.
fn protect<K: Ord>(
    left: &mut Vec<Candidate>,
    count: usize,
    key: impl Fn(&Candidate) -> K,
    only: impl Fn(&Candidate) -> bool,
) -> usize {
    left.sort_by_key(key);
    let before = left.len();
    let tail = left.split_off(before.saturating_sub(count));
    left.extend(tail.into_iter().filter(|c| !only(c)));
    before - left.len()
}

/// A network whose peers do badly by the other measures through no fault of their own.
#[derive(Clone, Copy)]
enum Disadvantaged {
    Local,
    Network(AddrNetwork),
}

impl Disadvantaged {
    /// If as many peers come from each, the first has the first choice.
    const ALL: [Self; 4] = [
        Self::Network(AddrNetwork::Cjdns),
        Self::Network(AddrNetwork::I2p),
        Self::Local,
        Self::Network(AddrNetwork::Onion),
    ];

    fn has(self, c: &Candidate) -> bool {
        match self {
            Self::Local => c.is_local,
            Self::Network(network) => c.network == network,
        }
    }
}

/// Protects half of those left: up to a quarter of them from disadvantaged networks, in equal parts as far as there are
/// any, and those that have been here longest.
fn protect_by_ratio(left: &mut Vec<Candidate>) {
    let total = left.len() / 2;
    let reserved = total / 2;
    let mut protected = 0;

    let mut networks: Vec<(usize, Disadvantaged)> = Disadvantaged::ALL
        .into_iter()
        .map(|n| (left.iter().filter(|c| n.has(c)).count(), n))
        .collect();
    // Those with few peers first: what they leave over goes to the others.
    networks.sort_by_key(|(count, _)| *count);
    while protected < reserved {
        networks.retain(|(count, _)| *count > 0);
        if networks.is_empty() {
            break;
        }
        let share = ((reserved - protected) / networks.len()).max(1);
        let before = protected;
        for (count, network) in &mut networks {
            let key = |c: &Candidate| (network.has(c), Reverse(c.connected));
            let taken = protect(left, share, key, |c| network.has(c));
            *count -= taken;
            protected += taken;
            if protected >= reserved {
                break;
            }
        }
        if protected == before {
            break;
        }
    }
    protect(left, total - protected, |c| Reverse(c.connected), |_| true);
}

fn youngest_of_largest_group(left: &[Candidate]) -> Option<PeerId> {
    let mut groups: BTreeMap<u64, Vec<&Candidate>> = BTreeMap::new();
    for candidate in left {
        groups
            .entry(candidate.keyed_group)
            .or_default()
            .push(candidate);
    }
    let youngest = |group: &[&Candidate]| group.iter().map(|c| (c.connected, c.peer)).max();
    let (_, youngest) = groups
        .values()
        .map(|group| (group.len(), youngest(group)))
        .max()?;
    youngest.map(|(_, peer)| peer)
}
