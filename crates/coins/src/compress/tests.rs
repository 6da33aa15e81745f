use proptest::prelude::*;

use super::*;

fn varint(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, number);
    bytes
}

#[test]
fn numbers_have_the_forms_that_bitcoin_core_gives_them() {
    assert_eq!(varint(0), [0]);
    assert_eq!(varint(0x7f), [0x7f]);
    assert_eq!(varint(0x80), [0x80, 0]);
    assert_eq!(varint(0x1234), [0xa3, 0x34]);
    assert_eq!(varint(0x407f), [0xff, 0x7f]);
    assert_eq!(varint(0x4080), [0x80, 0x80, 0]);
    assert_eq!(varint(0xffff), [0x82, 0xfe, 0x7f]);
    assert_eq!(varint(0xffff_ffff), [0x8e, 0xfe, 0xfe, 0xfe, 0x7f]);
    assert_eq!(
        varint(u64::MAX),
        [0x80, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x7f]
    );
}

#[test]
fn a_number_past_64_bits_is_refused() {
    let past = [0x80, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xff, 0x00];
    assert_eq!(take_varint(&mut &past[..]), None);
    assert_eq!(take_varint(&mut &[0xff; 11][..]), None);
}

#[test]
fn amounts_are_compressed_as_bitcoin_core_does() {
    for (satoshis, compressed) in [
        (0, 0),
        (1, 1),
        (1_000_000, 7),
        (100_000_000, 9),
        (50 * 100_000_000, 0x32),
        (21_000_000 * 100_000_000, 0x0140_6f40),
    ] {
        assert_eq!(compress_amount(satoshis), compressed);
        assert_eq!(decompress_amount(compressed), Some(satoshis));
    }
}

#[test]
fn an_amount_past_64_bits_is_refused() {
    assert_eq!(decompress_amount(u64::MAX), None);
}

proptest! {
    #[test]
    fn numbers_read_as_they_were_written(number: u64, shift in 0..64u32) {
        let number = number >> shift;
        prop_assert_eq!(take_varint(&mut &varint(number)[..]), Some(number));
    }

    #[test]
    fn amounts_come_back(satoshis in 0..=2_100_000_000_000_000u64, zeros in 0..10u32) {
        let round = satoshis / 10u64.pow(zeros) * 10u64.pow(zeros);
        prop_assert_eq!(decompress_amount(compress_amount(round)), Some(round));
    }

    #[test]
    fn what_is_read_as_an_amount_has_that_one_form(x in 0..1u64 << 57) {
        if let Some(satoshis) = decompress_amount(x) {
            prop_assert_eq!(compress_amount(satoshis), x);
        }
    }
}
