use proptest::prelude::*;
use tipward_primitives::bitcoin::Txid;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::*;

fn leaves(n: u8) -> Vec<[u8; 32]> {
    (1..=n).map(|i| [i; 32]).collect()
}

#[test]
fn no_leaf_has_the_zero_root_and_a_single_one_is_its_own() {
    assert_eq!(
        merkle_root(&[]),
        MerkleRoot {
            root: [0; 32],
            mutated: false
        }
    );
    assert_eq!(
        merkle_root(&leaves(1)),
        MerkleRoot {
            root: [1; 32],
            mutated: false
        }
    );
}

#[test]
fn repeating_the_last_leaves_keeps_the_root_and_is_seen() {
    for (n, repeated) in [(3_u8, 1_usize), (5, 1), (6, 2), (7, 1), (12, 4), (20, 4)] {
        let honest = leaves(n);
        let mut lie = honest.clone();
        lie.extend_from_slice(&honest[honest.len() - repeated..]);
        let (honest, lie) = (merkle_root(&honest), merkle_root(&lie));
        assert_eq!(honest.root, lie.root, "{n} leaves, {repeated} repeated");
        assert!(!honest.mutated);
        assert!(lie.mutated);
    }
}

#[test]
fn equal_leaves_that_are_no_pair_are_not_a_mutation() {
    let mut list = leaves(6);
    list[2] = list[1];
    assert!(!merkle_root(&list).mutated);
    list[3] = list[2];
    assert!(merkle_root(&list).mutated);
}

proptest! {
    #[test]
    fn the_root_is_rust_bitcoins(list in proptest::collection::vec(any::<[u8; 32]>(), 1..70)) {
        let theirs = tipward_primitives::bitcoin::merkle_tree::calculate_root(
            list.iter().copied().map(Txid::from_byte_array),
        );
        prop_assert_eq!(Some(merkle_root(&list).root), theirs.map(|t| t.to_byte_array()));
    }
}
