use std::net::Ipv4Addr;

use super::*;
use crate::addr::NetworkSet;
use crate::addrman::AddrMan;
use crate::pool::PoolConfig;

const SECOND: Duration = Duration::from_secs(1);

struct Lab {
    gossip: Gossip,
    pool: Pool,
    bans: BanMan,
    now: Timestamp,
}

fn nth(n: u16) -> Address {
    let [a, b] = n.to_be_bytes();
    Address::new(Ipv4Addr::new(20 + a, b, 1, 1), 8333)
}

fn onion(n: u8) -> Address {
    Address {
        host: crate::addr::Host::TorV3([n; 32]),
        port: 8333,
    }
}

impl Lab {
    fn new() -> Self {
        let config = PoolConfig {
            reachable: NetworkSet::CLEARNET,
            ..PoolConfig::default()
        };
        Self {
            gossip: Gossip::new([2; 32]),
            pool: Pool::new(config, AddrMan::new([1; 32]), [1; 32]),
            bans: BanMan::new(),
            now: Timestamp::from_secs(1_700_000_000),
        }
    }

    fn entry(&self, addr: Address) -> AddrEntry {
        AddrEntry {
            time: self.now.as_secs() as u32,
            services: ServiceFlags::NETWORK,
            addr,
        }
    }

    fn join(&mut self, peer: u64, kind: ConnKind) -> bool {
        let info = GossipPeer {
            addr: nth(5_000 + peer as u16),
            local: Some(nth(9_000)),
            seen_as: None,
            kind,
            wants_v2: true,
        };
        self.gossip.add_peer(PeerId(peer), info, self.now)
    }

    fn hear(&mut self, peer: u64, entries: Vec<AddrEntry>) -> Learned {
        let (pool, bans) = (&mut self.pool, &self.bans);
        self.gossip
            .on_addresses(PeerId(peer), entries, pool, bans, self.now)
    }

    fn hear_range(&mut self, peer: u64, range: std::ops::Range<u16>) -> Learned {
        let entries = range.map(|n| self.entry(nth(n))).collect();
        self.hear(peer, entries)
    }

    /// Whatever is to be sent within an hour.
    fn sent(&mut self) -> Vec<(u64, Vec<Address>)> {
        self.wait(SECOND * 3_600);
        let mut out = Vec::new();
        while let Some((peer, message)) = self.gossip.poll(self.now, true) {
            let (Message::Addr(entries) | Message::AddrV2(entries)) = message else {
                panic!("not addresses");
            };
            out.push((peer.0, entries.iter().map(|e| e.addr).collect()));
            assert!(out.len() < 1_000);
        }
        if let Some(at) = self.gossip.next_wakeup(true) {
            assert!(at > self.now, "it wants to be asked again at once");
        }
        out
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
    }
}

#[test]
fn a_peer_may_tell_one_address_in_ten_seconds() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::Inbound);
    let learned = lab.hear_range(1, 0..50);
    assert_eq!((learned.processed, learned.rate_limited), (1, 49));
    lab.wait(SECOND * 100);
    let learned = lab.hear_range(1, 0..50);
    assert_eq!((learned.processed, learned.rate_limited), (10, 40));
    let stats = lab.gossip.stats(PeerId(1));
    assert_eq!((stats.processed, stats.rate_limited), (11, 89));
}

#[test]
fn what_can_be_saved_up_is_bounded() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::Inbound);
    lab.wait(SECOND * 1_000_000);
    assert_eq!(lab.hear_range(1, 0..1_000).rate_limited, 0);
    assert_eq!(lab.hear_range(1, 0..1_000).processed, 0);
}

#[test]
fn the_answer_to_getaddr_may_be_large_and_is_not_passed_on() {
    let mut lab = Lab::new();
    assert!(lab.join(1, ConnKind::OutboundFullRelay));
    lab.join(2, ConnKind::OutboundFullRelay);
    let learned = lab.hear_range(1, 0..1_000);
    assert_eq!(learned.rate_limited, 0);
    assert!(learned.added > 200);
    // Nor the end of the answer, however short.
    lab.hear_range(1, 1_000..1_001);
    assert_eq!(lab.sent(), []);
    // The answer is over; what comes now nobody asked for.
    lab.hear_range(1, 2_000..2_001);
    assert_eq!(lab.sent(), [(2, vec![nth(2_000)])]);
}

#[test]
fn a_fresh_address_goes_to_two_peers_and_the_same_ones_when_it_is_repeated() {
    let mut lab = Lab::new();
    for peer in 1..=20 {
        lab.join(peer, ConnKind::OutboundFullRelay);
        lab.hear(peer, vec![]);
    }
    lab.hear_range(1, 7..8);
    let first = lab.sent();
    assert_eq!(first.len(), 2);
    assert!(
        first
            .iter()
            .all(|(peer, addrs)| *peer != 1 && *addrs == [nth(7)])
    );
    // They know it now, so it goes nowhere, whoever repeats it.
    let other = (2..=20).find(|p| first.iter().all(|f| f.0 != *p)).unwrap();
    lab.hear_range(1, 7..8);
    lab.hear_range(other, 7..8);
    assert_eq!(lab.sent(), []);
}

#[test]
fn large_or_old_or_unroutable_messages_are_not_passed_on() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::OutboundFullRelay);
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.hear(1, vec![]);
    lab.hear_range(1, 0..11);
    let mut old = lab.entry(nth(100));
    old.time -= 601;
    lab.hear(1, vec![old]);
    let local = lab.entry("192.168.1.1:8333".parse().unwrap());
    lab.hear(1, vec![local]);
    assert_eq!(lab.sent(), []);
}

#[test]
fn an_address_that_we_cannot_reach_is_passed_on_but_not_kept() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::OutboundFullRelay);
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.hear(1, vec![]);
    let entry = lab.entry(onion(3));
    assert_eq!(lab.hear(1, vec![entry]).added, 0);
    assert_eq!(lab.sent(), [(2, vec![onion(3)])]);
}

#[test]
fn a_peer_without_addrv2_is_not_told_what_it_cannot_read() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::OutboundFullRelay);
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.gossip.peers.get_mut(&PeerId(2)).unwrap().info.wants_v2 = false;
    lab.hear(1, vec![]);
    let entry = lab.entry(onion(3));
    lab.hear(1, vec![entry]);
    assert_eq!(lab.sent(), []);
}

#[test]
fn with_block_relay_only_peers_no_address_is_exchanged() {
    let mut lab = Lab::new();
    assert!(!lab.join(1, ConnKind::BlockRelayOnly));
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.hear(2, vec![]);
    assert_eq!(lab.hear_range(1, 0..1), Learned::default());
    lab.hear_range(2, 3..4);
    assert_eq!(lab.sent(), []);
    assert!(!lab.gossip.stats(PeerId(1)).enabled);
}

#[test]
fn an_inbound_peer_that_never_spoke_of_addresses_is_told_none() {
    let mut lab = Lab::new();
    assert!(!lab.join(1, ConnKind::Inbound));
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.hear(2, vec![]);
    lab.hear_range(2, 3..4);
    assert_eq!(lab.sent(), []);
}

fn knowing(count: u16) -> Lab {
    let mut lab = Lab::new();
    for n in 0..count {
        let entry = lab.entry(nth(n));
        let now = lab.now;
        lab.pool
            .add_addresses(&[entry], nth(n).host, Duration::ZERO, now);
    }
    lab
}

#[test]
fn getaddr_is_answered_once_to_inbound_peers_with_a_sample_that_stays_the_same_for_a_day() {
    let mut lab = knowing(1_000);
    for peer in 1..=3 {
        lab.join(peer, ConnKind::Inbound);
    }
    lab.join(4, ConnKind::OutboundFullRelay);
    let now = lab.now;
    let mut ask = |peer, now| lab.gossip.on_getaddr(PeerId(peer), &mut lab.pool, now);
    assert!(ask(1, now));
    assert!(!ask(1, now), "only once");
    assert!(!ask(4, now), "not an outbound peer");
    assert!(ask(2, now + SECOND * 3_600));
    let answers = lab.sent();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].1.len(), lab.pool.addrman().len() * 23 / 100);
    assert_eq!(answers[0].1, answers[1].1);

    let later = now + SECOND * 28 * 3_600;
    assert!(lab.gossip.on_getaddr(PeerId(3), &mut lab.pool, later));
    lab.now = later;
    assert_ne!(lab.sent()[0].1, answers[0].1);
}

#[test]
fn an_address_fetch_is_done_when_more_than_one_address_came() {
    let mut lab = Lab::new();
    assert!(lab.join(1, ConnKind::AddrFetch));
    assert!(!lab.hear_range(1, 0..1).done, "what a node says of itself");
    assert!(lab.hear_range(1, 0..5).done);
}

#[test]
fn banned_addresses_are_neither_kept_nor_passed_on() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::OutboundFullRelay);
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.hear(1, vec![]);
    lab.bans.discourage(nth(0).host);
    assert_eq!(lab.hear_range(1, 0..1).processed, 0);
    assert_eq!(lab.sent(), []);
    assert!(lab.pool.addrman().is_empty());
}

#[test]
fn we_tell_where_we_are_when_we_listen_and_are_synced() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::OutboundFullRelay);
    assert_eq!(lab.sent(), []);
    lab.gossip.set_own(Some(OwnAddresses {
        external: vec![onion(1), nth(77)],
        port: 8333,
        services: ServiceFlags::NETWORK,
    }));
    assert_eq!(lab.gossip.poll(lab.now, false), None);
    assert_eq!(lab.sent(), [(1, vec![nth(77)])], "never the onion address");
    assert_eq!(lab.sent(), [], "again in about a day");
    lab.wait(SECOND * 86_400 * 20);
    let mut again = lab.sent();
    again.extend(lab.sent());
    assert_eq!(again, [(1, vec![nth(77)])]);
}

#[test]
fn without_a_named_address_a_peer_is_told_what_it_sees() {
    let mut lab = Lab::new();
    lab.gossip.set_own(Some(OwnAddresses {
        external: vec![],
        port: 18_444,
        services: ServiceFlags::NETWORK,
    }));
    lab.join(1, ConnKind::OutboundFullRelay);
    assert_eq!(lab.sent(), []);
    lab.join(2, ConnKind::OutboundFullRelay);
    let seen = Address {
        port: 50_000,
        ..nth(3)
    };
    lab.gossip.peers.get_mut(&PeerId(2)).unwrap().info.seen_as = Some(seen);
    assert_eq!(
        lab.sent(),
        [(
            2,
            vec![Address {
                port: 18_444,
                ..nth(3)
            }]
        )]
    );
}

#[test]
fn a_peer_that_left_is_told_nothing() {
    let mut lab = Lab::new();
    lab.join(1, ConnKind::OutboundFullRelay);
    lab.join(2, ConnKind::OutboundFullRelay);
    lab.hear(1, vec![]);
    lab.hear_range(1, 0..1);
    lab.gossip.remove_peer(PeerId(2));
    assert_eq!(lab.sent(), []);
    assert_eq!(lab.hear_range(2, 0..1), Learned::default());
}
