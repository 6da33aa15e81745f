use super::*;
use crate::testing::{parsed, spending};

const MOST: u64 = MAX_MONEY.unsigned_abs();

fn coin(value: u64) -> CoinFacts {
    CoinFacts {
        height: 1,
        coinbase: false,
        value,
    }
}

fn check(spent: &[CoinFacts], paid: &[u64], height: Height) -> Result<u64, &'static str> {
    let inputs = u32::try_from(spent.len()).unwrap();
    let block = parsed(&[spending(inputs, paid)]);
    let tx = block.transaction(0).unwrap();
    check_transaction_inputs(tx, spent.iter().copied(), height).map_err(|reject| {
        assert_eq!(reject.kind, crate::RejectKind::Consensus);
        assert!(reject.detail.contains(&tx.txid().to_string()), "{reject}");
        let std::borrow::Cow::Borrowed(reason) = reject.reason else {
            panic!("a reason that was made up: {reject}");
        };
        reason
    })
}

#[test]
fn a_coinbase_can_be_spent_a_hundred_blocks_later() {
    let made_at = |height| CoinFacts {
        height,
        coinbase: true,
        value: 5,
    };
    let reason = Err("bad-txns-premature-spend-of-coinbase");
    assert_eq!(check(&[made_at(7)], &[5], 106), reason);
    assert_eq!(check(&[made_at(7)], &[5], 107), Ok(0));
    assert_eq!(check(&[made_at(7)], &[5], 108), Ok(0));
    // Any input counts, and one that is no coinbase's does not.
    assert_eq!(check(&[coin(5), made_at(7)], &[5], 106), reason);
    assert_eq!(check(&[coin(5)], &[5], 2), Ok(0));
}

#[test]
fn no_value_spent_and_no_sum_of_them_is_more_than_all_money() {
    let reason = Err("bad-txns-inputvalues-outofrange");
    assert_eq!(check(&[coin(MOST - 1)], &[0], 2), Ok(MOST - 1));
    assert_eq!(check(&[coin(MOST)], &[0], 2), Ok(MOST));
    assert_eq!(check(&[coin(MOST + 1)], &[0], 2), reason);
    assert_eq!(check(&[coin(u64::MAX)], &[0], 2), reason);
    assert_eq!(check(&[coin(MOST - 1), coin(1)], &[0], 2), Ok(MOST));
    assert_eq!(check(&[coin(MOST), coin(1)], &[0], 2), reason);
    assert_eq!(check(&[coin(u64::MAX), coin(u64::MAX)], &[0], 2), reason);
}

#[test]
fn what_is_paid_is_not_more_than_what_is_spent() {
    assert_eq!(check(&[coin(5), coin(4)], &[6, 2], 2), Ok(1));
    assert_eq!(check(&[coin(5), coin(4)], &[6, 3], 2), Ok(0));
    let reason = Err("bad-txns-in-belowout");
    assert_eq!(check(&[coin(5), coin(4)], &[6, 4], 2), reason);
}

#[test]
fn the_first_input_at_fault_decides_and_maturity_comes_before_its_value() {
    let young = CoinFacts {
        height: 7,
        coinbase: true,
        value: MOST + 1,
    };
    assert_eq!(
        check(&[young], &[0], 8),
        Err("bad-txns-premature-spend-of-coinbase")
    );
    assert_eq!(
        check(&[coin(MOST + 1), young], &[0], 8),
        Err("bad-txns-inputvalues-outofrange")
    );
}

#[test]
fn a_missing_input_names_what_is_missing() {
    let block = parsed(&[spending(1, &[1])]);
    let tx = block.transaction(0).unwrap();
    let outpoint = tx.inputs().next().unwrap().outpoint();
    let reject = missing_input(tx.txid(), outpoint);
    assert_eq!(reject.reason, "bad-txns-inputs-missingorspent");
    assert!(reject.detail.contains(&outpoint.to_string()));
}
