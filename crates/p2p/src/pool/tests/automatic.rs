use std::collections::BTreeSet;

use super::*;
use crate::netgroup::NetGroup;

fn kinds(opened: &[(PeerId, Target, ConnKind)], kind: ConnKind) -> usize {
    opened.iter().filter(|c| c.2 == kind).count()
}

#[test]
fn it_keeps_eight_full_relay_and_two_block_relay_only_connections() {
    let mut lab = Lab::knowing(PoolConfig::default(), 200);
    let opened = lab.fill();
    assert_eq!(kinds(&opened, ConnKind::OutboundFullRelay), 8);
    assert_eq!(kinds(&opened, ConnKind::BlockRelayOnly), 2);
    assert_eq!(opened.len(), 10);

    lab.pool.on_disconnected(opened[3].0, lab.now);
    let again = lab.fill();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].2, opened[3].2);
}

#[test]
fn no_two_connections_go_to_the_same_network_group() {
    let mut man = AddrMan::new([1; 32]);
    let now = Timestamp::from_secs(1_700_000_000);
    for n in 0..=255 {
        let entry = AddrEntry {
            time: now.as_secs() as u32,
            services: full_node(),
            addr: Address::new(Ipv4Addr::new(50, n % 4, n, 1), 8333),
        };
        man.add(&[entry], nth(n.into()).host, Duration::ZERO, now);
    }
    let mut lab = Lab::new(PoolConfig::default());
    lab.pool = Pool::new(PoolConfig::default(), man, [1; 32]);
    let opened = lab.fill();
    let groups: BTreeSet<_> = opened
        .iter()
        .map(|c| match &c.1 {
            Target::Addr(addr) => NetGroup::of(&addr.host),
            Target::Name(name) => panic!("{name}"),
        })
        .collect();
    assert_eq!(opened.len(), 4, "there are only four groups");
    assert_eq!(groups.len(), 4);
}

#[test]
fn anchors_are_tried_first_and_only_once() {
    let anchors = vec![nth(300), nth(301)];
    let mut lab = Lab::knowing(
        PoolConfig {
            anchors: anchors.clone(),
            ..PoolConfig::default()
        },
        100,
    );
    let opened = lab.connects();
    let first: Vec<_> = opened[..2].iter().map(|c| c.1.clone()).collect();
    assert_eq!(first, [Target::Addr(anchors[0]), Target::Addr(anchors[1])]);
    assert_eq!(kinds(&opened[..2], ConnKind::BlockRelayOnly), 2);
    lab.pool.on_failed(opened[0].0, lab.now);
    lab.wait(SECOND);
    assert_ne!(lab.connects()[0].1, Target::Addr(anchors[0]));
}

#[test]
fn the_anchors_of_the_next_start_are_the_block_relay_only_peers() {
    let mut lab = Lab::knowing(PoolConfig::default(), 100);
    let opened = lab.fill();
    let expected: Vec<_> = opened
        .iter()
        .filter(|c| c.2 == ConnKind::BlockRelayOnly)
        .map(|c| c.1.clone())
        .collect();
    let anchors = lab.pool.anchors();
    assert_eq!(
        anchors.iter().map(|a| Target::Addr(*a)).collect::<Vec<_>>(),
        expected
    );

    let bytes = anchors_to_bytes(&anchors);
    assert_eq!(anchors_from_bytes(&bytes).unwrap(), anchors);
    let mut damaged = bytes;
    damaged[20] ^= 1;
    assert!(anchors_from_bytes(&damaged).is_err());
}

#[test]
fn feelers_are_made_one_at_a_time_about_every_two_minutes() {
    let mut lab = Lab::knowing(PoolConfig::default(), 500);
    lab.fill();
    let start = lab.now;
    let mut feelers = 0;
    while lab.now.since(start) < SECOND * 24_000 {
        lab.now = lab.pool.next_wakeup().unwrap();
        for (peer, target, kind) in lab.connects() {
            assert_eq!(kind, ConnKind::Feeler);
            feelers += 1;
            assert_eq!(lab.pool.next_wakeup(), None, "one is open");
            lab.succeed(peer, &target, kind);
            lab.pool.on_disconnected(peer, lab.now);
        }
    }
    assert!((140..=260).contains(&feelers), "{feelers} in 200 intervals");
    // They move what they find to tried.
    let tried = lab
        .pool
        .addrman()
        .counts(crate::addr::AddrNetwork::Ipv4)
        .tried;
    assert!(tried > 100, "{tried}");
}

#[test]
fn near_the_tip_an_extra_block_relay_only_connection_is_made_now_and_then() {
    let mut lab = Lab::knowing(PoolConfig::default(), 500);
    lab.fill();
    lab.pool.set_near_tip(true);
    let start = lab.now;
    let mut extra = 0;
    while lab.now.since(start) < SECOND * 30_000 {
        lab.now = lab.pool.next_wakeup().unwrap();
        for (peer, target, kind) in lab.connects() {
            extra += usize::from(kind == ConnKind::BlockRelayOnly);
            assert!(lab.pool.count(ConnKind::BlockRelayOnly) <= 3);
            lab.succeed(peer, &target, kind);
            lab.pool.on_disconnected(peer, lab.now);
        }
    }
    assert!((60..=140).contains(&extra), "{extra} in 100 intervals");
}

#[test]
fn a_stale_tip_asks_for_one_more_full_relay_connection() {
    let mut lab = Lab::knowing(PoolConfig::default(), 200);
    lab.fill();
    lab.pool.set_stale_tip(true);
    let extra = lab.fill();
    assert_eq!(extra.len(), 1);
    assert_eq!(extra[0].2, ConnKind::OutboundFullRelay);
}

#[test]
fn banned_and_discouraged_addresses_are_left_alone() {
    let mut lab = Lab::knowing(PoolConfig::default(), 6);
    let until = lab.now + SECOND * 100;
    lab.bans.ban(nth(0).host.into(), until, lab.now);
    lab.bans.discourage(nth(1).host);
    let opened = lab.fill();
    assert_eq!(opened.len(), 4);
    assert!(
        opened
            .iter()
            .all(|c| c.1 != Target::Addr(nth(0)) && c.1 != Target::Addr(nth(1)))
    );
}

#[test]
fn a_peer_with_only_recent_blocks_will_do_only_near_the_tip() {
    let limited = ServiceFlags::NETWORK_LIMITED | ServiceFlags::WITNESS;
    let mut lab = Lab::new(PoolConfig::default());
    assert!(!lab.pool.has_desirable_services(limited));
    assert!(!lab.pool.has_desirable_services(ServiceFlags::NETWORK));
    assert!(lab.pool.has_desirable_services(full_node()));
    lab.pool.set_near_tip(true);
    assert!(lab.pool.has_desirable_services(limited));
    assert!(
        !lab.pool
            .has_desirable_services(ServiceFlags::NETWORK_LIMITED)
    );
}

#[test]
fn failures_slow_it_down_and_success_speeds_it_up() {
    let mut lab = Lab::knowing(PoolConfig::default(), 1_000);
    let mut attempts = 0;
    let start = lab.now;
    while lab.now.since(start) < SECOND * 60 {
        for (peer, ..) in lab.connects() {
            attempts += 1;
            lab.pool.on_failed(peer, lab.now);
        }
        lab.now = lab.pool.next_wakeup().unwrap();
    }
    // At most two a second in the long run, and a burst at the start.
    assert!((50..=180).contains(&attempts), "{attempts}");
}

#[test]
fn addresses_of_other_services_are_not_knocked_at() {
    let mut man = AddrMan::new([1; 32]);
    let mut lab = Lab::new(PoolConfig::default());
    let addr = Address::new(Ipv4Addr::new(9, 9, 9, 9), 22);
    let entry = AddrEntry {
        time: lab.now.as_secs() as u32,
        services: full_node(),
        addr,
    };
    man.add(&[entry], addr.host, Duration::ZERO, lab.now);
    for n in 0..50 {
        let entry = AddrEntry {
            addr: nth(n),
            ..entry
        };
        man.add(&[entry], nth(n).host, Duration::ZERO, lab.now);
    }
    lab.pool = Pool::new(PoolConfig::default(), man, [1; 32]);
    assert!(lab.fill().iter().all(|c| c.1 != Target::Addr(addr)));
}

#[test]
fn the_users_nodes_are_not_taken_for_automatic_connections() {
    let mut lab = Lab::knowing(
        PoolConfig {
            add_nodes: vec![nth(0).to_string()],
            ..PoolConfig::default()
        },
        3,
    );
    let opened = lab.fill();
    assert_eq!(
        opened[0],
        (PeerId(1), Target::Addr(nth(0)), ConnKind::Manual)
    );
    assert_eq!(opened.len(), 3);
    lab.pool.on_disconnected(PeerId(1), lab.now);
    assert_eq!(lab.connects(), [], "it waits for its own turn");
}
