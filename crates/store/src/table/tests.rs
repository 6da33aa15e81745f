use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_table_finds_what_a_map_finds(tags in prop::collection::vec((0..40_u64, any::<u32>()), 0..300), reserve in 0..200_usize) {
        let mut table = Table::default();
        let mut model: HashMap<u64, Vec<u32>> = HashMap::new();
        table.reserve(reserve);
        for (i, (tag, offset)) in tags.into_iter().enumerate() {
            // Crowded low halves, so that neighbours collide.
            let tag = tag << 31 | tag;
            table.insert(Entry::new(tag, i as u32, offset, 1, 0));
            model.entry(tag).or_default().push(offset);
        }
        prop_assert_eq!(table.len(), model.values().map(Vec::len).sum::<usize>());
        for tag in 0..41_u64 {
            let tag = tag << 31 | tag;
            let mut found: Vec<u32> = table.get(tag).map(|e| e.offset).collect();
            found.sort_unstable();
            let mut expected = model.get(&tag).cloned().unwrap_or_default();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_hundred_thousand_entries_take_at_most_35_bytes_each() {
    let mut table = Table::default();
    for i in 0..100_000_u64 {
        let tag = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        table.insert(Entry::new(tag, 0, i as u32, 1, 0));
    }
    assert!(table.bytes() <= 35 * 100_000, "{}", table.bytes());
}
