use proptest::prelude::*;

use super::*;

fn bits(compact: u32) -> CompactTarget {
    CompactTarget::from_consensus(compact)
}

fn number(n: u128) -> Work {
    whole(0, n)
}

const MOST: [u8; 32] = [0xff; 32];

#[test]
fn known_targets_take_the_known_number_of_hashes() {
    assert_eq!(of_bits(bits(0x1d00_ffff)), number(0x1_0001_0001));
    assert_eq!(of_bits(bits(0x207f_ffff)), number(2));
    // Mainnet's block 2000 has the work of 2001 blocks of the lowest difficulty.
    assert_eq!(
        times(of_bits(bits(0x1d00_ffff)), 2001),
        number(8_594_360_698_833)
    );
}

#[test]
fn bits_that_are_no_target_are_no_work() {
    for compact in [
        0,
        0x0100_0000,
        0x1d80_ffff,
        0xff7f_ffff,
        0x2300_ffff,
        0x2201_0000,
    ] {
        assert_eq!(of_bits(bits(compact)), zero(), "{compact:#010x}");
    }
}

#[test]
fn the_widest_targets_are_not_taken_for_overflow() {
    assert_ne!(of_bits(bits(0x2200_00ff)), zero());
    assert_ne!(of_bits(bits(0x2100_ffff)), zero());
    assert_eq!(of_bits(bits(0x2201_0000)), zero());
}

#[test]
fn sums_stop_at_the_most_that_256_bits_hold() {
    let most = Work::from_le_bytes(MOST);
    assert_eq!(add(most, number(1)), most);
    assert_eq!(add(whole(u128::MAX, 0), whole(1, 0)), most);
    assert_eq!(add(whole(u128::MAX, u128::MAX - 1), number(1)), most);
    assert_eq!(add(number(u128::MAX), number(1)), whole(1, 0));
}

#[test]
fn differences_stop_at_zero() {
    assert_eq!(subtract(number(1), number(2)), zero());
    assert_eq!(subtract(whole(1, 0), number(1)), number(u128::MAX));
}

#[test]
fn products_stop_at_the_most_that_256_bits_hold() {
    let most = Work::from_le_bytes(MOST);
    assert_eq!(times(most, 1), most);
    assert_eq!(times(most, 2), most);
    assert_eq!(times(most, 0), zero());
    assert_eq!(times(whole(0, u128::MAX), 3), whole(2, u128::MAX - 2));
}

proptest! {
    #[test]
    fn a_product_is_a_sum(high in any::<u128>(), low in any::<u128>(), factor in 0..100_u32) {
        let work = whole(high >> 8, low);
        let sum = (0..factor).fold(zero(), |sum, _| add(sum, work));
        prop_assert_eq!(times(work, factor), sum);
    }

    #[test]
    fn subtracting_undoes_adding(a in any::<[u128; 2]>(), b in any::<[u128; 2]>()) {
        let (a, b) = (whole(a[0] / 2, a[1]), whole(b[0] / 2, b[1]));
        prop_assert_eq!(subtract(add(a, b), b), a);
        prop_assert_eq!(add(a, b), add(b, a));
        prop_assert!(add(a, b) >= a);
    }

    #[test]
    fn the_cache_says_what_the_division_says(
        compacts in prop::collection::vec(
            prop_oneof![Just(0x1d00_ffff), Just(0x1b00_1234), Just(0x207f_ffff), any::<u32>()],
            1..50,
        )
    ) {
        let mut cache = Cache::new();
        for compact in compacts {
            prop_assert_eq!(cache.of_bits(bits(compact)), of_bits(bits(compact)));
        }
    }
}
