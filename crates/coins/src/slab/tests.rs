use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn records_keep_what_is_written_to_them_until_they_are_given_back(
        steps in proptest::collection::vec((any::<bool>(), any::<u32>()), 0..4_000),
    ) {
        let mut slab = Slab::new(7);
        let mut model = BTreeMap::new();
        let mut most = 0;
        for (number, (take, which)) in steps.into_iter().enumerate() {
            if take || model.is_empty() {
                let index = slab.take();
                let content = [&number.to_le_bytes()[..4], &[1, 2, 3]].concat();
                slab.get_mut(index).copy_from_slice(&content);
                prop_assert_eq!(model.insert(index, content), None);
                most = most.max(model.len());
            } else {
                let index = *model.keys().nth(which as usize % model.len()).unwrap();
                model.remove(&index);
                slab.give_back(index);
            }
        }
        for (index, content) in &model {
            prop_assert_eq!(slab.get(*index), content);
        }
        // What was given back was used again.
        let full = slab.chunks.len().saturating_sub(1);
        prop_assert!(most == 0 || (first_of(full) + 1..=first_of(full + 1)).contains(&most));
    }
}
