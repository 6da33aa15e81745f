//! The model that fuzzing runs, on random bytes.

use proptest::prelude::*;

use crate::model::Bench;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn blocks_made_of_bytes_are_judged_connected_and_disconnected_as_the_model_does(
        runs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut bench = Bench::new(dir.path());
        for bytes in runs {
            bench.run(&bytes);
        }
    }
}
