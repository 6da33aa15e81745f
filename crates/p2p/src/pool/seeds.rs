//! Where addresses come from when too few are known.
//!
//! In this order, as in Core: what we know already; the user's seed nodes; DNS seeds; the built-in list.
//!
//! DNS seeds see who asks them and could answer with addresses of their choice, so they are asked only if need be: all
//! at once when no address is known, otherwise three at a time and only after the known addresses have had their chance.
//! A seed is asked for nodes with the services we need (`x9.`, NETWORK and WITNESS); if it does not know how to answer
//! that, or if names go to a proxy, we connect to what its plain name leads to and ask there.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha20Rng;
use tipward_primitives::Timestamp;

use super::{Conns, Pool, PoolConfig, target};
use crate::addr::{Address, Host, NetworkSet};
use crate::addrman::AddrMan;
use crate::conn::{ConnKind, Target};
use crate::wire::{AddrEntry, ServiceFlags};

/// With so many full relay connections nobody needs to be asked.
const ENOUGH_PEERS: usize = 2;
/// DNS seeds that are asked at once if some addresses are known.
const SEEDS_AT_ONCE: usize = 3;
/// With so many addresses, they get a longer chance.
const MANY_ADDRESSES: usize = 1_000;
const WAIT_WITH_MANY: Duration = Duration::from_secs(300);
const WAIT_WITH_FEW: Duration = Duration::from_secs(11);
/// Time for the user's seed nodes before DNS seeds are asked.
const SEED_NODE_TIME: Duration = Duration::from_secs(30);
/// Pause between two of the user's seed nodes.
const SEED_NODE_PAUSE: Duration = Duration::from_secs(10);
/// Time before the built-in list is used.
const FIXED_SEED_TIME: Duration = Duration::from_secs(60);
/// Addresses taken from one answer, so that no seed fills our tables.
const MAX_PER_SEED: usize = 32;
/// Connections for addresses at a time.
const MAX_FETCHES: usize = 2;
const DAY: u64 = 24 * 60 * 60;

/// What we ask seeds for; its number is in the name that is asked for.
fn seed_services() -> ServiceFlags {
    ServiceFlags::NETWORK | ServiceFlags::WITNESS
}

/// What is to be done to get addresses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Connect and ask.
    Fetch(Target),
    /// Ask the name server.
    Resolve(String),
    /// Nothing; they are there.
    FixedSeedsAdded(usize),
}

#[derive(Debug, PartialEq, Eq)]
enum Dns {
    /// The user's seed nodes have until then.
    SeedNodesFirst(Timestamp),
    /// So many seeds are to be asked before the next pause.
    Asking(usize),
    /// The known addresses have until `until`; `check` is when to look whether that was enough.
    Waiting {
        until: Timestamp,
        check: Timestamp,
    },
    Done,
}

#[derive(Debug)]
pub(super) struct Seeds {
    dns: Dns,
    /// Seeds not asked yet.
    names: VecDeque<String>,
    /// Names being resolved, with the plain name of their seed.
    asked: BTreeMap<String, String>,
    seed_nodes: Vec<String>,
    next_seed_node: Option<Timestamp>,
    fetches: VecDeque<Target>,
    fixed: Vec<Address>,
    fixed_due: Option<Timestamp>,
}

impl Seeds {
    pub(super) fn new(config: &PoolConfig, rng: &mut ChaCha20Rng) -> Self {
        let mut names = config.dns_seeds.clone();
        names.shuffle(rng);
        let mut seed_nodes = config.seed_nodes.clone();
        seed_nodes.shuffle(rng);
        Self {
            dns: Dns::Done,
            names: names.into(),
            asked: BTreeMap::new(),
            seed_nodes,
            next_seed_node: None,
            fetches: VecDeque::new(),
            fixed: config.fixed_seeds.clone(),
            fixed_due: None,
        }
    }

    pub(super) fn start(&mut self, now: Timestamp, config: &PoolConfig, known: usize) {
        let nothing_else = config.dns_seeds.is_empty()
            && config.seed_nodes.is_empty()
            && config.add_nodes.is_empty();
        if !self.fixed.is_empty() {
            let time = if nothing_else {
                Duration::ZERO
            } else {
                FIXED_SEED_TIME
            };
            self.fixed_due = Some(now + time);
        }
        if !self.seed_nodes.is_empty() {
            let pause = if known == 0 {
                Duration::ZERO
            } else {
                SEED_NODE_PAUSE
            };
            self.next_seed_node = Some(now + pause);
        }
        self.dns = if self.names.is_empty() {
            Dns::Done
        } else if self.seed_nodes.is_empty() {
            self.ask_all_or_wait(known)
        } else {
            Dns::SeedNodesFirst(now + SEED_NODE_TIME)
        };
    }

    fn ask_all_or_wait(&self, known: usize) -> Dns {
        Dns::Asking(if known == 0 { self.names.len() } else { 0 })
    }

    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        let dns = match self.dns {
            Dns::SeedNodesFirst(until) => Some(until),
            Dns::Waiting { check, .. } => Some(check),
            // Asked for as soon as they are polled.
            Dns::Asking(_) | Dns::Done => None,
        };
        [dns, self.next_seed_node, self.fixed_due]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next name to ask for, without its service prefix.
    fn next_name(&mut self, now: Timestamp, known: usize, peers: usize) -> Option<String> {
        loop {
            match self.dns {
                Dns::Done => return None,
                Dns::SeedNodesFirst(until) => {
                    if peers >= ENOUGH_PEERS && known > 0 {
                        self.dns = Dns::Done;
                    } else if now >= until {
                        self.dns = self.ask_all_or_wait(known);
                    } else {
                        return None;
                    }
                }
                Dns::Waiting { until, check } => {
                    if now < check {
                        return None;
                    }
                    self.dns = if peers >= ENOUGH_PEERS {
                        Dns::Done
                    } else if now >= until {
                        Dns::Asking(SEEDS_AT_ONCE)
                    } else {
                        let check = until.min(now + WAIT_WITH_FEW);
                        Dns::Waiting { until, check }
                    };
                }
                Dns::Asking(0) if known > 0 && !self.names.is_empty() => {
                    let wait = if known >= MANY_ADDRESSES {
                        WAIT_WITH_MANY
                    } else {
                        WAIT_WITH_FEW
                    };
                    self.dns = Dns::Waiting {
                        until: now + wait,
                        check: now + WAIT_WITH_FEW,
                    };
                }
                Dns::Asking(left) => match self.names.pop_front() {
                    Some(name) => {
                        self.dns = Dns::Asking(left.saturating_sub(1));
                        return Some(name);
                    }
                    None => self.dns = Dns::Done,
                },
            }
        }
    }

    /// The next of the user's seed nodes, if its time has come.
    fn next_seed_node(&mut self, now: Timestamp, peers: usize) -> Option<String> {
        if self.next_seed_node.is_none_or(|due| now < due) {
            return None;
        }
        if peers >= ENOUGH_PEERS {
            // Look again later: they may be lost.
            self.next_seed_node = Some(now + SEED_NODE_PAUSE);
            return None;
        }
        let node = self.seed_nodes.pop();
        self.next_seed_node = (!self.seed_nodes.is_empty()).then(|| now + SEED_NODE_PAUSE);
        node
    }

    /// An answer came. Without addresses, the seed's plain name is connected to.
    pub(super) fn resolved(
        &mut self,
        name: &str,
        addrs: &[Address],
        port: u16,
        addrman: &mut AddrMan,
        rng: &mut ChaCha20Rng,
        now: Timestamp,
    ) -> usize {
        let Some(seed) = self.asked.remove(name) else {
            return 0;
        };
        if addrs.is_empty() {
            self.fetches.push_back(target(&seed, port));
            return 0;
        }
        let addrs = &addrs[..addrs.len().min(MAX_PER_SEED)];
        let entries = seed_entries(addrs, rng, now, 3..7);
        addrman.add(&entries, Host::named(name), Duration::ZERO, now)
    }

    /// Adds what the built-in list has for networks of which we know no address, once its time has come.
    fn add_fixed(
        &mut self,
        reachable: NetworkSet,
        addrman: &mut AddrMan,
        rng: &mut ChaCha20Rng,
        now: Timestamp,
    ) -> Option<usize> {
        if self.fixed_due.is_none_or(|due| now < due) {
            return None;
        }
        let empty = |a: &Address| {
            reachable.contains(a.network()) && addrman.counts(a.network()).total() == 0
        };
        let wanted: Vec<_> = self.fixed.iter().copied().filter(empty).collect();
        self.fixed_due = None;
        if wanted.is_empty() {
            return None;
        }
        let entries = seed_entries(&wanted, rng, now, 7..14);
        Some(addrman.add(&entries, Host::named("fixed seeds"), Duration::ZERO, now))
    }
}

/// Addresses of seeds are taken for some days old, so that anything fresher comes first.
fn seed_entries(
    addrs: &[Address],
    rng: &mut ChaCha20Rng,
    now: Timestamp,
    days: std::ops::Range<u64>,
) -> Vec<AddrEntry> {
    addrs
        .iter()
        .map(|addr| {
            let age = rng.random_range(days.start * DAY..days.end * DAY);
            let seen = now.as_secs().saturating_sub(age);
            AddrEntry {
                time: u32::try_from(seen).unwrap_or(u32::MAX),
                services: seed_services(),
                addr: *addr,
            }
        })
        .collect()
}

impl Pool {
    /// What to do to get addresses, if they are needed.
    pub(super) fn poll_seeds(&mut self, now: Timestamp) -> Option<Wish> {
        let (known, peers) = (self.addrman.len(), self.full_relay_ready());
        let port = self.config.default_port;
        if let Some(node) = self.seeds.next_seed_node(now, peers) {
            self.seeds.fetches.push_back(target(&node, port));
        }
        if let Some(name) = self.seeds.next_name(now, known, peers) {
            if !self.config.name_proxy {
                let asked = format!("x{:x}.{name}", seed_services().to_u64());
                self.seeds.asked.insert(asked.clone(), name);
                return Some(Wish::Resolve(asked));
            }
            self.seeds.fetches.push_back(target(&name, port));
        }
        let reachable = self.config.reachable;
        if let Some(count) = self
            .seeds
            .add_fixed(reachable, &mut self.addrman, &mut self.rng, now)
        {
            self.automatic.look_again();
            return Some(Wish::FixedSeedsAdded(count));
        }
        if fetching(&self.conns) < MAX_FETCHES {
            return self.seeds.fetches.pop_front().map(Wish::Fetch);
        }
        None
    }
}

fn fetching(conns: &Conns) -> usize {
    conns
        .values()
        .filter(|c| c.kind == ConnKind::AddrFetch)
        .count()
}
