//! The address manager: which addresses of nodes we know, and which of them to trust with a connection.
//!
//! # The problem
//! Anybody can tell us any number of addresses. If those of one party fill our tables, that party ends up with all of
//! our connections and can show us whatever chain it likes (an eclipse attack).
//!
//! # The tables
//! As in Bitcoin Core. Addresses live in two tables of buckets with 64 places each.
//!
//! - **new**, 1024 buckets: heard of, not yet reached. The bucket follows from the *network group of the source* and the
//!   group of the address, and one source group comes to 64 buckets at most: whoever floods us from few places displaces
//!   little but itself. An address that many sources name may stand in up to 8 buckets.
//! - **tried**, 256 buckets: we have been connected to a node there. One network group comes to 8 buckets at most.
//!
//! Which bucket and which place is decided by a keyed hash, so that nobody outside knows what collides with what. An
//! address that would displace another in *tried* waits until a short connection (a feeler) has shown whether the old one
//! is still alive: a reachable node is never displaced by newer ones.
//!
//! # Correctness
//! [`Tables`](tables::Tables) alone changes the tables; an entry is either in *tried* once, or in *new* as often as its
//! reference count says, never both and never neither.
//!
//! Memory: at most 81,920 places, one entry each or less.

mod entry;
mod file;
mod places;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tipward_primitives::Timestamp;

use crate::addr::{AddrNetwork, Address, Host, NetworkSet};
use crate::sealed::LoadError;
use crate::wire::{AddrEntry, ServiceFlags};
use tables::{BUCKET_SIZE, Tables};

/// At most so many addresses wait for a feeler to test what they would displace from *tried*.
const MAX_COLLISIONS: usize = 10;
/// An address of *tried* with a success more recent than this is not displaced.
const REPLACEMENT: Duration = Duration::from_secs(4 * 60 * 60);
/// How long a collision may wait for its test.
const TEST_WINDOW: Duration = Duration::from_secs(40 * 60);
/// An attempt gets so long before it counts as failed.
const ATTEMPT_TIME: Duration = Duration::from_secs(60);

/// An address to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The address.
    pub addr: Address,
    /// What is said to be offered there.
    pub services: ServiceFlags,
    /// When we last tried to connect; the epoch if never.
    pub last_try: Timestamp,
}

/// How many addresses there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not yet reached.
    pub new: usize,
    /// Reached at least once.
    pub tried: usize,
}

impl Counts {
    /// Of both kinds.
    pub const fn total(self) -> usize {
        self.new + self.tried
    }
}

/// The address manager. See the module's documentation.
#[derive(Debug)]
pub struct AddrMan {
    tables: Tables,
    rng: ChaCha20Rng,
    /// Addresses of *new* that would displace one of *tried*. One that is forgotten meanwhile is dropped when it comes up.
    collisions: BTreeSet<Address>,
    /// When we last connected to anybody: failures while we are offline ourselves count against nobody.
    last_good: Timestamp,
}

impl AddrMan {
    /// An empty one. The secret key of its tables and all its choices follow from the seed.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let key = rng.random();
        Self::with_tables(Tables::new(key), rng)
    }

    fn with_tables(tables: Tables, rng: ChaCha20Rng) -> Self {
        Self {
            tables,
            rng,
            collisions: BTreeSet::new(),
            last_good: Timestamp::from_secs(1),
        }
    }

    /// Adds addresses that `source` told us. Says how many of them took a new place in the *new* table.
    ///
    /// `penalty` is taken off the time at which each was seen, for we have it by hearsay; not off what a node says of
    /// itself.
    pub fn add(
        &mut self,
        entries: &[AddrEntry],
        source: Host,
        penalty: Duration,
        now: Timestamp,
    ) -> usize {
        entries
            .iter()
            .filter(|e| self.add_one(e, source, penalty, now))
            .count()
    }

    fn add_one(
        &mut self,
        heard: &AddrEntry,
        source: Host,
        penalty: Duration,
        now: Timestamp,
    ) -> bool {
        if !heard.addr.is_routable() {
            return false;
        }
        let penalty = if heard.addr.host == source {
            Duration::ZERO
        } else {
            penalty
        };
        let seen = Timestamp::from_secs(heard.time.into());
        let id = match self.tables.find(&heard.addr) {
            Some(id) => {
                let entry = self.tables.get_mut(id);
                if !entry.hear_again(seen, heard.services, penalty, now) {
                    return false;
                }
                // Each further place is twice as hard to get as the one before.
                let refs = entry.refs;
                if refs > 0 && self.rng.random_range(0..1u32 << refs) != 0 {
                    return false;
                }
                id
            }
            None => self
                .tables
                .create(heard.addr, heard.services, source, seen - penalty),
        };
        self.tables.place_new(id, source, now)
    }

    /// A connection to this address stands and the handshake is over. Says whether the address moved to *tried*.
    pub fn good(&mut self, addr: &Address, now: Timestamp) -> bool {
        self.good_or_collide(addr, true, now)
    }

    fn good_or_collide(&mut self, addr: &Address, test_first: bool, now: Timestamp) -> bool {
        self.last_good = now;
        let Some(id) = self.tables.find(addr) else {
            return false;
        };
        let entry = self.tables.get_mut(id);
        entry.last_success = now;
        entry.last_try = now;
        entry.attempts = 0;
        // The time it was last seen stays as it is: changing it would tell others whom we are connected to.
        if entry.tried {
            return false;
        }
        if test_first && self.tables.tried_occupant(id).is_some() {
            if self.collisions.len() < MAX_COLLISIONS {
                self.collisions.insert(*addr);
            }
            return false;
        }
        self.tables.move_to_tried(id);
        true
    }

    /// We try to connect. The failure counts if we have been connected to somebody since the last one that counted.
    pub fn attempt(&mut self, addr: &Address, count_failure: bool, now: Timestamp) {
        let last_good = self.last_good;
        if let Some(id) = self.tables.find(addr) {
            let entry = self.tables.get_mut(id);
            entry.last_try = now;
            if count_failure && entry.last_counted_attempt < last_good {
                entry.last_counted_attempt = now;
                entry.attempts = entry.attempts.saturating_add(1);
            }
        }
    }

    /// We were connected to this address until now. To be called when a connection *ends*: what is gossiped must not
    /// show whom we are connected to.
    pub fn connected(&mut self, addr: &Address, now: Timestamp) {
        const UPDATE_INTERVAL: Duration = Duration::from_secs(20 * 60);
        if let Some(id) = self.tables.find(addr) {
            let entry = self.tables.get_mut(id);
            if now.since(entry.seen) > UPDATE_INTERVAL {
                entry.seen = now;
            }
        }
    }

    /// A node said itself what it offers.
    pub fn set_services(&mut self, addr: &Address, services: ServiceFlags) {
        if let Some(id) = self.tables.find(addr) {
            self.tables.get_mut(id).services = services;
        }
    }

    /// Picks an address of one of `networks` to connect to; from *new* and *tried* alike unless `new_only`. Addresses
    /// that failed of late are less likely.
    pub fn select(
        &mut self,
        new_only: bool,
        networks: NetworkSet,
        now: Timestamp,
    ) -> Option<Candidate> {
        let (mut new, mut tried) = (0, 0);
        for network in networks.iter() {
            let counts = self.tables.counts(network);
            new += counts.new;
            tried += counts.tried;
        }
        let search_tried = match (new, tried) {
            (0, 0) => return None,
            (_, 0) => false,
            (0, _) if new_only => return None,
            (0, _) => true,
            _ => !new_only && self.rng.random(),
        };

        // There is an entry, so this ends: every round may come to it, and the factor grows.
        let mut factor = 1.0;
        loop {
            let bucket = self.rng.random_range(0..Tables::buckets(search_tried));
            let start = self.rng.random_range(0..BUCKET_SIZE);
            if self.tables.is_bucket_empty(search_tried, bucket) {
                continue;
            }
            let found = (0..BUCKET_SIZE)
                .filter_map(|i| {
                    let place = (start + i) % BUCKET_SIZE;
                    self.tables.occupant(search_tried, bucket, place)
                })
                .map(|id| self.tables.get(id))
                .find(|e| networks.contains(e.addr.network()));
            let Some(entry) = found else { continue };
            if self.rng.random::<f64>() < factor * entry.chance(now) {
                return Some(entry.candidate());
            }
            factor *= 1.2;
        }
    }

    /// An address of *tried* that another one waits to displace: to be tested by a feeler.
    pub fn select_tried_collision(&mut self) -> Option<Candidate> {
        if self.collisions.is_empty() {
            return None;
        }
        let nth = self.rng.random_range(0..self.collisions.len());
        let addr = *self.collisions.iter().nth(nth)?;
        let Some(id) = self.tables.find(&addr) else {
            self.collisions.remove(&addr);
            return None;
        };
        let occupant = self.tables.tried_occupant(id)?;
        Some(self.tables.get(occupant).candidate())
    }

    /// Settles the collisions whose test is over: an address that could be reached stays, one that could not goes back
    /// to *new* and makes room.
    pub fn resolve_collisions(&mut self, now: Timestamp) {
        for addr in std::mem::take(&mut self.collisions) {
            let Some(id) = self.tables.find(&addr) else {
                continue;
            };
            let waiting = self.tables.get(id);
            if waiting.tried {
                continue;
            }
            let replace = match self.tables.tried_occupant(id) {
                None => Some(true),
                Some(occupant) => {
                    let old = self.tables.get(occupant);
                    if now.since(old.last_success) < REPLACEMENT {
                        Some(false)
                    } else if now.since(old.last_try) < REPLACEMENT {
                        (now.since(old.last_try) > ATTEMPT_TIME).then_some(true)
                    } else {
                        (now.since(waiting.last_success) > TEST_WINDOW).then_some(true)
                    }
                }
            };
            match replace {
                None => {
                    self.collisions.insert(addr);
                }
                Some(true) => {
                    self.good_or_collide(&addr, false, now);
                }
                Some(false) => {}
            }
        }
    }

    /// A random sample: at most `max` addresses (0: no limit) and at most `max_percent` of all (0: no limit), of one
    /// network or of any. `filtered` leaves out those that are not worth passing on.
    pub fn get_addr(
        &mut self,
        max: usize,
        max_percent: usize,
        network: Option<AddrNetwork>,
        filtered: bool,
        now: Timestamp,
    ) -> Vec<AddrEntry> {
        let known = self.tables.len();
        let mut wanted = match max_percent {
            0 => known,
            percent => known * percent.min(100) / 100,
        };
        if max != 0 {
            wanted = wanted.min(max);
        }
        let mut out = Vec::with_capacity(wanted);
        for n in 0..known {
            if out.len() >= wanted {
                break;
            }
            let pick = self.rng.random_range(n..known);
            let entry = self.tables.draw(n, pick);
            if network.is_some_and(|net| net != entry.addr.network())
                || (filtered && entry.is_terrible(now))
            {
                continue;
            }
            out.push(AddrEntry {
                time: u32::try_from(entry.seen.as_secs()).unwrap_or(u32::MAX),
                services: entry.services,
                addr: entry.addr,
            });
        }
        out
    }

    /// How many addresses of one network are known.
    pub fn counts(&self, network: AddrNetwork) -> Counts {
        self.tables.counts(network)
    }

    /// How many addresses are known.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether no address is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this address is known, and whether it is in *tried*.
    pub fn is_tried(&self, addr: &Address) -> Option<bool> {
        Some(self.tables.get(self.tables.find(addr)?).tried)
    }

    /// Everything worth keeping, as bytes for a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(&self.tables)
    }

    /// What [`AddrMan::to_bytes`] gave. The seed decides the choices from here on; the key of the tables is in the file.
    ///
    /// # Errors
    /// If the bytes are damaged or of another version: start with an empty one, and say so.
    pub fn from_bytes(bytes: &[u8], seed: [u8; 32]) -> Result<Self, LoadError> {
        let tables = file::read(bytes)?;
        Ok(Self::with_tables(tables, ChaCha20Rng::from_seed(seed)))
    }
}
