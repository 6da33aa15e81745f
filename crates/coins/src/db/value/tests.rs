use proptest::prelude::*;

use super::*;
use crate::Coin;

fn outpoint(txid: [u8; 32], index: u32) -> OutPointKey {
    let mut key = [0; 36];
    key[..32].copy_from_slice(&txid);
    key[32..].copy_from_slice(&index.to_le_bytes());
    key
}

fn stored_key(key: &OutPointKey) -> Vec<u8> {
    StoredKey::of(key).to_vec()
}

fn stored(coin: Coin<'_>) -> Vec<u8> {
    let mut stored = Vec::new();
    put_value(&mut stored, &Packed::of(&coin));
    stored
}

/// The format on disk: a change of these bytes needs a new format number.
#[test]
fn keys_and_values_have_these_bytes() {
    let key = stored_key(&outpoint([7; 32], 300));
    assert_eq!(key[..32], [7; 32]);
    assert_eq!(key[32..], [248, 1, 44]);

    let mut script = vec![0, 20];
    script.extend([9; 20]);
    let value = stored(Coin {
        height: 100,
        coinbase: true,
        value: 5_000_000_000,
        script: &script,
    });
    assert_eq!(value[..4], [0x80, 0x49, 0x32, 3]);
    assert_eq!(value[4..], [9; 20]);
}

#[test]
fn bytes_that_are_not_a_coin_are_refused() {
    let mut to = SpentCoins::new();
    for bytes in [
        &[][..],
        &[0],
        // No script.
        &[0, 0],
        // A kind that does not exist; a hash that is too short; one that is too long.
        &[0, 0, 8, 0],
        &[0, 0, 1, 0],
        &[[0, 0, 1].as_slice(), &[0; 21]].concat(),
        // A height past 2^31.
        &[0x8f, 0x80, 0x80, 0x80, 0, 0, 0],
    ] {
        assert_eq!(take_value(bytes, &mut to), None);
    }
    assert!(to.is_empty());
}

#[test]
fn bytes_that_are_not_an_outpoint_are_refused() {
    let key = stored_key(&outpoint([7; 32], u32::MAX));
    assert!(key_of(&key).is_some());
    for size in 0..key.len() {
        assert_eq!(key_of(&key[..size]), None);
    }
    assert_eq!(key_of(&[&key[..], &[0]].concat()), None);
    assert_eq!(
        key_of(&[&[7; 32][..], &[0x8f, 0x80, 0x80, 0x80, 0]].concat()),
        None
    );
}

proptest! {
    #[test]
    fn keys_come_back_and_sort_as_outpoints(a: [u8; 32], b: [u8; 32], i: u32, j: u32, shift in 0..32u32, same: bool) {
        let a = outpoint(a, i >> shift);
        let b = outpoint(if same { a[..32].try_into().unwrap() } else { b }, j >> shift);
        prop_assert_eq!(key_of(&stored_key(&a)), Some(a));
        prop_assert_eq!(stored_key(&a).cmp(&stored_key(&b)), order(&a).cmp(&order(&b)));
    }

    #[test]
    fn coins_come_back(
        height in 0..1u32 << 31,
        coinbase: bool,
        value in 0..=2_100_000_000_000_000u64,
        script in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let coin = Coin { height, coinbase, value, script: &script };
        let mut to = SpentCoins::new();
        prop_assert_eq!(take_value(&stored(coin), &mut to), Some(()));
        prop_assert_eq!(to.get(0), Some(coin));
    }
}
