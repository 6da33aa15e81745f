//! An attacker with many addresses and few places to speak from.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::tables::{BUCKET_SIZE, NEW_BUCKETS_PER_SOURCE_GROUP, TRIED_BUCKETS_PER_GROUP};
use super::*;
use crate::netgroup::NetGroup;

const SOURCE_SHARE: usize = NEW_BUCKETS_PER_SOURCE_GROUP as usize;
const GROUP_SHARE: usize = TRIED_BUCKETS_PER_GROUP as usize;

/// Honest addresses, each of its own group; the first half of them tried.
fn honest(seed: [u8; 32]) -> (AddrMan, Vec<Address>) {
    let mut man = AddrMan::new(seed);
    let addrs: Vec<_> = (0..100u8)
        .map(|i| Address::new(Ipv4Addr::new(20 + i / 10, i, 7, 7), 8333))
        .collect();
    for a in &addrs {
        man.add(&[heard(*a, start())], a.host, Duration::ZERO, start());
    }
    for a in &addrs[..50] {
        man.good(a, start());
    }
    let tried = addrs[..50].iter().filter(|a| man.is_tried(a) == Some(true));
    let tried = tried.copied().collect();
    (man, tried)
}

fn flood_address(n: u32) -> Address {
    // Routable addresses of many groups: 100 to 126.x, but for the block set aside at 100.64.
    let [_, b, c, d] = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
    Address::new(Ipv4Addr::new(101 + (n % 26) as u8, b, c, d), 8333)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_flood_from_one_source_group_displaces_nothing_tried_and_keeps_to_its_share_of_new(
        seed: [u8; 32],
        first: u32,
        count in 1_000u32..20_000,
    ) {
        let (mut man, tried) = honest(seed);
        prop_assert!(tried.len() >= 48);
        for n in 0..count {
            let source = Host::from(Ipv4Addr::new(66, 66, (n >> 8) as u8, n as u8));
            man.add(&[heard(flood_address(first.wrapping_add(n)), start())], source, Duration::ZERO, start());
        }
        man.tables.check();
        for a in &tried {
            prop_assert_eq!(man.is_tried(a), Some(true));
        }
        let group = NetGroup::of(&host("66.66.0.0"));
        let (buckets, places) = man.tables.share(false, |e| NetGroup::of(&e.source) == group);
        prop_assert!(buckets <= SOURCE_SHARE, "{buckets} buckets");
        prop_assert!(places <= SOURCE_SHARE * BUCKET_SIZE);
    }

    #[test]
    fn nodes_of_one_group_that_really_answer_take_at_most_their_share_of_tried(
        seed: [u8; 32],
        count in 1_000u32..4_000,
    ) {
        let (mut man, tried) = honest(seed);
        for n in 0..count {
            let [_, _, c, d] = n.to_be_bytes();
            let a = Address::new(Ipv4Addr::new(66, 66, c, d), 8333);
            let source = flood_address(n).host;
            let now = start() + Duration::from_secs(n.into());
            man.add(&[heard(a, now)], source, Duration::ZERO, now);
            man.good(&a, now);
            // Our feelers find the honest nodes alive.
            if let Some(tested) = man.select_tried_collision() {
                man.attempt(&tested.addr, false, now);
                man.good(&tested.addr, now);
            }
            man.resolve_collisions(now);
        }
        man.tables.check();
        for a in &tried {
            prop_assert_eq!(man.is_tried(a), Some(true));
        }
        let group = NetGroup::of(&host("66.66.0.0"));
        let (buckets, places) = man.tables.share(true, |e| NetGroup::of(&e.addr.host) == group);
        prop_assert!(buckets <= GROUP_SHARE, "{buckets} buckets");
        prop_assert!(places <= GROUP_SHARE * BUCKET_SIZE);
    }
}
