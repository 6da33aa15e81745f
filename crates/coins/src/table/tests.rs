use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Hashes that crowd together, at the end of the table too, and some that are equal.
fn hash(number: u16) -> u64 {
    let tag = match number % 4 {
        0 => u32::from(number) << 20,
        1 => u32::MAX - u32::from(number % 64),
        2 => 7 << 29,
        _ => u32::from(number).wrapping_mul(0x9e37_79b9),
    };
    u64::from(tag) << 32
}

proptest! {
    #[test]
    fn a_table_finds_what_a_map_would(
        steps in proptest::collection::vec((any::<bool>(), 1..1_500u16), 0..3_000),
    ) {
        let mut table = Table::new();
        let mut model = BTreeMap::new();
        for (put, number) in steps {
            let record = u32::from(number);
            table.reserve_one();
            match (table.find(hash(number), |r| r & 0xffff == record), put) {
                (Ok(at), true) => {
                    let other = table.record(at) ^ 1 << 16;
                    table.replace(at, other);
                    prop_assert!(model.insert(number, other).is_some());
                }
                (Ok(at), false) => {
                    prop_assert_eq!(model.remove(&number), Some(table.record(at)));
                    table.remove(at);
                }
                (Err(at), true) => {
                    table.insert(at, hash(number), record);
                    prop_assert_eq!(model.insert(number, record), None);
                }
                (Err(_), false) => prop_assert!(!model.contains_key(&number)),
            }
        }
        for number in 1..1_500u16 {
            let found = table.find(hash(number), |r| r & 0xffff == u32::from(number));
            prop_assert_eq!(found.ok().map(|at| table.record(at)), model.get(&number).copied());
        }
        let mut all: Vec<u32> = table.records().collect();
        all.sort_unstable_by_key(|r| r & 0xffff);
        prop_assert_eq!(all, model.into_values().collect::<Vec<_>>());
    }
}

#[test]
fn a_table_grows_with_what_is_in_it_and_not_with_what_passes_through() {
    let mut table = Table::new();
    let mut most = 0;
    for number in 1..100_000u32 {
        let hash = u64::from(number.wrapping_mul(0x9e37_79b9)) << 32;
        table.reserve_one();
        let at = table.find(hash, |r| r == number).unwrap_err();
        table.insert(at, hash, number);
        if number > 1_000 {
            let gone = number - 1_000;
            let hash = u64::from(gone.wrapping_mul(0x9e37_79b9)) << 32;
            let at = table.find(hash, |r| r == gone).unwrap();
            table.remove(at);
        }
        most = most.max(table.memory());
    }
    assert_eq!(table.records().count(), 1_000);
    assert!(most <= 2_048 * SLOT, "{most}");
}
