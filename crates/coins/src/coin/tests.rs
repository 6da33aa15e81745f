use super::*;

fn coin(height: u32, script: &[u8]) -> Coin<'_> {
    Coin {
        height,
        coinbase: height.is_multiple_of(2),
        value: u64::from(height) * 5,
        script,
    }
}

#[test]
fn coins_stand_in_the_order_in_which_they_were_pushed() {
    let coins = [coin(1, b"abc"), coin(2, b""), coin(3, b"d")];
    let mut spent = SpentCoins::new();
    for each in coins {
        spent.push(each);
    }
    assert_eq!(spent.len(), 3);
    assert!(spent.iter().eq(coins));
    assert!((0..3).map(|index| spent.get(index).unwrap()).eq(coins));
    assert_eq!(spent.get(3), None);
}

#[test]
fn coins_that_are_cut_off_leave_those_before_them() {
    let coins = [coin(1, b"abc"), coin(2, b""), coin(3, b"d")];
    for len in 0..=4 {
        let mut spent = SpentCoins::new();
        for each in coins {
            spent.push(each);
        }
        spent.truncate(len);
        spent.push(coin(9, b"new"));
        let left = coins.into_iter().take(len).chain([coin(9, b"new")]);
        assert!(spent.iter().eq(left));
    }
}

#[test]
fn coins_can_be_taken_out_and_others_pushed() {
    let mut spent = SpentCoins::new();
    spent.push(coin(1, b"abc"));
    spent.clear();
    assert!(spent.is_empty());
    spent.push(coin(2, b"x"));
    assert_eq!(spent.get(0), Some(coin(2, b"x")));
}

#[test]
fn what_can_never_be_spent_is_known_by_its_script() {
    assert!(is_unspendable(&[0x6a]));
    assert!(is_unspendable(&[0x6a, 1, 2]));
    assert!(is_unspendable(&vec![0x51; 10_001]));
    assert!(!is_unspendable(&vec![0x51; 10_000]));
    assert!(!is_unspendable(&[]));
    assert!(!is_unspendable(&[0x51, 0x6a]));
}
