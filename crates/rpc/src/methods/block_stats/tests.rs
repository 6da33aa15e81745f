use super::*;

fn facts(fee: i64, weight: i64) -> Facts {
    Facts {
        size: weight / 4,
        weight,
        fee,
        has_witness: false,
    }
}

#[test]
fn fee_rates_are_taken_at_shares_of_the_weight() {
    // Rates of 1, 2, 3, 4 and 5 at equal weights.
    let even: Vec<Facts> = (1..=5).map(|rate| facts(rate * 100, 400)).collect();
    assert_eq!(percentiles(&even, 2000), [1, 2, 3, 4, 5]);
    // Exactly at the share, the transaction that reaches it counts.
    let two = [facts(100, 400), facts(900, 400)];
    assert_eq!(percentiles(&two, 800), [1, 1, 1, 9, 9]);
    // One large transaction outweighs the others.
    let large = [facts(100, 400), facts(20_000, 40_000), facts(900, 400)];
    assert_eq!(percentiles(&large, 40_800), [2, 2, 2, 2, 2]);
    assert_eq!(percentiles(&[], 0), [0; 5]);
}

#[test]
fn a_median_of_an_even_number_is_the_mean_rounded_down() {
    let median_of = |fees: &[i64]| {
        let facts: Vec<Facts> = fees.iter().map(|fee| facts(*fee, 400)).collect();
        median(&facts, |facts| facts.fee)
    };
    assert_eq!(median_of(&[]), 0);
    assert_eq!(median_of(&[7]), 7);
    assert_eq!(median_of(&[9, 4]), 6);
    assert_eq!(median_of(&[9, 1, 4]), 4);
}

#[test]
fn a_fee_rate_is_by_the_virtual_byte_and_rounded_down() {
    assert_eq!(facts(199, 400).fee_rate(), 1);
    assert_eq!(facts(200, 400).fee_rate(), 2);
    assert_eq!(facts(0, 400).fee_rate(), 0);
}

#[test]
fn undo_data_of_another_block_is_noticed() {
    use bitcoin::{Amount, OutPoint, Sequence, TxIn, TxOut, Witness};

    let tx = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(10),
            script_pubkey: ScriptBuf::new(),
        }],
    };
    let coin = |value| CoinValue {
        height: 1,
        coinbase: false,
        value,
        script: ScriptBuf::new(),
    };
    assert_eq!(Facts::of(&tx, &[coin(15)]).unwrap().fee, 5);
    assert_eq!(Facts::of(&tx, &[coin(10)]).unwrap().fee, 0);
    for spent in [
        vec![],
        vec![coin(9)],
        vec![coin(15), coin(15)],
        vec![coin(u64::MAX), coin(1)],
    ] {
        assert!(Facts::of(&tx, &spent).is_err(), "{spent:?}");
    }
}
