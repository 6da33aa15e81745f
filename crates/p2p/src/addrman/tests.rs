mod flood;
mod model;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn start() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

fn addr(s: &str) -> Address {
    s.parse().unwrap()
}

fn heard(addr: Address, seen: Timestamp) -> AddrEntry {
    AddrEntry {
        time: seen.as_secs() as u32,
        services: ServiceFlags::NETWORK,
        addr,
    }
}

fn host(s: &str) -> Host {
    s.parse().unwrap()
}

/// An address manager that heard of these addresses from one source.
fn knowing(addrs: &[Address]) -> AddrMan {
    let mut man = AddrMan::new([1; 32]);
    for a in addrs {
        assert_eq!(
            man.add(
                &[heard(*a, start())],
                host("9.9.9.9"),
                Duration::ZERO,
                start()
            ),
            1
        );
    }
    man
}

#[test]
fn an_empty_one_has_nothing_to_offer() {
    let mut man = AddrMan::new([1; 32]);
    assert_eq!(man.select(false, NetworkSet::CLEARNET, start()), None);
    assert_eq!(man.select_tried_collision(), None);
    assert_eq!(man.get_addr(0, 0, None, false, start()), []);
    man.resolve_collisions(start());
    assert!(man.is_empty());
}

#[test]
fn what_is_not_routable_is_not_kept() {
    let mut man = AddrMan::new([1; 32]);
    let local = heard(addr("127.0.0.1:8333"), start());
    assert_eq!(
        man.add(&[local], host("8.8.8.8"), Duration::ZERO, start()),
        0
    );
    assert!(man.is_empty());
}

#[test]
fn one_host_may_have_several_ports() {
    let man = knowing(&[addr("1.2.3.4:1"), addr("1.2.3.4:2")]);
    assert_eq!(man.counts(AddrNetwork::Ipv4), Counts { new: 2, tried: 0 });
}

#[test]
fn an_address_that_worked_is_tried_and_stays_so() {
    let a = addr("1.2.3.4:8333");
    let mut man = knowing(&[a]);
    assert_eq!(man.is_tried(&a), Some(false));
    assert!(man.good(&a, start()));
    assert_eq!(man.is_tried(&a), Some(true));
    assert!(!man.good(&a, start()));
    man.add(
        &[heard(a, start() + DAY)],
        host("5.5.5.5"),
        Duration::ZERO,
        start() + DAY,
    );
    assert_eq!(man.counts(AddrNetwork::Ipv4), Counts { new: 0, tried: 1 });
}

#[test]
fn selection_keeps_to_the_networks_and_tables_asked_for() {
    let (v4, v6) = (addr("1.2.3.4:8333"), addr("[2600::1]:8333"));
    let mut man = knowing(&[v4, v6]);
    man.good(&v4, start());
    let only = |n| NetworkSet::NONE.with(n);
    for _ in 0..20 {
        let picked = man.select(false, only(AddrNetwork::Ipv6), start()).unwrap();
        assert_eq!(picked.addr, v6);
        assert_eq!(
            man.select(true, NetworkSet::CLEARNET, start())
                .unwrap()
                .addr,
            v6
        );
    }
    assert_eq!(man.select(true, only(AddrNetwork::Ipv4), start()), None);
    assert_eq!(man.select(false, only(AddrNetwork::Onion), start()), None);
}

#[test]
fn every_address_is_selected_sooner_or_later() {
    let addrs: Vec<_> = (11..31).map(|i| addr(&format!("{i}.1.1.1:8333"))).collect();
    let mut man = knowing(&addrs);
    for a in &addrs[..10] {
        man.good(a, start());
    }
    let mut seen = BTreeSet::new();
    for _ in 0..2_000 {
        seen.insert(
            man.select(false, NetworkSet::CLEARNET, start() + DAY)
                .unwrap()
                .addr,
        );
    }
    assert_eq!(
        seen,
        addrs.into_iter().filter(Address::is_routable).collect()
    );
}

#[test]
fn an_address_that_failed_is_selected_less_often() {
    let (bad, fine) = (addr("1.1.1.1:1"), addr("2.2.2.2:2"));
    let mut man = knowing(&[bad, fine]);
    for _ in 0..8 {
        // Failures count only if we were online in between.
        man.last_good = man.last_good + DAY * 20_000;
        man.attempt(&bad, true, start());
    }
    let later = start() + DAY;
    let picks = (0..1_000)
        .filter(|_| man.select(false, NetworkSet::CLEARNET, later).unwrap().addr == bad)
        .count();
    assert!((1..300).contains(&picks), "{picks}");
}

#[test]
fn failures_while_we_are_offline_count_only_once() {
    let a = addr("1.2.3.4:8333");
    let mut man = knowing(&[a]);
    for _ in 0..5 {
        man.attempt(&a, true, start());
    }
    let id = man.tables.find(&a).unwrap();
    assert_eq!(man.tables.get(id).attempts, 1);
}

#[test]
fn terrible_addresses_are_not_passed_on() {
    let (good, old, ahead) = (addr("1.1.1.1:1"), addr("2.2.2.2:2"), addr("3.3.3.3:3"));
    let mut man = AddrMan::new([1; 32]);
    for (a, seen) in [
        (good, start()),
        (old, start() - DAY * 31),
        (ahead, start() + Duration::from_secs(11 * 60)),
    ] {
        man.add(&[heard(a, seen)], host("9.9.9.9"), Duration::ZERO, start());
    }
    let sample = |man: &mut AddrMan, filtered| {
        let mut all: Vec<_> = man
            .get_addr(0, 0, None, filtered, start())
            .iter()
            .map(|e| e.addr)
            .collect();
        all.sort();
        all
    };
    assert_eq!(sample(&mut man, true), [good]);
    assert_eq!(sample(&mut man, false), [good, old, ahead]);
}

#[test]
fn a_sample_is_bounded_by_number_and_share() {
    let addrs: Vec<_> = (0..200)
        .map(|i| addr(&format!("{}.{}.1.1:8333", 20 + i % 60, i)))
        .collect();
    let mut man = AddrMan::new([1; 32]);
    for a in &addrs {
        man.add(&[heard(*a, start())], a.host, Duration::ZERO, start());
    }
    let known = man.len();
    assert!(known > 190);
    assert_eq!(
        man.get_addr(1_000, 23, None, true, start()).len(),
        known * 23 / 100
    );
    assert_eq!(man.get_addr(10, 23, None, true, start()).len(), 10);
    let all = man.get_addr(0, 0, Some(AddrNetwork::Ipv4), true, start());
    let distinct: BTreeSet<_> = all.iter().map(|e| e.addr).collect();
    assert_eq!(distinct.len(), known);
    assert_eq!(
        man.get_addr(0, 0, Some(AddrNetwork::Onion), true, start()),
        []
    );
}

#[test]
fn hearsay_is_older_than_what_a_node_says_of_itself() {
    let (own, hearsay) = (addr("1.1.1.1:1"), addr("2.2.2.2:2"));
    let mut man = AddrMan::new([1; 32]);
    let penalty = Duration::from_secs(2 * 60 * 60);
    let entries = [heard(own, start()), heard(hearsay, start())];
    man.add(&entries, own.host, penalty, start());
    let seen = |a| man.tables.get(man.tables.find(&a).unwrap()).seen;
    assert_eq!(seen(own), start());
    assert_eq!(seen(hearsay), start() - penalty);
}

#[test]
fn whom_we_are_connected_to_does_not_show() {
    let a = addr("1.2.3.4:8333");
    let mut man = knowing(&[a]);
    let later = start() + DAY;
    man.good(&a, later);
    assert_eq!(
        man.get_addr(0, 0, None, false, later)[0].time,
        start().as_secs() as u32
    );
    man.connected(&a, later);
    assert_eq!(
        man.get_addr(0, 0, None, false, later)[0].time,
        later.as_secs() as u32
    );
}

/// Two addresses with the same place in *tried*.
fn colliding(man: &mut AddrMan) -> (Address, Address) {
    let mut slots = std::collections::HashMap::new();
    for i in 0..=255u8 {
        for j in 1..=255u8 {
            let a = Address::new(std::net::Ipv4Addr::new(8, 8, i, j), 8333);
            man.add(
                &[heard(a, start())],
                host(&format!("{j}.9.9.9")),
                Duration::ZERO,
                start(),
            );
            let Some(id) = man.tables.find(&a) else {
                continue;
            };
            if let Some(occupant) = man.tables.tried_occupant(id) {
                return (man.tables.get(occupant).addr, a);
            }
            slots.insert(a, id);
            man.good(&a, start());
        }
    }
    panic!("no collision among {} addresses", slots.len());
}

#[test]
fn a_node_that_is_still_there_is_not_displaced() {
    let mut man = AddrMan::new([1; 32]);
    let (old, newer) = colliding(&mut man);
    let later = start() + DAY;
    assert!(!man.good(&newer, later));
    assert_eq!(man.select_tried_collision().unwrap().addr, old);

    // The feeler found it.
    man.good(&old, later);
    man.resolve_collisions(later);
    assert_eq!(man.is_tried(&old), Some(true));
    assert_eq!(man.is_tried(&newer), Some(false));
    assert_eq!(man.select_tried_collision(), None);
}

#[test]
fn a_node_that_is_gone_makes_room_and_is_not_forgotten() {
    let mut man = AddrMan::new([1; 32]);
    let (old, newer) = colliding(&mut man);
    let later = start() + DAY;
    man.good(&newer, later);
    man.attempt(&old, true, later);

    man.resolve_collisions(later + Duration::from_secs(30));
    assert_eq!(man.is_tried(&old), Some(true), "it has a minute");
    man.resolve_collisions(later + Duration::from_secs(90));
    assert_eq!(man.is_tried(&newer), Some(true));
    assert_eq!(man.is_tried(&old), Some(false));
    man.tables.check();
}

#[test]
fn a_collision_that_cannot_be_tested_is_settled_in_the_end() {
    let mut man = AddrMan::new([1; 32]);
    let (old, newer) = colliding(&mut man);
    let later = start() + DAY;
    man.good(&newer, later);
    man.resolve_collisions(later + Duration::from_secs(30 * 60));
    assert_eq!(man.is_tried(&newer), Some(false));
    man.resolve_collisions(later + Duration::from_secs(41 * 60));
    assert_eq!(man.is_tried(&newer), Some(true));
    assert_eq!(man.is_tried(&old), Some(false));
}
