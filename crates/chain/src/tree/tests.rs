use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::testing::{chain_of, genesis, mainnet_headers, regtest, unmined};

/// A tree in which the n-th header builds on the one that `parents[n]` picks of those before it, mostly the latest.
fn tree_of(parents: &[u16]) -> (HeaderTree, Vec<Header>) {
    let mut headers = vec![genesis(&regtest())];
    let mut tree = HeaderTree::new(&headers[0]);
    for (salt, pick) in parents.iter().enumerate() {
        let back = usize::from(pick.saturating_sub(u16::MAX / 10 * 9));
        let parent = (headers.len() - 1).saturating_sub(back % headers.len());
        let header = unmined(&headers[parent], salt as u64);
        tree.insert(&header, header.block_hash(), HeaderId(parent as u32));
        headers.push(header);
    }
    (tree, headers)
}

fn random_tree() -> impl Strategy<Value = (HeaderTree, Vec<Header>)> {
    prop::collection::vec(any::<u16>(), 1..400).prop_map(|parents| tree_of(&parents))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_ancestor_is_what_walking_back_finds((tree, _) in random_tree(), pick in any::<prop::sample::Index>()) {
        let id = HeaderId(pick.index(tree.len()) as u32);
        let walked: Vec<HeaderId> = tree.backwards(id).collect();
        let top = tree.entry(id).height();
        prop_assert_eq!(walked.len(), top as usize + 1);
        for (steps, expected) in walked.iter().enumerate() {
            let height = top - steps as Height;
            prop_assert_eq!(tree.ancestor(id, height), Some(*expected));
            prop_assert_eq!(tree.entry(*expected).height(), height);
            prop_assert!(tree.is_ancestor(*expected, id));
        }
        prop_assert_eq!(tree.ancestor(id, top + 1), None);
    }

    #[test]
    fn branches_part_where_walking_back_says(
        (tree, _) in random_tree(),
        pick_a in any::<prop::sample::Index>(),
        pick_b in any::<prop::sample::Index>(),
    ) {
        let a = HeaderId(pick_a.index(tree.len()) as u32);
        let b = HeaderId(pick_b.index(tree.len()) as u32);
        let before_a: HashSet<HeaderId> = tree.backwards(a).collect();
        let expected = tree.backwards(b).find(|id| before_a.contains(id)).unwrap();
        prop_assert_eq!(tree.last_common_ancestor(a, b), expected);
        prop_assert_eq!(tree.is_ancestor(a, b), expected == a);
    }

    #[test]
    fn a_beginning_is_found_wherever_it_ends(
        (tree, _) in random_tree(),
        pick in any::<prop::sample::Index>(),
        height in 0..400_u32,
    ) {
        let id = HeaderId(pick.index(tree.len()) as u32);
        let found = tree.last_where(id, |id| tree.entry(id).height() <= height);
        prop_assert_eq!(found, tree.ancestor(id, height.min(tree.entry(id).height())));
        prop_assert_eq!(tree.last_where(id, |_| false), None);
    }

    #[test]
    fn headers_come_out_as_they_went_in((tree, headers) in random_tree()) {
        for (at, header) in headers.iter().enumerate() {
            let id = tree.find(&header.block_hash()).unwrap();
            prop_assert_eq!(id.at(), at);
            prop_assert_eq!(tree.header(id), *header);
            prop_assert_eq!(tree.entry(id).hash(), header.block_hash());
        }
        prop_assert_eq!(tree.find(&unmined(&headers[0], u64::MAX).block_hash()), None);
    }

    #[test]
    fn a_snapshot_does_not_see_what_comes_later(parents in prop::collection::vec(any::<u16>(), 2..200)) {
        let (before, _) = tree_of(&parents[..parents.len() / 2]);
        let snapshot = before.clone();
        let mut later = before;
        let tip = later.header(HeaderId(later.len() as u32 - 1));
        let more = chain_of(&tip, 50, |parent, i| unmined(parent, 1000 + i));
        for header in &more {
            let parent = later.find(&header.prev_blockhash).unwrap();
            later.insert(header, header.block_hash(), parent);
        }
        prop_assert_eq!(snapshot.len() + more.len(), later.len());
        prop_assert!(more.iter().all(|header| snapshot.find(&header.block_hash()).is_none()));
        prop_assert!(more.iter().all(|header| later.find(&header.block_hash()).is_some()));
    }
}

#[test]
fn any_ancestor_of_a_long_chain_is_a_few_steps_away() {
    let start = genesis(&regtest());
    let mut tree = HeaderTree::new(&start);
    let mut last = HeaderId::GENESIS;
    for header in chain_of(&start, 100_000, unmined) {
        last = tree.insert(&header, header.block_hash(), last);
    }
    for height in (0..100_000).step_by(997) {
        assert_eq!(tree.ancestor(last, height), Some(HeaderId(height)));
        let steps = std::cell::Cell::new(0);
        let found = tree.last_where(last, |id| {
            steps.set(steps.get() + 1);
            id.0 <= height
        });
        assert_eq!(found, Some(HeaderId(height)));
        assert!(steps.get() < 250, "{} looks for {height}", steps.get());
    }
}

#[test]
fn mainnets_headers_have_the_work_that_everybody_knows() {
    let Some(headers) = mainnet_headers() else {
        return;
    };
    let mut tree = HeaderTree::new(&headers[0]);
    for header in &headers[1..] {
        let parent = tree.find(&header.prev_blockhash).unwrap();
        tree.insert(header, header.block_hash(), parent);
    }
    let hash = "00000000dfd5d65c9d8561b4b8f60a63018fe3933ecb131fb37f905f87da951a";
    let block_2000 = tree.entry(tree.find(&hash.parse().unwrap()).unwrap());
    assert_eq!(block_2000.height(), 2000);
    assert_eq!(block_2000.chainwork().to_string(), "8594360698833");
}

#[test]
fn the_median_time_past_of_a_young_chain_is_that_of_what_there_is() {
    let (tree, headers) = tree_of(&[0; 20]);
    let start = headers[0].time;
    let median = |height| {
        let tip = tree.find(&headers[20].block_hash()).unwrap();
        tree.median_time_past(tree.ancestor(tip, height).unwrap()) - start
    };
    assert_eq!(median(0), 0);
    assert_eq!(median(1), 600);
    assert_eq!(median(2), 600);
    assert_eq!(median(9), 5 * 600);
    assert_eq!(median(20), 15 * 600);
}
