use proptest::prelude::*;
use tipward_primitives::bitcoin::{Sequence, Transaction, transaction};
use tipward_primitives::{Network, Params};

use super::*;
use crate::testing::{parsed, spending};

const HEIGHT: Height = 1_000;
const MEDIAN: u32 = 1_600_000_000;

/// The context of a block at [`HEIGHT`] whose parent's median time past is [`MEDIAN`].
fn context() -> BlockContext {
    let params = Params::new(Network::Regtest);
    BlockContext::new(&params, params.genesis.header, HEIGHT, MEDIAN)
}

/// Ten minutes from block to block.
fn median_time_past_at(height: Height) -> u32 {
    MEDIAN - (HEIGHT - 1 - height) * 600
}

fn with_sequence(sequence: u32) -> Transaction {
    let mut tx = spending(1, &[1]);
    tx.input[0].sequence = Sequence::from_consensus(sequence);
    tx
}

fn check(tx: &Transaction, coin: Height, context: &BlockContext) -> bool {
    let block = parsed(std::slice::from_ref(tx));
    let coins = std::iter::repeat_n(coin, tx.input.len());
    match check_sequence_locks(
        block.transaction(0).unwrap(),
        coins,
        context,
        median_time_past_at,
    ) {
        Ok(()) => true,
        Err(reject) => {
            assert_eq!(reject.reason, "bad-txns-nonfinal");
            false
        }
    }
}

#[test]
fn an_age_in_blocks_is_counted_from_the_coins_block() {
    let age = with_sequence(10);
    assert!(check(&age, HEIGHT - 11, &context()));
    assert!(check(&age, HEIGHT - 10, &context()));
    assert!(!check(&age, HEIGHT - 9, &context()));
    // Age zero: even what the same block made.
    assert!(check(&with_sequence(0), HEIGHT, &context()));
    assert!(!check(&with_sequence(1), HEIGHT, &context()));
}

#[test]
fn an_age_in_time_is_counted_between_the_blocks_before() {
    // Ten blocks later 6,000 s have passed: 11 steps of 512 s, not 12.
    let coin = HEIGHT - 10;
    assert!(check(&with_sequence(IN_TIME | 11), coin, &context()));
    assert!(!check(&with_sequence(IN_TIME | 12), coin, &context()));

    let mut context = context();
    let since = median_time_past_at(coin - 1);
    for (passed, allowed) in [(511, false), (512, true), (513, true)] {
        context.prev_median_time_past = since + passed;
        assert_eq!(check(&with_sequence(IN_TIME | 1), coin, &context), allowed);
    }
}

#[test]
fn the_coins_of_the_genesis_block_count_from_itself() {
    let sequence = with_sequence(IN_TIME | 1);
    let block = parsed(&[sequence]);
    let asked = std::cell::Cell::new(None);
    check_sequence_locks(block.transaction(0).unwrap(), [0], &context(), |height| {
        asked.set(Some(height));
        0
    })
    .unwrap();
    assert_eq!(asked.get(), Some(0));
}

#[test]
fn only_the_lowest_sixteen_bits_are_an_age() {
    assert!(check(&with_sequence(0x1_0000), HEIGHT, &context()));
    assert!(!check(&with_sequence(0xffff), 0, &context()));
    assert!(check(&with_sequence(0x8fbf_ffff | DISABLED), 0, &context()));
}

#[test]
fn the_highest_bit_version_one_and_blocks_before_bip68_demand_nothing() {
    let locked = with_sequence(11);
    let coin = HEIGHT - 10;
    assert!(!check(&locked, coin, &context()));
    assert!(check(&with_sequence(11 | DISABLED), coin, &context()));

    let mut old = locked.clone();
    old.version = transaction::Version::ONE;
    assert!(check(&old, coin, &context()));
    // Versions are unsigned here.
    old.version = transaction::Version(-1);
    assert!(!check(&old, coin, &context()));

    let mut before = context();
    before.csv = false;
    assert!(check(&locked, coin, &before));
}

#[test]
fn every_input_counts() {
    let mut tx = spending(3, &[1]);
    for input in &mut tx.input {
        input.sequence = Sequence::MAX;
    }
    assert!(check(&tx, HEIGHT, &context()));
    tx.input[2].sequence = Sequence::from_consensus(1);
    assert!(!check(&tx, HEIGHT, &context()));
}

/// BIP68 as it is written: the last height and the last time at which the transaction is still locked, over all inputs.
fn locked_until(inputs: &[(u32, Height)]) -> (i64, i64) {
    let (mut height, mut time) = (-1, -1);
    for (sequence, coin) in inputs {
        let age = i64::from(sequence & 0xffff);
        if sequence >> 31 == 1 {
            continue;
        }
        if (sequence >> 22) & 1 == 1 {
            let since = i64::from(median_time_past_at(coin.saturating_sub(1)));
            time = time.max(since + age * 512 - 1);
        } else {
            height = height.max(i64::from(*coin) + age - 1);
        }
    }
    (height, time)
}

proptest! {
    #[test]
    fn the_verdict_is_that_of_bip68_as_it_is_written(
        inputs in proptest::collection::vec(
            (prop_oneof![0_u32..30, (0_u32..30).prop_map(|age| age | IN_TIME), any::<u32>()], HEIGHT - 30..=HEIGHT),
            1..5,
        )
    ) {
        let mut tx = spending(inputs.len() as u32, &[1]);
        for (input, (sequence, _)) in tx.input.iter_mut().zip(&inputs) {
            input.sequence = Sequence::from_consensus(*sequence);
        }
        let block = parsed(&[tx]);
        let coins = inputs.iter().map(|(_, coin)| *coin);
        let verdict =
            check_sequence_locks(block.transaction(0).unwrap(), coins, &context(), median_time_past_at);
        let (height, time) = locked_until(&inputs);
        let expected = height < i64::from(HEIGHT) && time < i64::from(MEDIAN);
        prop_assert_eq!(verdict.is_ok(), expected);
    }
}
