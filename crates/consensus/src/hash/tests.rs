use proptest::prelude::*;
use tipward_primitives::bitcoin::hashes::{Hash as _, sha256d};

proptest! {
    #[test]
    fn parts_hash_as_their_concatenation(
        a in proptest::collection::vec(any::<u8>(), 0..200),
        b in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let whole = [a.clone(), b.clone()].concat();
        prop_assert_eq!(
            super::sha256d(&[&a, &b]),
            sha256d::Hash::hash(&whole).to_byte_array()
        );
    }

    #[test]
    fn a_pair_hashes_as_its_sixty_four_bytes(left: [u8; 32], right: [u8; 32]) {
        let whole = [left, right].concat();
        prop_assert_eq!(
            super::sha256d_pair(&left, &right),
            sha256d::Hash::hash(&whole).to_byte_array()
        );
    }
}
