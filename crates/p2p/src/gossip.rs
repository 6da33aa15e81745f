//! Addresses: what peers tell us, what we pass on, what we answer, what we say of ourselves. As Bitcoin Core does it.
//!
//! # What could go wrong
//! - **Floods.** A peer may tell us one address in ten seconds, and a thousand more in answer to our `getaddr`; what goes
//!   beyond is dropped unread.
//! - **Amplification.** Only small messages that nobody asked for are passed on, each address to one or two peers. Those
//!   are picked by a secret, the address and the day: who repeats an address reaches nobody new.
//! - **Reading our tables.** `getaddr` is answered once a connection, to inbound peers only, with a sample that stays the
//!   same for about a day for all who connect to the same local address: asking often, or from many places, shows no more.
//! - **Reading our connections.** With block-relay-only peers no address is ever exchanged; and addresses leave at random
//!   times, many together.
//!
//! One [`Gossip`] serves all peers. Tell it of a peer after the handshake, of every `addr`, `addrv2` and `getaddr`, and
//! when the peer is gone; ask [`Gossip::poll`] for what to send.

mod peer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tipward_primitives::Timestamp;

use crate::addr::{AddrNetwork, Address};
use crate::banman::BanMan;
use crate::conn::{ConnKind, PeerId};
use crate::pool::{Pool, exponential};
use crate::wire::{AddrEntry, MAX_ADDR, Message, ServiceFlags};
use peer::{Known, PeerState};

/// What we have by hearsay is taken for so much older.
const HEARSAY: Duration = Duration::from_secs(2 * 60 * 60);
/// An entry with an impossible time is taken for so old.
const DOUBTFUL_AGE: u64 = 5 * 24 * 60 * 60;
/// An address seen within this time is fresh enough to be passed on; and no clock is further ahead.
const FRESH: u64 = 10 * 60;
/// A message with more addresses than this is not passed on.
const MAX_RELAYED: usize = 10;
/// Share of all addresses that we show, in percent.
const SHOWN_PERCENT: usize = 23;
/// How long an answer to `getaddr` stays the same at least, and how much longer at most.
const ANSWER_TIME: Duration = Duration::from_secs(21 * 60 * 60);
const ANSWER_TIME_SPREAD: u64 = 6 * 60 * 60;
/// Local addresses with an answer of their own.
const MAX_ANSWERS: usize = 64;
/// Mean time between two messages with addresses to a peer.
const SEND_INTERVAL: Duration = Duration::from_secs(30);
/// Mean time between two announcements of our own address to a peer.
const SELF_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
const DAY: u64 = 24 * 60 * 60;

/// A peer whose handshake is over.
#[derive(Clone, Copy, Debug)]
pub struct GossipPeer {
    /// The other end.
    pub addr: Address,
    /// Our end, if known.
    pub local: Option<Address>,
    /// Our address as its `version` has it.
    pub seen_as: Option<Address>,
    /// Why it exists.
    pub kind: ConnKind,
    /// It sent `sendaddrv2`.
    pub wants_v2: bool,
}

/// Where others can find us.
#[derive(Clone, Debug)]
pub struct OwnAddresses {
    /// Addresses that the user named.
    pub external: Vec<Address>,
    /// Port that we listen on.
    pub port: u16,
    /// What we offer.
    pub services: ServiceFlags,
}

/// What came of a message with addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Entries that were looked at.
    pub processed: usize,
    /// Entries that were dropped because there were too many.
    pub rate_limited: usize,
    /// Entries that took a new place in the address manager.
    pub added: usize,
    /// This was an address fetch, and now it is done.
    pub done: bool,
}

/// What `getpeerinfo` says about a peer's addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GossipStats {
    /// Addresses are exchanged with it.
    pub enabled: bool,
    /// Entries that were looked at.
    pub processed: u64,
    /// Entries that were dropped because there were too many.
    pub rate_limited: u64,
}

#[derive(Debug)]
struct Answer {
    entries: Vec<AddrEntry>,
    until: Timestamp,
}

/// The address gossip with all peers. See the module's documentation.
#[derive(Debug)]
pub struct Gossip {
    secret: [u8; 16],
    rng: ChaCha20Rng,
    peers: BTreeMap<PeerId, PeerState>,
    /// Answers to `getaddr`, by our own address and the network of the asking peer.
    answers: BTreeMap<(Option<Address>, AddrNetwork), Answer>,
    own: Option<OwnAddresses>,
}

impl Gossip {
    /// Its secret and all its choices follow from the seed.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        Self {
            secret: rng.random(),
            rng,
            peers: BTreeMap::new(),
            answers: BTreeMap::new(),
            own: None,
        }
    }

    /// Where others can find us; `None` if we do not listen.
    pub fn set_own(&mut self, own: Option<OwnAddresses>) {
        self.own = own;
    }

    /// A handshake is over. Says whether to send `getaddr`; its answer is then expected.
    pub fn add_peer(&mut self, peer: PeerId, info: GossipPeer, now: Timestamp) -> bool {
        let mut state = PeerState::new(info, now);
        let asks = matches!(
            info.kind,
            ConnKind::OutboundFullRelay | ConnKind::Manual | ConnKind::AddrFetch
        );
        if asks {
            state.enabled = true;
            state.expect_answer();
        }
        self.peers.insert(peer, state);
        asks
    }

    /// A peer is gone.
    pub fn remove_peer(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// Figures about a peer.
    pub fn stats(&self, peer: PeerId) -> GossipStats {
        self.peers
            .get(&peer)
            .map_or_else(Default::default, |p| p.stats())
    }

    /// An `addr` or `addrv2` came.
    pub fn on_addresses(
        &mut self,
        peer: PeerId,
        mut entries: Vec<AddrEntry>,
        pool: &mut Pool,
        bans: &BanMan,
        now: Timestamp,
    ) -> Learned {
        let mut learned = Learned::default();
        let Some(state) = self.peers.get_mut(&peer) else {
            return learned;
        };
        if !state.enable() {
            return learned;
        }
        state.refill(now);
        let total = entries.len();
        let unasked = !state.answer_expected && total <= MAX_RELAYED;
        let (source, kind) = (state.info.addr.host, state.info.kind);
        let now_secs = now.as_secs();

        // Which of too many are read is not for the peer to choose.
        entries.shuffle(&mut self.rng);
        let mut relayed = Vec::new();
        let mut kept = Vec::new();
        for mut entry in entries {
            if !state.take_token() {
                learned.rate_limited += 1;
                continue;
            }
            let useful = entry.services.has(ServiceFlags::NETWORK)
                || entry.services.has(ServiceFlags::NETWORK_LIMITED);
            if !useful {
                continue;
            }
            let time = u64::from(entry.time);
            if time <= 100_000_000 || time > now_secs.saturating_add(FRESH) {
                entry.time = u32::try_from(now_secs.saturating_sub(DOUBTFUL_AGE)).unwrap_or(0);
            }
            state.known.insert(&entry.addr);
            if !bans.allows(&entry.addr.host, now) {
                continue;
            }
            learned.processed += 1;
            let reachable = pool.is_reachable(&entry.addr);
            let fresh = u64::from(entry.time) > now_secs.saturating_sub(FRESH);
            if unasked && fresh && entry.addr.is_routable() {
                relayed.push((entry, reachable));
            }
            if reachable {
                kept.push(entry);
            }
        }
        state.processed += learned.processed as u64;
        state.rate_limited += learned.rate_limited as u64;
        if total < MAX_ADDR {
            state.answer_expected = false;
        }
        learned.added = pool.add_addresses(&kept, source, HEARSAY, now);
        // A single address is only what every node says of itself.
        learned.done = kind == ConnKind::AddrFetch && total > 1;
        for (entry, reachable) in relayed {
            self.relay(peer, entry, reachable, now);
        }
        learned
    }

    /// Passes an address on to one or two peers, the same ones all day long.
    fn relay(&mut self, from: PeerId, entry: AddrEntry, reachable: bool, now: Timestamp) {
        let address = peer::hash(self.secret, &[&entry.addr.key()]);
        // The day turns at another time for every address.
        let day = now.as_secs().wrapping_add(address) / DAY;
        let parts = [address.to_le_bytes(), day.to_le_bytes()];
        let both = reachable || peer::hash(self.secret, &[&parts[0], &parts[1]]) & 1 == 1;
        let mut ranked: Vec<(u64, PeerId)> = self
            .peers
            .iter()
            .filter(|(id, p)| p.enabled && **id != from && p.understands(&entry.addr))
            .map(|(id, _)| {
                let rank = peer::hash(self.secret, &[&parts[0], &parts[1], &id.0.to_le_bytes()]);
                (rank, *id)
            })
            .collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in ranked.into_iter().take(if both { 2 } else { 1 }) {
            if let Some(to) = self.peers.get_mut(&id) {
                to.push(entry, &mut self.rng);
            }
        }
    }

    /// A `getaddr` came. Says whether it is answered; if so, [`Gossip::poll`] will give the answer.
    pub fn on_getaddr(&mut self, peer: PeerId, pool: &mut Pool, now: Timestamp) -> bool {
        let Some(state) = self.peers.get_mut(&peer) else {
            return false;
        };
        if state.info.kind != ConnKind::Inbound || state.asked {
            return false;
        }
        state.enable();
        state.asked = true;
        state.queue.clear();

        let key = (state.info.local, state.info.addr.network());
        if self.answers.len() >= MAX_ANSWERS {
            self.answers.retain(|k, a| *k == key || now < a.until);
        }
        if self.answers.len() >= MAX_ANSWERS && !self.answers.contains_key(&key) {
            self.answers.pop_first();
        }
        let fresh = self.answers.get(&key).is_some_and(|a| now < a.until);
        if !fresh {
            let man = pool.addrman_mut();
            let entries = man.get_addr(MAX_ADDR, SHOWN_PERCENT, None, true, now);
            let spread = self.rng.random_range(0..ANSWER_TIME_SPREAD);
            let until = now + ANSWER_TIME + Duration::from_secs(spread);
            self.answers.insert(key, Answer { entries, until });
        }
        if let Some(answer) = self.answers.get(&key) {
            for entry in &answer.entries {
                state.push(*entry, &mut self.rng);
            }
        }
        true
    }

    /// The next message to send. `synced`: we are near the tip, so that being found makes sense.
    pub fn poll(&mut self, now: Timestamp, synced: bool) -> Option<(PeerId, Message)> {
        let own = self.own.clone().filter(|_| synced);
        for (id, state) in &mut self.peers {
            if !state.enabled {
                continue;
            }
            if let Some(own) = &own
                && now >= state.next_self
            {
                let first = state.next_self == Timestamp::default();
                state.next_self = now + exponential(&mut self.rng, SELF_INTERVAL);
                if let Some(entry) = own.entry_for(&state.info, &mut self.rng, now) {
                    if first && state.understands(&entry.addr) {
                        // On its own, so that it is not what a rate limit drops.
                        return Some((*id, state.message(vec![entry])));
                    }
                    state.known = Known::default();
                    state.push(entry, &mut self.rng);
                }
            }
            if now < state.next_send || state.queue.is_empty() {
                continue;
            }
            state.next_send = now + exponential(&mut self.rng, SEND_INTERVAL);
            let mut entries = std::mem::take(&mut state.queue);
            entries.retain(|e| state.known.insert(&e.addr));
            if !entries.is_empty() {
                return Some((*id, state.message(entries)));
            }
        }
        None
    }

    /// When [`Gossip::poll`] may have something although nothing happened.
    pub fn next_wakeup(&self, synced: bool) -> Option<Timestamp> {
        let announces = synced && self.own.is_some();
        self.peers
            .values()
            .filter(|p| p.enabled)
            .flat_map(|p| {
                let send = (!p.queue.is_empty()).then_some(p.next_send);
                let own = announces.then_some(p.next_self);
                [send, own]
            })
            .flatten()
            .min()
    }
}

impl OwnAddresses {
    /// What to tell a peer of ourselves.
    ///
    /// Our address in a network that hides addresses is told there only, and no other address there, or the two could
    /// be linked. Otherwise an address that the user named comes first; now and then, or if there is none, the peer is
    /// told the address that it sees us by, in case it knows better.
    fn entry_for(
        &self,
        peer: &GossipPeer,
        rng: &mut ChaCha20Rng,
        now: Timestamp,
    ) -> Option<AddrEntry> {
        let network = peer.addr.network();
        let named = self
            .external
            .iter()
            .filter(|a| a.network() == network || !(is_private(a.network()) || is_private(network)))
            .max_by_key(|a| a.network() == network)
            .copied();
        let seen = peer
            .seen_as
            .filter(|a| a.is_routable() && a.network() == network && !is_private(network))
            .map(|a| match peer.kind {
                ConnKind::Inbound => a,
                // It saw the port of an outgoing connection.
                _ => Address {
                    port: self.port,
                    ..a
                },
            });
        let addr = match (named, seen) {
            (Some(named), Some(seen)) => {
                if rng.random_range(0..8) == 0 {
                    seen
                } else {
                    named
                }
            }
            (named, seen) => named.or(seen)?,
        };
        addr.is_routable().then(|| AddrEntry {
            time: u32::try_from(now.as_secs()).unwrap_or(u32::MAX),
            services: self.services,
            addr,
        })
    }
}

const fn is_private(network: AddrNetwork) -> bool {
    !matches!(network, AddrNetwork::Ipv4 | AddrNetwork::Ipv6)
}
