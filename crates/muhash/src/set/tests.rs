use proptest::prelude::*;

use super::MuHash;

/// An element as in Bitcoin Core's tests: a byte, then 31 zeros.
fn element(byte: u8) -> [u8; 32] {
    let mut element = [0; 32];
    element[0] = byte;
    element
}

fn of(inserted: &[u8], removed: &[u8]) -> MuHash {
    let mut set = MuHash::EMPTY;
    inserted.iter().for_each(|byte| set.insert(&element(*byte)));
    removed.iter().for_each(|byte| set.remove(&element(*byte)));
    set
}

#[test]
fn the_digest_is_the_one_that_bitcoin_core_publishes() {
    assert_eq!(
        of(&[0, 1], &[2]).digest().to_string(),
        "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863"
    );
}

#[test]
fn the_serialization_is_the_one_that_bitcoin_core_publishes() {
    const NUMERATOR: &str = concat!(
        "1fa093295ea30a6a3acdc7b3f770fa538eff537528e990e2910e40bbcfd7f6696b1256901929094694b56316de342f59",
        "3303dd12ac43e06dce1be1ff8301c845beb15468fff0ef002dbf80c29f26e6452bccc91b5cb9437ad410d2a67ea84788",
        "7fa3c6a6553309946880fe20db2c73fe0641adbd4e86edfee0d9f8cd0ee1230898873dc13ed8ddcaf045c80faa082774",
        "279007a2253f8922ee3ef361d378a6af3ddaf180b190ac97e556888c36b3d1fb1c85aab9ccd46e3deaeb7b7cf5db067a",
        "7e9ff86b658cf3acd6662bbcce37232daa753c48b794356c020090c831a8304416e2aa7ad633c0ddb2f11be1be316a81",
        "be7f7e472071c042cb68faef549c221ebff209273638b741aba5a81675c45a5fa92fea4ca821d7a324cb1e1a2ccd3b76",
        "c4228ec8066dad2a5df6e1bd0de45c7dd5de8070bdb46db6c554cf9aefc9b7b2bbf9f75b1864d9f95005314593905c01",
        "09b71f703d49944ae94477b51dac10a816bb6d1c700bafabc8bd86fac8df24be519a2f2836b16392e18036cb13e48c5c",
    );
    let bytes = of(&[1, 2], &[]).to_bytes();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let (numerator, denominator) = hex.split_at(768);
    assert_eq!(numerator, NUMERATOR);
    assert_eq!(denominator, format!("01{}", "00".repeat(383)));
}

#[test]
fn a_numerator_past_the_modulus_is_read_as_bitcoin_core_reads_it() {
    let mut bytes = [0xff; MuHash::SERIALIZED_SIZE];
    bytes[384..].fill(0);
    bytes[384] = 1;
    let digest = MuHash::from_bytes(&bytes).digest();
    let hex: String = digest
        .to_byte_array()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(
        hex,
        "3a31e6903aff0de9f62f9a9f7f8b861de76ce2cda09822b90014319ae5dc2271"
    );
}

#[test]
fn the_empty_set_has_the_digest_of_one() {
    assert_eq!(MuHash::default().digest(), of(&[5, 6], &[6, 5]).digest());
}

#[test]
fn an_element_that_is_in_twice_counts_twice() {
    assert_ne!(of(&[3, 3], &[]).digest(), of(&[3], &[]).digest());
    assert_eq!(of(&[3, 3], &[3]).digest(), of(&[3], &[]).digest());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_does_not_matter(
        (elements, shuffled) in proptest::collection::vec(any::<u8>(), 0..12)
            .prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle())),
        removed in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        prop_assert_eq!(of(&elements, &removed).digest(), of(&shuffled, &removed).digest());
    }

    #[test]
    fn joined_hashes_are_the_hash_of_the_joined_sets(
        a in proptest::collection::vec(any::<u8>(), 0..6),
        b in proptest::collection::vec(any::<u8>(), 0..6),
        removed in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut joined = of(&a, &removed);
        joined.join(&of(&b, &[]));
        prop_assert_eq!(joined.digest(), of(&[a, b].concat(), &removed).digest());
    }

    #[test]
    fn a_running_hash_goes_on_after_it_was_written_and_read(
        a in proptest::collection::vec(any::<u8>(), 0..6),
        removed in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let set = of(&a, &removed);
        prop_assert_eq!(MuHash::from_bytes(&set.to_bytes()), set);
    }
}
