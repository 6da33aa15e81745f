use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Everything about a candidate but its id.
fn any_candidate() -> impl Strategy<Value = Candidate> {
    let times = (0u64..1_000, prop::option::of(1u64..500), 0u64..50, 0u64..50);
    let flags = (
        any::<bool>(),
        any::<bool>(),
        0u64..30,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let network = prop_oneof![
        6 => Just(AddrNetwork::Ipv4),
        2 => Just(AddrNetwork::Ipv6),
        1 => Just(AddrNetwork::Onion),
        1 => Just(AddrNetwork::I2p),
        1 => Just(AddrNetwork::Cjdns),
    ];
    (times, flags, network).prop_map(|(times, flags, network)| Candidate {
        peer: PeerId(0),
        connected: Timestamp::from_secs(times.0),
        min_ping: times.1.map(Duration::from_millis),
        last_block: Timestamp::from_secs(times.2),
        last_tx: Timestamp::from_secs(times.3),
        relevant_services: flags.0,
        relays_txs: flags.1,
        keyed_group: flags.2,
        prefer_evict: flags.3,
        is_local: flags.4,
        network,
    })
}

fn any_candidates(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Candidate>> {
    vec(any_candidate(), count).prop_map(|mut all| {
        for (n, c) in all.iter_mut().enumerate() {
            c.peer = PeerId(n as u64);
        }
        all
    })
}

/// Who would go, one after the other, until nobody would.
fn all_evicted(mut left: Vec<Candidate>) -> Vec<PeerId> {
    let mut gone = Vec::new();
    while let Some(peer) = inbound(&left) {
        left.retain(|c| c.peer != peer);
        gone.push(peer);
    }
    gone
}

/// The `count` best by a measure are never the one that goes.
fn best_are_safe<K: Ord>(
    candidates: &[Candidate],
    count: usize,
    key: impl Fn(&Candidate) -> K,
) -> bool {
    let mut sorted = candidates.to_vec();
    sorted.sort_by_key(key);
    let safe = &sorted[sorted.len().saturating_sub(count)..];
    let goes = inbound(candidates);
    safe.iter().all(|c| Some(c.peer) != goes)
}

fn distinct(candidates: &mut [Candidate], set: impl Fn(&mut Candidate, u64)) {
    let count = candidates.len() as u64;
    for (n, c) in candidates.iter_mut().enumerate() {
        // A permutation of 0..count that has nothing to do with the order of ids.
        set(c, (n as u64 * 7 + 3) % count);
    }
}

proptest! {
    #[test]
    fn few_peers_are_all_protected(candidates in any_candidates(0..29)) {
        // Whatever they are like: 4 by group, 8 by ping, 4 by transactions, 4 by blocks; half of the others by time.
        if candidates.len() <= BY_GROUP + BY_PING + BY_TX + BY_BLOCK {
            prop_assert_eq!(inbound(&candidates), None);
        }
    }

    #[test]
    fn many_peers_leave_somebody_to_go(candidates in any_candidates(29..120)) {
        let goes = inbound(&candidates);
        prop_assert!(candidates.iter().any(|c| Some(c.peer) == goes));
    }

    #[test]
    fn each_merit_protects_the_best(mut candidates in any_candidates(29..101)) {
        if candidates.len().is_multiple_of(7) {
            candidates.pop();
        }
        distinct(&mut candidates, |c, n| c.keyed_group = n);
        prop_assert!(best_are_safe(&candidates, BY_GROUP, |c| c.keyed_group));

        distinct(&mut candidates, |c, n| c.min_ping = Some(Duration::from_millis(n)));
        prop_assert!(best_are_safe(&candidates, BY_PING, |c| Reverse(c.min_ping)));

        distinct(&mut candidates, |c, n| c.last_tx = Timestamp::from_secs(n));
        prop_assert!(best_are_safe(&candidates, BY_TX, |c| c.last_tx));

        distinct(&mut candidates, |c, n| c.last_block = Timestamp::from_secs(n));
        prop_assert!(best_are_safe(&candidates, BY_BLOCK, |c| c.last_block));

        let block_only = |c: &Candidate| {
            (!c.relays_txs && c.relevant_services, c.last_block)
        };
        let some = candidates.iter().filter(|c| block_only(c).0).count();
        if candidates.iter().all(|c| c.relays_txs || c.relevant_services) {
            prop_assert!(best_are_safe(&candidates, some.min(BY_BLOCK_ONLY), block_only));
        }
    }

    #[test]
    fn half_of_those_left_stay_for_their_time_here(
        candidates in any_candidates(1..100),
    ) {
        let mut left = candidates.clone();
        protect_by_ratio(&mut left);
        prop_assert_eq!(left.len(), candidates.len() - candidates.len() / 2);
        // Of those that no reservation can have touched, a longer time is worth more.
        let plain = |c: &&Candidate| !Disadvantaged::ALL.iter().any(|n| n.has(c));
        let youngest_kept = candidates
            .iter()
            .filter(plain)
            .filter(|c| !left.contains(c))
            .map(|c| c.connected)
            .max();
        let oldest_left = left.iter().filter(plain).map(|c| c.connected).min();
        if let (Some(kept), Some(left)) = (youngest_kept, oldest_left) {
            prop_assert!(kept <= left);
        }
    }

    #[test]
    fn a_quarter_is_reserved_for_networks_that_do_badly_otherwise(
        mut candidates in any_candidates(8..100),
        onions in 1usize..8,
    ) {
        for c in &mut candidates {
            c.network = AddrNetwork::Ipv4;
            c.is_local = false;
            c.connected = Timestamp::from_secs(10);
        }
        // The youngest of all, so that time does not protect them.
        for c in candidates.iter_mut().take(onions) {
            c.network = AddrNetwork::Onion;
            c.connected = Timestamp::from_secs(1_000);
        }
        let mut left = candidates.clone();
        protect_by_ratio(&mut left);
        let onions_left = left.iter().filter(|c| c.network == AddrNetwork::Onion).count();
        let half = candidates.len() / 2;
        let reserved = onions.min(half / 2);
        // If there are too few others to fill the rest, time protects onions too.
        let by_time = (half - reserved).saturating_sub(candidates.len() - onions);
        prop_assert_eq!(onions_left, onions - reserved - by_time);
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(
        mut candidates in any_candidates(0..60),
    ) {
        // No two alike, or the order among them would decide.
        distinct(&mut candidates, |c, n| c.connected = Timestamp::from_secs(n));
        distinct(&mut candidates, |c, n| c.keyed_group = n / 3 * 1_000 + n % 3);
        distinct(&mut candidates, |c, n| c.min_ping = Some(Duration::from_millis(n)));
        let mut reversed = candidates.clone();
        reversed.reverse();
        if !candidates.len().is_multiple_of(7) {
            prop_assert_eq!(inbound(&candidates), inbound(&reversed));
        }
    }

    #[test]
    fn an_attacker_of_one_group_pushes_out_nobody_else(
        honest in any_candidates(20..60),
        attackers in 30u64..100,
    ) {
        let mut all = honest;
        for c in &mut all {
            c.prefer_evict = false;
        }
        for n in 0..attackers {
            all.push(Candidate {
                peer: PeerId(1_000 + n),
                connected: Timestamp::from_secs(2_000 + n),
                min_ping: None,
                last_block: Timestamp::default(),
                last_tx: Timestamp::default(),
                relevant_services: true,
                relays_txs: true,
                keyed_group: 77,
                prefer_evict: false,
                is_local: false,
                network: AddrNetwork::Ipv4,
            });
        }
        // The first to go are the attacker's own, as long as they are the most.
        let largest_honest = 60;
        for peer in all_evicted(all).iter().take((attackers as usize).saturating_sub(largest_honest)) {
            prop_assert!(peer.0 >= 1_000, "{peer} was pushed out");
        }
    }
}

#[test]
fn a_discouraged_peer_goes_first() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut all: Vec<_> = (0..60)
        .map(|n| {
            use proptest::strategy::ValueTree as _;
            let c = any_candidate().new_tree(&mut runner).unwrap().current();
            Candidate {
                peer: PeerId(n),
                prefer_evict: false,
                ..c
            }
        })
        .collect();
    let first = inbound(&all).unwrap();
    let others: Vec<_> = all_evicted(all.clone());
    let second = others[1];
    all.iter_mut()
        .find(|c| c.peer == second)
        .unwrap()
        .prefer_evict = true;
    assert_ne!(first, second);
    assert_eq!(inbound(&all), Some(second));
}

#[test]
fn groups_are_keyed_by_a_secret() {
    let host: Host = "8.8.1.1".parse().unwrap();
    let neighbour: Host = "8.8.2.2".parse().unwrap();
    assert_eq!(
        keyed_group([1; 16], &host),
        keyed_group([1; 16], &neighbour)
    );
    assert_ne!(keyed_group([1; 16], &host), keyed_group([2; 16], &host));
}

fn outbound(peer: u64) -> OutboundCandidate {
    OutboundCandidate {
        peer: PeerId(peer),
        connected: Timestamp::from_secs(100 + peer),
        last_block: Timestamp::default(),
        last_announcement: Timestamp::default(),
        in_flight: false,
        protected: false,
        network: AddrNetwork::Ipv4,
    }
}

const LATER: Timestamp = Timestamp::from_secs(1_000);

#[test]
fn an_extra_block_relay_only_peer_stays_only_if_it_brought_a_later_block() {
    let mut peers = [outbound(1), outbound(2), outbound(3)];
    assert_eq!(surplus_block_relay(&peers, LATER), Some(PeerId(3)));
    peers[2].last_block = Timestamp::from_secs(500);
    assert_eq!(surplus_block_relay(&peers, LATER), Some(PeerId(2)));
    peers[1].last_block = Timestamp::from_secs(501);
    assert_eq!(surplus_block_relay(&peers, LATER), Some(PeerId(3)));
    peers[2].in_flight = true;
    assert_eq!(surplus_block_relay(&peers, LATER), None);
    assert_eq!(surplus_block_relay(&[], LATER), None);
}

#[test]
fn an_outbound_peer_has_half_a_minute_to_be_of_use() {
    let peers = [outbound(1), outbound(2)];
    let at = |s| surplus_full_relay(&peers, Timestamp::from_secs(s));
    assert_eq!(at(131), None);
    assert_eq!(at(132), Some(PeerId(2)));
}

#[test]
fn of_too_many_full_relay_peers_the_least_useful_goes() {
    let mut peers = [
        outbound(1),
        outbound(2),
        outbound(3),
        outbound(4),
        outbound(5),
    ];
    peers[4].network = AddrNetwork::Onion;
    for p in &mut peers[..4] {
        p.last_announcement = Timestamp::from_secs(500);
    }
    // The fifth is the only one of its network.
    assert_eq!(surplus_full_relay(&peers, LATER), Some(PeerId(4)));
    peers[0].last_announcement = Timestamp::from_secs(400);
    assert_eq!(surplus_full_relay(&peers, LATER), Some(PeerId(1)));
    peers[0].protected = true;
    assert_eq!(surplus_full_relay(&peers, LATER), Some(PeerId(4)));
}
