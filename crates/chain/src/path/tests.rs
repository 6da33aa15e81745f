use proptest::prelude::*;
use tipward_primitives::Header;

use super::*;
use crate::Chain;
use crate::testing::{chain_of, chain_with, genesis, insert_all, regtest, unmined};

fn heights(chain: &Chain, from: Height) -> Vec<Height> {
    chain
        .missing(chain.best_header(), from)
        .map(|block| block.height)
        .collect()
}

fn new_chain(count: usize) -> (Chain, Vec<Header>) {
    let headers = chain_of(&genesis(&regtest()), count, unmined);
    (chain_with(&regtest(), &headers), headers)
}

#[test]
fn every_block_of_a_new_chain_but_the_first_is_missing() {
    let (chain, headers) = new_chain(1000);
    let missing: Vec<MissingBlock> = chain.missing(chain.best_header(), 0).collect();
    assert_eq!(missing.len(), 1000);
    for (block, (header, height)) in missing.iter().zip(headers.iter().zip(1..)) {
        assert_eq!(block.hash, header.block_hash());
        assert_eq!(block.height, height);
        assert_eq!(chain.find(&block.hash), Some(block.id));
    }
    assert_eq!(chain.first_missing(chain.best_header()), 1);
}

#[test]
fn nothing_is_missing_when_all_is_stored() {
    let (mut chain, headers) = new_chain(300);
    for header in &headers {
        chain.mark_stored(&header.block_hash(), 1);
    }
    assert_eq!(heights(&chain, 0), []);
    assert_eq!(chain.first_missing(chain.best_header()), 301);
}

#[test]
fn the_way_to_a_branch_begins_where_it_leaves_what_is_stored() {
    let (mut chain, headers) = new_chain(10);
    for header in &headers {
        chain.mark_stored(&header.block_hash(), 1);
    }
    let branch = chain_of(&headers[5], 6, |parent, i| unmined(parent, 100 + i));
    insert_all(&mut chain, &branch);
    assert_eq!(heights(&chain, 0), [7, 8, 9, 10, 11, 12]);
    assert_eq!(heights(&chain, 11), [11, 12]);
    assert_eq!(heights(&chain, 13), []);
}

proptest! {
    #[test]
    fn the_blocks_missing_are_those_not_stored(
        stored in prop::collection::vec(0..700_usize, 0..600),
        from in 0..800_u32,
    ) {
        let (mut chain, headers) = new_chain(700);
        for at in &stored {
            chain.mark_stored(&headers[*at].block_hash(), 1);
        }
        let expected: Vec<Height> = (from.max(1)..=700)
            .filter(|height| !stored.contains(&(*height as usize - 1)))
            .collect();
        prop_assert_eq!(heights(&chain, from), expected);
        let all: Vec<HeaderId> = chain.path(chain.best_header(), from).collect();
        prop_assert_eq!(all.len() as u32, 701_u32.saturating_sub(from));
        prop_assert!(all.iter().zip(from..).all(|(id, height)| chain.height(*id) == height));
    }
}
