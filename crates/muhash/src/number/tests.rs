use crypto_bigint::{NonZero, U3072, Word};
use proptest::prelude::*;

use super::{MODULUS, Number, PRIME_DIFFERENCE, SIZE};

fn modulus() -> NonZero<U3072> {
    NonZero::new(*MODULUS.as_ref()).unwrap()
}

/// Numbers of all sizes, and those next to the modulus, where reduction goes wrong if it does.
fn numbers() -> impl Strategy<Value = Number> {
    let uniform = proptest::collection::vec(any::<u8>(), SIZE)
        .prop_map(|bytes| Number::from_bytes(&bytes.try_into().unwrap()));
    let small = any::<Word>().prop_map(|n| Number(U3072::from_word(n)));
    let great = (1..3 * PRIME_DIFFERENCE)
        .prop_map(|n| Number(MODULUS.as_ref().wrapping_sub(&U3072::from_word(n))));
    prop_oneof![uniform, small, great]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_product_is_the_one_that_long_division_gives(a in numbers(), b in numbers()) {
        let expected = a.0.mul_mod_vartime(&b.0, &modulus());
        prop_assert_eq!(a.times(&b).0, expected);
    }

    #[test]
    fn a_number_times_its_inverse_is_one(a in numbers()) {
        prop_assume!(a.0 != U3072::ZERO);
        prop_assert_eq!(a.times(&a.inverse()), Number::ONE);
    }

    #[test]
    fn bytes_are_read_as_they_were_written(a in numbers()) {
        prop_assert_eq!(Number::from_bytes(&a.to_bytes()), a);
    }
}

#[test]
fn a_number_past_the_modulus_is_reduced() {
    let most = Number::from_bytes(&[0xff; SIZE]);
    assert_eq!(most.0, U3072::from_word(PRIME_DIFFERENCE - 1));
    let mut modulus = [0xff; SIZE];
    modulus[..8].copy_from_slice(&(Word::MAX - PRIME_DIFFERENCE + 1).to_le_bytes());
    assert_eq!(Number::from_bytes(&modulus).0, U3072::ZERO);
}

#[test]
fn zero_has_no_inverse() {
    let zero = Number(U3072::ZERO);
    assert_eq!(zero.inverse(), zero);
}
