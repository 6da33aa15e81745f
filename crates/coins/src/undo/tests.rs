use proptest::prelude::*;
use tipward_primitives::bitcoin::hex::{DisplayHex as _, FromHex as _};

use super::*;

/// The undo data that Bitcoin Core (v31.99) wrote for block 103 of a regtest chain, which spends ten coins of block 102
/// in one transaction and the coinbase of block 2 in the other.
const UNDO: &str = "020a804c0096f8afed1d00751e76e8199196d454941c45d1b3a323f1433bd6804c000901da1745e9b549bd0bfa1a569971c77eba30cd5a4b804c0001\
0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798804c008390e7ea3d0379be667ef9dcbbac55a06295ce870b07029b\
fcdb2dce28d959f2815b16f81798804c00040479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798804c0082ac92d07705\
79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798804c00002800204ae81572f06e1b88fd5ced7a1a000945432e83e155\
1e6f721ee9c00b8cc33260804c0081240751804c00a52f6e4c64abababababababababababababababababababababababababababababababababab\
abababababababababababababababababababababababababababababababababababababababababababababababababababababababababababab\
abababababab7551804c00803d080051010500320751";

/// Value and script of the coins that it spends.
const SPENT: [(u64, &str); 11] = [
    (
        714_285_714,
        "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac",
    ),
    (
        100_000_000,
        "a914da1745e9b549bd0bfa1a569971c77eba30cd5a4b87",
    ),
    (
        1,
        "210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798ac",
    ),
    (
        123_456_789,
        "210379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798ac",
    ),
    (
        1_000,
        "410479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8ac",
    ),
    (
        99_999_999,
        "410479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798b7c52588d95c3b9aa25b0403f1eef75702e84bb7597aabe663b82f6f04ef2777ac",
    ),
    (
        0,
        "00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260",
    ),
    (330, "51"),
    (
        546,
        "4c64abababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababab7551",
    ),
    (2_100_000_000, "0051"),
    (5_000_000_000, "51"),
];

fn spent() -> SpentCoins {
    let mut spent = SpentCoins::new();
    for (index, (value, script)) in SPENT.into_iter().enumerate() {
        let script = Vec::from_hex(script).unwrap();
        let coinbase = index == 10;
        spent.push(Coin {
            height: if coinbase { 2 } else { 102 },
            coinbase,
            value,
            script: &script,
        });
    }
    spent
}

#[test]
fn undo_data_is_what_bitcoin_core_writes() {
    let bytes = encode([10, 1].into_iter(), &spent());
    assert_eq!(bytes.to_lower_hex_string(), UNDO);
}

#[test]
fn what_bitcoin_core_wrote_is_read() {
    let bytes = Vec::from_hex(UNDO).unwrap();
    assert_eq!(decode(&bytes).unwrap(), (vec![10, 1], spent()));
}

#[test]
fn undo_data_that_is_cut_or_goes_on_is_refused() {
    let mut bytes = Vec::from_hex(UNDO).unwrap();
    for size in 0..bytes.len() {
        assert!(decode(&bytes[..size]).is_err(), "cut to {size} bytes");
    }
    bytes.push(0);
    assert_eq!(decode(&bytes), Err(UndoError("it goes on after its end")));
}

#[test]
fn a_block_with_nothing_but_a_coinbase_undoes_to_one_byte() {
    let bytes = encode([].into_iter(), &SpentCoins::new());
    assert_eq!(bytes, [0]);
    assert_eq!(decode(&bytes).unwrap(), (vec![], SpentCoins::new()));
}

#[test]
fn a_coin_of_the_genesis_block_has_no_version() {
    let mut spent = SpentCoins::new();
    spent.push(Coin {
        height: 0,
        coinbase: true,
        value: 0,
        script: &[],
    });
    let bytes = encode([1].into_iter(), &spent);
    assert_eq!(bytes, [1, 1, 1, 0, 6]);
    assert_eq!(decode(&bytes).unwrap(), (vec![1], spent));
}

#[test]
fn a_count_of_more_than_there_is_allocates_nothing() {
    // 2^64 - 1 transactions; one transaction of 2^64 - 1 inputs.
    for bytes in [
        &[0xff; 9][..],
        &[1, 255, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        assert!(decode(bytes).is_err());
    }
}

#[test]
fn a_count_that_is_longer_than_it_must_be_is_refused() {
    for bytes in [&[0xfd, 0, 0][..], &[0xfe, 0xff, 0xff, 0, 0]] {
        assert_eq!(
            decode(bytes),
            Err(UndoError("a count that is longer than it must be"))
        );
    }
}

#[test]
fn a_key_that_is_not_on_the_curve_is_kept_as_it_is_and_refused_where_only_its_x_is_left() {
    let mut script = vec![7; 67];
    (script[0], script[1], script[66]) = (65, 4, 0xac);
    let mut spent = SpentCoins::new();
    spent.push(Coin {
        height: 1,
        coinbase: false,
        value: 0,
        script: &script,
    });
    let bytes = encode([1].into_iter(), &spent);
    assert_eq!(bytes.len(), 1 + 1 + 1 + 1 + 1 + 1 + 67);
    assert_eq!(decode(&bytes).unwrap(), (vec![1], spent));

    // No point of the curve has 5 as its x.
    let mut bytes = vec![1, 1, 2, 0, 0, 4];
    bytes.extend([0; 31]);
    bytes.push(5);
    assert_eq!(decode(&bytes), Err(UndoError("the script of a coin")));
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    let framed = |before: &'static [u8], size: usize, after: &'static [u8]| {
        proptest::collection::vec(any::<u8>(), size)
            .prop_map(move |hash| [before, &hash[..], after].concat())
    };
    prop_oneof![
        framed(&[0x76, 0xa9, 20], 20, &[0x88, 0xac]),
        framed(&[0xa9, 20], 20, &[0x87]),
        framed(&[33, 2], 32, &[0xac]),
        framed(&[65, 4], 64, &[0xac]),
        framed(&[0x51, 32], 32, &[]),
        proptest::collection::vec(any::<u8>(), 0..200),
        Just(vec![1; crate::MAX_SCRIPT_SIZE]),
    ]
}

proptest! {
    #[test]
    fn undo_data_reads_as_what_was_written(
        transactions in proptest::collection::vec(
            proptest::collection::vec((0..1u32 << 31, any::<bool>(), 0..=2_100_000_000_000_000u64, script()), 0..5),
            0..5,
        ),
    ) {
        let mut spent = SpentCoins::new();
        for (height, coinbase, value, script) in transactions.iter().flatten() {
            spent.push(Coin { height: *height, coinbase: *coinbase, value: *value, script });
        }
        let inputs: Vec<usize> = transactions.iter().map(Vec::len).collect();
        let bytes = encode(inputs.iter().copied(), &spent);
        prop_assert_eq!(decode(&bytes), Ok((inputs, spent)));
    }

    #[test]
    fn bytes_of_any_kind_are_undo_data_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), start in 0..20u8) {
        // Counts that are small enough to go on after.
        if let [transactions, inputs, ..] = &mut bytes[..] {
            (*transactions, *inputs) = (start % 3, start / 3);
        }
        if let Ok((inputs, spent)) = decode(&bytes) {
            let again = encode(inputs.iter().copied(), &spent);
            prop_assert_eq!(decode(&again), Ok((inputs, spent)));
        }
    }
}
