use tipward_primitives::Network;

use super::*;
use crate::testing::{parsed, spending};

#[test]
fn the_subsidy_is_halved_every_so_many_blocks_until_nothing_is_left() {
    for network in [Network::Bitcoin, Network::Regtest] {
        let params = Params::new(network);
        let interval = params.subsidy_halving_interval;
        let at = |height| subsidy(&params, height);
        assert_eq!(at(0), 5_000_000_000);
        assert_eq!(at(interval - 1), 5_000_000_000);
        assert_eq!(at(interval), 2_500_000_000);
        assert_eq!(at(2 * interval), 1_250_000_000);
        assert_eq!(at(32 * interval), 1);
        assert_eq!(at(33 * interval - 1), 1);
        assert_eq!(at(33 * interval), 0);
        assert_eq!(at(64 * interval), 0);
        assert_eq!(at(Height::MAX), 0);
    }
}

#[test]
fn all_subsidies_together_are_a_little_less_than_all_money() {
    let params = Params::new(Network::Bitcoin);
    let interval = params.subsidy_halving_interval;
    let sum: u64 = (0..40)
        .map(|halving| subsidy(&params, halving * interval) * u64::from(interval))
        .sum();
    assert_eq!(sum, 2_099_999_997_690_000);
}

#[test]
fn fees_sum_up_to_all_money_at_most() {
    let most = MAX_MONEY.unsigned_abs();
    assert_eq!(add_fee(most - 2, 1), Ok(most - 1));
    assert_eq!(add_fee(most - 1, 1), Ok(most));
    for (fees, fee) in [(most, 1), (most, most), (u64::MAX, u64::MAX)] {
        let reject = add_fee(fees, fee).unwrap_err();
        assert_eq!(reject.reason, "bad-txns-accumulated-fee-outofrange");
    }
}

#[test]
fn a_coinbase_pays_subsidy_and_fees_at_most() {
    let paying = |values: &[u64]| {
        let block = parsed(&[spending(1, values)]);
        check_coinbase_value(block.transaction(0).unwrap(), 50, 7)
    };
    assert_eq!(paying(&[50, 6]), Ok(()));
    assert_eq!(paying(&[50, 7]), Ok(()));
    let reject = paying(&[50, 8]).unwrap_err();
    assert_eq!(reject.reason, "bad-cb-amount");
    assert!(reject.detail.contains("actual=58 vs limit=57"), "{reject}");
}
