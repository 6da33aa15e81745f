//! Any history keeps the tables in order, and makes the same tables when it happens again.

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Add {
        addr: u16,
        source: u8,
        seen_ago: u32,
        count: u8,
    },
    Good(u16),
    Attempt(u16),
    Connected(u16),
    SetServices(u16, u64),
    Select {
        new_only: bool,
    },
    TestCollision {
        alive: bool,
    },
    Resolve,
    Sample,
    Restart,
    Wait(u32),
}

/// Few groups, so that buckets fill up and collide.
fn nth(n: u16) -> Address {
    let [a, b] = (n % 3_000).to_be_bytes();
    match n % 40 {
        0 => Address::new(std::net::Ipv6Addr::new(0x2600, 1, 0, 0, 0, 0, 0, n), 8333),
        1 => Address {
            host: Host::TorV3([a ^ b; 32]),
            port: n,
        },
        _ => Address::new(Ipv4Addr::new(8, 8, a, b), 8333),
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let add = (any::<u16>(), any::<u8>(), 0u32..4_000_000, 1u8..=250).prop_map(
        |(addr, source, seen_ago, count)| Step::Add {
            addr,
            source,
            seen_ago,
            count,
        },
    );
    prop_oneof![
        6 => add,
        4 => any::<u16>().prop_map(Step::Good),
        2 => any::<u16>().prop_map(Step::Attempt),
        1 => any::<u16>().prop_map(Step::Connected),
        1 => (any::<u16>(), any::<u64>()).prop_map(|(a, s)| Step::SetServices(a, s)),
        2 => any::<bool>().prop_map(|new_only| Step::Select { new_only }),
        2 => any::<bool>().prop_map(|alive| Step::TestCollision { alive }),
        2 => Just(Step::Resolve),
        1 => Just(Step::Sample),
        1 => Just(Step::Restart),
        2 => (0u32..100_000).prop_map(Step::Wait),
    ]
}

fn run(steps: &[Step], check: bool) -> AddrMan {
    let mut man = AddrMan::new([7; 32]);
    let mut now = start();
    for step in steps {
        match *step {
            Step::Add {
                addr,
                source,
                seen_ago,
                count,
            } => {
                let seen = now - Duration::from_secs(seen_ago.into());
                let entries: Vec<_> = (0..count.into())
                    .map(|i| heard(nth(addr.wrapping_add(i)), seen))
                    .collect();
                let source = Host::from(Ipv4Addr::new(source, 3, 3, 3));
                man.add(&entries, source, Duration::from_secs(2 * 60 * 60), now);
            }
            Step::Good(first) => {
                for i in 0..40 {
                    man.good(&nth(first.wrapping_add(i)), now);
                }
            }
            Step::Attempt(a) => man.attempt(&nth(a), true, now),
            Step::Connected(a) => man.connected(&nth(a), now),
            Step::SetServices(a, s) => man.set_services(&nth(a), s.into()),
            Step::Select { new_only } => {
                let everywhere = NetworkSet::CLEARNET.with(AddrNetwork::Onion);
                let picked = man.select(new_only, everywhere, now);
                assert_eq!(
                    picked.is_none(),
                    man.is_empty() || (new_only && new_total(&man) == 0)
                );
            }
            Step::TestCollision { alive } => {
                if let Some(tested) = man.select_tried_collision() {
                    man.attempt(&tested.addr, true, now);
                    if alive {
                        man.good(&tested.addr, now);
                    }
                }
            }
            Step::Resolve => man.resolve_collisions(now),
            Step::Sample => {
                let sample = man.get_addr(1_000, 23, None, true, now);
                assert!(sample.len() <= man.len() * 23 / 100);
            }
            Step::Restart => {
                let bytes = man.to_bytes();
                let restored = AddrMan::from_bytes(&bytes, [8; 32]).unwrap();
                assert_eq!(restored.len(), man.len());
                for network in AddrNetwork::ALL {
                    assert_eq!(restored.counts(network), man.counts(network));
                }
                man = restored;
            }
            Step::Wait(secs) => now = now + Duration::from_secs(secs.into()),
        }
        if check {
            man.tables.check();
        }
    }
    man
}

fn new_total(man: &AddrMan) -> usize {
    AddrNetwork::ALL
        .into_iter()
        .map(|n| man.counts(n).new)
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_entry_is_in_the_tables_that_refer_to_it_and_the_counts_are_right(
        steps in vec(any_step(), 1..80),
    ) {
        run(&steps, true);
    }

    #[test]
    fn the_same_secret_and_history_make_the_same_tables(steps in vec(any_step(), 1..40)) {
        prop_assert_eq!(run(&steps, false).to_bytes(), run(&steps, false).to_bytes());
    }

    #[test]
    fn a_file_reads_back_as_it_was_written(steps in vec(any_step(), 1..40)) {
        let man = run(&steps, false);
        let restored = AddrMan::from_bytes(&man.to_bytes(), [9; 32]).unwrap();
        restored.tables.check();
        // Entries come out in the order in which they were read: writing once more settles it.
        let settled = AddrMan::from_bytes(&restored.to_bytes(), [9; 32]).unwrap();
        prop_assert_eq!(settled.to_bytes(), restored.to_bytes());
        let content = |man: &AddrMan| {
            let mut entries: Vec<_> = [true, false]
                .into_iter()
                .flat_map(|t| man.tables.entries(t))
                .map(|(_, e)| (e.addr, e.services, e.seen, e.source, e.last_success, e.attempts, e.refs, e.tried))
                .collect();
            entries.sort_by_key(|e| e.0);
            entries
        };
        prop_assert_eq!(content(&restored), content(&man));
    }

    #[test]
    fn damage_is_noticed_wherever_it_is(
        steps in vec(any_step(), 1..10),
        at in any::<proptest::sample::Index>(),
        flip in 1u8..,
        cut in any::<bool>(),
    ) {
        let mut bytes = run(&steps, false).to_bytes();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= flip;
        }
        prop_assert!(AddrMan::from_bytes(&bytes, [0; 32]).is_err());
    }

    #[test]
    fn no_bytes_make_reading_panic_even_with_a_right_checksum(
        steps in vec(any_step(), 1..4),
        at in any::<proptest::sample::Index>(),
        change in vec(any::<u8>(), 1..20),
    ) {
        use sha2::{Digest as _, Sha256};
        let mut bytes = run(&steps, false).to_bytes();
        bytes.truncate(bytes.len() - 32);
        let at = at.index(bytes.len());
        bytes.splice(at.., change);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        if let Ok(man) = AddrMan::from_bytes(&bytes, [0; 32]) {
            man.tables.check();
        }
    }
}

#[test]
fn a_file_of_something_else_says_so() {
    let read = |bytes: &[u8]| AddrMan::from_bytes(bytes, [0; 32]).unwrap_err();
    assert_eq!(read(b""), LoadError::Version);
    assert_eq!(read(&[0; 100]), LoadError::Version);
    let mut bytes = AddrMan::new([1; 32]).to_bytes();
    bytes[14] = 2;
    assert_eq!(read(&bytes), LoadError::Version);
    bytes[14] = 1;
    bytes[20] ^= 1;
    assert_eq!(read(&bytes), LoadError::Damaged);
}
