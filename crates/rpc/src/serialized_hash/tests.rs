use super::*;
use crate::testing::{CoinList, coin};

fn hash(coins: &[(u8, u32)]) -> sha256d::Hash {
    let coins = coins.iter().map(|(byte, vout)| coin(*byte, *vout, 9));
    serialized_hash(&CoinList(coins.collect()), || false)
        .unwrap()
        .unwrap()
}

#[test]
fn the_order_within_a_transaction_does_not_matter_that_of_transactions_does() {
    let sorted = hash(&[(1, 0), (1, 1), (1, 256), (2, 0)]);
    assert_eq!(hash(&[(1, 256), (1, 1), (1, 0), (2, 0)]), sorted);
    assert_ne!(hash(&[(2, 0), (1, 0), (1, 1), (1, 256)]), sorted);
    assert_eq!(hash(&[]), sha256d::Hash::hash(&[]));
}

#[test]
fn it_stops_when_told_to() {
    let stopped = serialized_hash(&CoinList(vec![coin(1, 0, 9)]), || true).unwrap();
    assert_eq!(stopped, None);
}
