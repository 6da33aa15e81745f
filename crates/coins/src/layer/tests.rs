use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::db::value::order;

/// An outpoint: of transactions with ids in two tables.
fn key(number: u8) -> OutPointKey {
    let mut key = [0; 36];
    key[0] = u8::from(number.is_multiple_of(2));
    // The eight bytes that are sorted by first are the same for some.
    key[12] = number / 4 % 4;
    key[31] = number / 2 % 2;
    key[32] = number / 16;
    key
}

fn coin(code: u32, script: &[u8]) -> Packed<'_> {
    Packed {
        code,
        value: u64::MAX - u64::from(code),
        form: Form::of(script),
    }
}

/// A script of a size, which is of a known kind for some sizes.
fn script(size: usize) -> Vec<u8> {
    let mut script = vec![0xab; size];
    match size {
        22 => script[..2].copy_from_slice(&[0, 20]),
        34 => script[..2].copy_from_slice(&[0x51, 32]),
        _ => {}
    }
    script
}

/// What is known of an outpoint, and whether it must be written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Gone,
    Coin(u32, Vec<u8>, State),
}

fn known(entry: Entry<'_>) -> Known {
    match entry {
        Entry::Gone => Known::Gone,
        Entry::Coin(coin, state) => {
            assert_eq!(coin.value, u64::MAX - u64::from(coin.code));
            let mut script = Vec::new();
            coin.form.expand(&mut script);
            Known::Coin(coin.code, script, state)
        }
    }
}

proptest! {
    #[test]
    fn a_generation_knows_what_a_map_would(
        steps in proptest::collection::vec((0..7u8, 0..64u8, 0..130usize), 0..600),
    ) {
        let salt = Salt::random();
        let mut layer = Layer::new();
        let mut model: BTreeMap<OutPointKey, Known> = BTreeMap::new();
        for (number, (step, which, size)) in (1..).zip(steps) {
            let key = key(which);
            let hash = salt.hash(&key);
            let script = script(size);
            match step {
                0..=3 => {
                    let new = step < 3;
                    layer.add(hash, &key, coin(number, &script), new);
                    let state = match model.get(&key) {
                        None if new => State::Fresh,
                        Some(Known::Coin(_, _, State::Fresh)) => State::Fresh,
                        _ => State::Dirty,
                    };
                    model.insert(key, Known::Coin(number, script, state));
                }
                _ => {
                    layer.spend(hash, &key);
                    match model.get(&key) {
                        Some(Known::Coin(_, _, State::Fresh)) => model.remove(&key),
                        _ => model.insert(key, Known::Gone),
                    };
                }
            }
        }
        for which in 0..64 {
            let key = key(which);
            let found = layer.get(salt.hash(&key), &key).map(known);
            prop_assert_eq!(found.as_ref(), model.get(&key));
        }

        let mut changes: Vec<_> = model
            .into_iter()
            .map(|(key, known)| match known {
                Known::Gone => (key, None),
                Known::Coin(code, script, _) => (key, Some((code, script))),
            })
            .collect();
        changes.sort_by_key(|(key, _)| order(key));
        prop_assert_eq!(layer.changes(), changes.len());
        let sorted: Vec<_> = layer
            .sorted_changes()
            .map(|(key, coin)| {
                let coin = coin.map(|coin| {
                    let mut script = Vec::new();
                    coin.form.expand(&mut script);
                    (coin.code, script)
                });
                (*key, coin)
            })
            .collect();
        prop_assert_eq!(sorted, changes);
    }
}

#[test]
fn memory_that_was_given_back_is_used_again() {
    let salt = Salt::random();
    let mut layer = Layer::new();
    let mut most = 0;
    for round in 0..20 {
        for number in 0..=u8::MAX {
            let mut key = key(number);
            key[20] = round;
            let script = script(usize::from(number));
            layer.add(salt.hash(&key), &key, coin(1, &script), true);
        }
        if round == 0 {
            most = layer.memory();
        }
        for number in 0..=u8::MAX {
            let mut key = key(number);
            key[20] = round;
            layer.spend(salt.hash(&key), &key);
        }
    }
    assert_eq!(layer.changes(), 0);
    assert!(layer.memory() <= most + 1024, "{} > {most}", layer.memory());
}
