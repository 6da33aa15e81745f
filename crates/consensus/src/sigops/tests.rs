use proptest::prelude::*;
use tipward_primitives::bitcoin::Script;

use super::*;

#[test]
fn checks_are_counted_and_what_is_pushed_is_not() {
    assert_eq!(script_sigops(&[]), 0);
    assert_eq!(script_sigops(&[0xac, 0xad]), 2);
    assert_eq!(script_sigops(&[0xae, 0xaf]), 40);
    assert_eq!(script_sigops(&[0x02, 0xac, 0xac, 0xac]), 1);
    assert_eq!(script_sigops(&[0x4c, 0x01, 0xac, 0xac]), 1);
    assert_eq!(script_sigops(&[0x4d, 0x01, 0x00, 0xac, 0xac]), 1);
    assert_eq!(
        script_sigops(&[0x4e, 0x01, 0x00, 0x00, 0x00, 0xac, 0xac]),
        1
    );
}

#[test]
fn a_push_past_the_end_ends_the_count() {
    assert_eq!(script_sigops(&[0xac, 0x02, 0xac]), 1);
    assert_eq!(script_sigops(&[0xac, 0x4c]), 1);
    assert_eq!(script_sigops(&[0xac, 0x4d, 0xac]), 1);
    assert_eq!(
        script_sigops(&[0xac, 0x4e, 0xff, 0xff, 0xff, 0xff, 0xac]),
        1
    );
}

proptest! {
    #[test]
    fn the_count_is_rust_bitcoins(
        script in proptest::collection::vec(
            prop_oneof![any::<u8>(), 0xac_u8..=0xaf, 0x4c_u8..=0x4e, 0_u8..=4], 0..200)
    ) {
        prop_assert_eq!(
            script_sigops(&script),
            Script::from_bytes(&script).count_sigops_legacy()
        );
    }
}

#[test]
fn where_the_keys_are_counted_a_multisig_is_as_many_checks_as_it_has() {
    assert_eq!(accurate_sigops(&[0x51, 0xae]), 1);
    assert_eq!(accurate_sigops(&[0x60, 0xaf, 0xac]), 17);
    // 0 and 17 have no opcode of their own that counts here, nor does a number that was pushed as bytes.
    assert_eq!(accurate_sigops(&[0x00, 0xae]), 20);
    assert_eq!(accurate_sigops(&[0x01, 0x11, 0xae]), 20);
    assert_eq!(accurate_sigops(&[0x01, 0x02, 0xae]), 20);
    assert_eq!(accurate_sigops(&[0xae]), 20);
    assert_eq!(accurate_sigops(&[0x52, 0x61, 0xae]), 20);
    assert_eq!(accurate_sigops(&[0x51, 0xac, 0xae]), 21);
    assert_eq!(accurate_sigops(&[0x52, 0xae, 0xae]), 22);
}

proptest! {
    #[test]
    fn the_accurate_count_is_the_plain_one_where_no_number_is_pushed(
        script in proptest::collection::vec(
            prop_oneof![any::<u8>(), 0xac_u8..=0xaf, 0x4c_u8..=0x4e, 0_u8..=4], 0..200)
    ) {
        let without_numbers: Vec<u8> =
            script.into_iter().filter(|b| small_number(*b).is_none()).collect();
        prop_assert_eq!(accurate_sigops(&without_numbers), script_sigops(&without_numbers));
    }
}
