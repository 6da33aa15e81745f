use proptest::prelude::*;

use super::*;

fn beginnings() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..50u64,
        (0..50u64).prop_map(|n| u64::MAX - n)
    ]
}

proptest! {
    #[test]
    fn a_place_is_that_of_a_plain_search(
        mut first in proptest::collection::vec(beginnings(), 0..300),
        wanted in proptest::collection::vec(beginnings(), 50),
    ) {
        first.sort_unstable();
        let bytes: Vec<_> = first.iter().map(|first| first.to_le_bytes()).collect();
        let index = Index { first: &bytes, places: &[] };
        for wanted in wanted.into_iter().chain(first.clone()) {
            let end = first.partition_point(|f| *f <= wanted);
            prop_assert_eq!(index.up_to(wanted), end);
            let candidates = index.candidates(wanted);
            prop_assert_eq!(candidates.end, end);
            prop_assert!(first[..candidates.start].iter().all(|f| *f < wanted));
            prop_assert!(candidates.len() <= 1 || first[candidates.start + 1..end].iter().all(|f| *f == wanted));
        }
    }
}
