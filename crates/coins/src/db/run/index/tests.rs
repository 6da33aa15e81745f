use proptest::prelude::*;

use super::*;

fn marks() -> impl Strategy<Value = Mark> {
    let beginning = prop_oneof![
        any::<u64>(),
        0..50u64,
        (0..50u64).prop_map(|n| u64::MAX - n)
    ];
    let output = prop_oneof![0..4u32, Just(u32::MAX)];
    (beginning, output).prop_map(|(beginning, output)| Mark { beginning, output })
}

proptest! {
    #[test]
    fn a_place_is_that_of_a_plain_search(
        mut first in proptest::collection::vec(marks(), 0..300),
        wanted in proptest::collection::vec(marks(), 50),
    ) {
        first.sort_unstable();
        let bytes: Vec<_> = first.iter().map(|first| first.to_bytes()).collect();
        let index = Index { first: &bytes, places: &[] };
        for wanted in wanted.into_iter().chain(first.clone()) {
            let end = first.partition_point(|f| *f <= wanted);
            prop_assert_eq!(index.up_to(wanted), end);
            prop_assert_eq!(index.likely(wanted), end.checked_sub(1));

            let beginning = wanted.beginning;
            let begins_alike = |page: usize| first.get(page).is_some_and(|f| f.beginning == beginning);
            let is_shared = begins_alike(end) || end > 0 && begins_alike(end - 1);
            prop_assert_eq!(index.is_shared(index.likely(wanted), beginning), is_shared);

            let candidates = index.candidates(beginning);
            let end = first.partition_point(|f| f.beginning <= beginning);
            prop_assert_eq!(candidates.end, end);
            prop_assert!(first[..candidates.start].iter().all(|f| f.beginning < beginning));
            prop_assert!(candidates.len() <= 1 || first[candidates.start + 1..end].iter().all(|f| f.beginning == beginning));
        }
    }
}
