//! Connections that the pool opens by itself.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use tipward_primitives::Timestamp;

use super::{Pool, PoolConfig, Stage, exponential};
use crate::addr::{AddrNetwork, Address};
use crate::addrman::Candidate;
use crate::banman::BanMan;
use crate::conn::{ConnKind, Target};
use crate::netgroup::NetGroup;
use crate::wire::ServiceFlags;

/// Mean time between two feelers.
const FEELER_INTERVAL: Duration = Duration::from_secs(120);
/// Mean time between two extra block-relay-only connections.
const EXTRA_BLOCK_RELAY_INTERVAL: Duration = Duration::from_secs(300);
/// Pause per failure in a row: the first connections come at once, a node that is offline does not spin.
const PAUSE_PER_FAILURE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Pause when no address will do; it doubles as long as nothing changes.
const FIRST_FRUITLESS_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_FRUITLESS_PAUSE: Duration = Duration::from_secs(16);
/// Addresses looked at before giving up for now.
const MAX_TRIES: usize = 100;
/// Looked at before one that was just tried is tried again.
const TRIES_BEFORE_RECENT: usize = 30;
/// Looked at before a port of another service is accepted.
const TRIES_BEFORE_BAD_PORT: usize = 50;
const RECENT: Duration = Duration::from_secs(600);

/// When what is to be opened.
#[derive(Debug)]
pub(super) struct Automatic {
    anchors: VecDeque<Address>,
    /// No attempt before this time, because of late they fail.
    rest_until: Timestamp,
    failures: u32,
    /// No search before this time, because the last one found nothing.
    search_at: Timestamp,
    fruitless_pause: Duration,
    next_feeler: Timestamp,
    next_extra_block_relay: Timestamp,
    pub(super) stale_tip: bool,
}

impl Automatic {
    pub(super) fn new(config: &PoolConfig) -> Self {
        Self {
            anchors: config.anchors.iter().copied().collect(),
            rest_until: Timestamp::default(),
            failures: 0,
            search_at: Timestamp::default(),
            fruitless_pause: FIRST_FRUITLESS_PAUSE,
            next_feeler: Timestamp::default(),
            next_extra_block_relay: Timestamp::default(),
            stale_tip: false,
        }
    }

    pub(super) fn start(&mut self, now: Timestamp, rng: &mut ChaCha20Rng) {
        self.next_feeler = now + exponential(rng, FEELER_INTERVAL);
        self.next_extra_block_relay = now + exponential(rng, EXTRA_BLOCK_RELAY_INTERVAL);
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(super) fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.rest(now);
        self.look_again();
    }

    /// The pause after an attempt and after its failure.
    fn rest(&mut self, now: Timestamp) {
        let pause = PAUSE_PER_FAILURE.saturating_mul(self.failures);
        self.rest_until = now + pause.min(LONGEST_PAUSE);
    }

    /// Something changed: a search that was fruitless may not be any more.
    pub(super) fn look_again(&mut self) {
        self.fruitless_pause = FIRST_FRUITLESS_PAUSE;
        self.search_at = Timestamp::default();
    }

    fn fruitless(&mut self, now: Timestamp) {
        self.search_at = now + self.fruitless_pause;
        self.fruitless_pause = (self.fruitless_pause * 2).min(LONGEST_FRUITLESS_PAUSE);
    }

    fn soonest(&self) -> Timestamp {
        self.rest_until.max(self.search_at)
    }
}

/// What the connections that stand leave to choose from.
struct Taken {
    /// Network groups of IP addresses. Groups of other networks are random and say nothing about who owns an address.
    groups: BTreeSet<NetGroup>,
    /// Lasting connections to other networks.
    others: usize,
}

impl Pool {
    /// An address to connect to and why, if there is room and it is time.
    pub(super) fn poll_automatic(
        &mut self,
        now: Timestamp,
        bans: &BanMan,
    ) -> Option<(Address, ConnKind)> {
        if now < self.automatic.soonest() {
            return None;
        }
        let taken = self.taken(Stage::Opening);
        while self.count(ConnKind::BlockRelayOnly) < self.config.block_relay {
            let Some(anchor) = self.automatic.anchors.pop_front() else {
                break;
            };
            if self.is_open_to(&anchor, bans, now) && !taken.groups.contains(&group(&anchor)) {
                return Some((anchor, ConnKind::BlockRelayOnly));
            }
        }
        if self.addrman.is_empty() {
            return None;
        }
        let kind = self.kind_wanted(now)?;
        match kind {
            ConnKind::Feeler => {
                let pause = exponential(&mut self.rng, FEELER_INTERVAL);
                self.automatic.next_feeler = now + pause;
            }
            ConnKind::BlockRelayOnly if self.slots_are_full() => {
                let pause = exponential(&mut self.rng, EXTRA_BLOCK_RELAY_INTERVAL);
                self.automatic.next_extra_block_relay = now + pause;
            }
            _ => {}
        }
        self.addrman.resolve_collisions(now);
        let found = self.choose(kind, &taken, bans, now);
        match found {
            Some(_) => self.automatic.rest(now),
            None => self.automatic.fruitless(now),
        }
        Some((found?, kind))
    }

    fn slots_are_full(&self) -> bool {
        self.count(ConnKind::OutboundFullRelay) >= self.config.full_relay
            && self.count(ConnKind::BlockRelayOnly) >= self.config.block_relay
    }

    /// Room beyond the slots, for one connection at a time.
    fn has_extra_room(&self) -> bool {
        let slots = self.config.full_relay + self.config.block_relay;
        let used = [
            ConnKind::OutboundFullRelay,
            ConnKind::BlockRelayOnly,
            ConnKind::Feeler,
        ];
        slots > 0 && used.into_iter().map(|k| self.count(k)).sum::<usize>() <= slots
    }

    fn kind_wanted(&self, now: Timestamp) -> Option<ConnKind> {
        if self.count(ConnKind::OutboundFullRelay) < self.config.full_relay {
            return Some(ConnKind::OutboundFullRelay);
        }
        if self.count(ConnKind::BlockRelayOnly) < self.config.block_relay {
            return Some(ConnKind::BlockRelayOnly);
        }
        if !self.has_extra_room() {
            return None;
        }
        if self.automatic.stale_tip && self.config.full_relay > 0 {
            return Some(ConnKind::OutboundFullRelay);
        }
        let extra_block_relay = self.near_tip && self.config.block_relay > 0;
        if extra_block_relay && now >= self.automatic.next_extra_block_relay {
            return Some(ConnKind::BlockRelayOnly);
        }
        (now >= self.automatic.next_feeler).then_some(ConnKind::Feeler)
    }

    pub(super) fn automatic_wakeup(&self) -> Option<Timestamp> {
        let anchors_wanted = !self.automatic.anchors.is_empty()
            && self.count(ConnKind::BlockRelayOnly) < self.config.block_relay;
        if self.addrman.is_empty() && !anchors_wanted {
            return None;
        }
        let soonest = self.automatic.soonest();
        if !self.slots_are_full() {
            return Some(soonest);
        }
        if !self.has_extra_room() {
            return None;
        }
        if self.automatic.stale_tip && self.config.full_relay > 0 {
            return Some(soonest);
        }
        let mut next = self.automatic.next_feeler;
        if self.near_tip && self.config.block_relay > 0 {
            next = next.min(self.automatic.next_extra_block_relay);
        }
        Some(next.max(soonest))
    }

    /// What our lasting outbound connections of at least this stage take. Inbound connections do not count: making them
    /// is free, and an attacker could make them to keep us from others. Nor do short ones.
    fn taken(&self, stage: Stage) -> Taken {
        let mut taken = Taken {
            groups: BTreeSet::new(),
            others: 0,
        };
        for conn in self.conns.values().filter(|c| c.stage >= stage) {
            let lasting = matches!(
                conn.kind,
                ConnKind::Manual | ConnKind::OutboundFullRelay | ConnKind::BlockRelayOnly
            );
            let Some(addr) = conn.addr.filter(|_| lasting) else {
                continue;
            };
            if is_ip(&addr) {
                taken.groups.insert(group(&addr));
            } else {
                taken.others += 1;
            }
        }
        taken
    }

    /// Whether a failure to connect says something about the other end: connections to two different places stand.
    pub(super) fn is_surely_online(&self) -> bool {
        let taken = self.taken(Stage::Open);
        let slots = self.config.full_relay + self.config.block_relay;
        taken.groups.len() + taken.others >= slots.saturating_sub(1).min(2)
    }

    fn is_connected_to(&self, addr: &Address) -> bool {
        self.conns.values().any(|c| c.addr == Some(*addr))
    }

    fn is_open_to(&self, addr: &Address, bans: &BanMan, now: Timestamp) -> bool {
        addr.is_valid()
            && self.config.reachable.contains(addr.network())
            && bans.allows(&addr.host, now)
            && !self.is_connected_to(addr)
            // The user's own choices keep the protection that such connections have.
            && !self.manual.contains(&Target::Addr(*addr))
    }

    fn choose(
        &mut self,
        kind: ConnKind,
        taken: &Taken,
        bans: &BanMan,
        now: Timestamp,
    ) -> Option<Address> {
        let feeler = kind == ConnKind::Feeler;
        for tries in 1..=MAX_TRIES {
            let candidate = if feeler {
                self.feeler_candidate(now)?
            } else {
                let reachable = self.config.reachable;
                self.addrman.select(false, reachable, now)?
            };
            let Candidate { addr, services, .. } = candidate;
            let group_taken = !feeler && is_ip(&addr) && taken.groups.contains(&group(&addr));
            let too_soon = tries < TRIES_BEFORE_RECENT && now.since(candidate.last_try) < RECENT;
            // A feeler only asks whether there is a node that knows addresses.
            let useful = if feeler {
                services.has(ServiceFlags::NETWORK) || services.has(ServiceFlags::NETWORK_LIMITED)
            } else {
                self.has_desirable_services(services)
            };
            let bad_port = tries < TRIES_BEFORE_BAD_PORT && is_ip(&addr) && is_bad_port(addr.port);
            if !group_taken && !too_soon && useful && !bad_port && self.is_open_to(&addr, bans, now)
            {
                return Some(addr);
            }
        }
        None
    }

    /// An address of *tried* that another waits to displace, or else a new one.
    fn feeler_candidate(&mut self, now: Timestamp) -> Option<Candidate> {
        if let Some(tested) = self.addrman.select_tried_collision() {
            if !self.is_connected_to(&tested.addr) {
                return Some(tested);
            }
            // We see that it is alive.
            self.addrman.good(&tested.addr, now);
        }
        self.addrman.select(true, self.config.reachable, now)
    }
}

fn group(addr: &Address) -> NetGroup {
    NetGroup::of(&addr.host)
}

fn is_ip(addr: &Address) -> bool {
    matches!(addr.network(), AddrNetwork::Ipv4 | AddrNetwork::Ipv6)
}

/// Ports on which some other service is likely. Nodes must not be made to knock at strangers' doors by gossip that says
/// there is a node: they would be taken for attackers.
fn is_bad_port(port: u16) -> bool {
    matches!(
        port,
        // System services, telephony, file sharing, databases, remote desktops, chat, caches.
        0..=1023
            | 1080
            | 1194
            | 1433
            | 1521
            | 1719..=1723
            | 1883
            | 2049
            | 2375..=2376
            | 3128
            | 3306
            | 3389
            | 3478
            | 3659
            | 4045
            | 4190
            | 5060..=5061
            | 5222
            | 5432
            | 5672
            | 5900..=5901
            | 6000
            | 6379
            | 6566
            | 6665..=6669
            | 6697
            | 8000
            | 8080
            | 8443
            | 9100
            | 9200
            | 10080
            | 11211
            | 27017
    )
}
