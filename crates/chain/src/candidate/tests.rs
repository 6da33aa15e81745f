mod model;

use proptest::prelude::*;
use tipward_primitives::Header;

use self::model::{Op, check};
use super::*;
use crate::testing::{
    chain_of, chain_with, fork, genesis, hashes, insert_all, regtest, store_all, unmined,
};

fn candidate(chain: &Chain) -> BlockHash {
    chain.hash(chain.candidate())
}

fn best_header(chain: &Chain) -> BlockHash {
    chain.hash(chain.best_header())
}

#[test]
fn the_candidate_follows_the_blocks_that_are_stored_in_order() {
    let headers = chain_of(&genesis(&regtest()), 3, unmined);
    let mut chain = chain_with(&regtest(), &headers);
    for (header, height) in headers.iter().zip(1..) {
        assert!(chain.mark_stored(&header.block_hash(), 7));
        assert_eq!(candidate(&chain), header.block_hash());
        assert_eq!(
            chain.chain_transactions(chain.candidate()),
            Some(1 + 7 * height)
        );
    }
    // The active chain waits for validation.
    assert_eq!(chain.tip(), HeaderId::GENESIS);
}

#[test]
fn blocks_stored_ahead_are_complete_when_the_gap_closes() {
    let headers = chain_of(&genesis(&regtest()), 1000, unmined);
    let mut chain = chain_with(&regtest(), &headers);
    let hashes = hashes(&headers);
    for hash in hashes[1..].iter().rev() {
        assert!(!chain.mark_stored(hash, 2));
    }
    assert_eq!(chain.candidate(), HeaderId::GENESIS);
    assert_eq!(chain.chain_transactions(chain.best_header()), None);

    assert!(chain.mark_stored(&hashes[0], 2));

    assert_eq!(candidate(&chain), hashes[999]);
    assert_eq!(chain.chain_transactions(chain.candidate()), Some(2001));
}

#[test]
fn a_block_is_stored_once_and_only_if_its_header_is_known() {
    let headers = chain_of(&genesis(&regtest()), 2, unmined);
    let mut chain = chain_with(&regtest(), &headers[..1]);
    assert!(chain.mark_stored(&headers[0].block_hash(), 3));
    assert!(!chain.mark_stored(&headers[0].block_hash(), 4));
    assert_eq!(chain.transactions(chain.candidate()), Some(3));
    assert!(!chain.mark_stored(&headers[1].block_hash(), 1));
    assert!(!chain.mark_stored(&genesis(&regtest()).block_hash(), 9));
    assert_eq!(chain.transactions(HeaderId::GENESIS), Some(1));
}

#[test]
fn a_heavier_branch_is_the_candidate_when_all_of_it_is_stored() {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &trunk);
    insert_all(&mut chain, &branch);
    let (trunk, branch) = (hashes(&trunk), hashes(&branch));
    assert_eq!(best_header(&chain), branch[2]);

    assert!(!chain.mark_stored(&branch[2], 1));
    assert!(!chain.mark_stored(&branch[0], 1));
    assert_eq!(candidate(&chain), trunk[3]);
    assert!(chain.mark_stored(&branch[1], 1));
    assert_eq!(candidate(&chain), branch[2]);
}

#[test]
fn of_two_branches_with_the_same_work_the_first_complete_one_stays() {
    let start = genesis(&regtest());
    let (a, b) = (unmined(&start, 1), unmined(&start, 2));
    let mut chain = chain_with(&regtest(), &[a, b]);

    assert!(chain.mark_stored(&b.block_hash(), 1));
    assert!(!chain.mark_stored(&a.block_hash(), 1));

    assert_eq!(candidate(&chain), b.block_hash());
    assert_eq!(best_header(&chain), a.block_hash());
}

#[test]
fn of_blocks_that_wait_for_the_same_one_the_first_stored_is_the_first_complete() {
    let start = genesis(&regtest());
    let parent = unmined(&start, 1);
    let (a, b) = (unmined(&parent, 1), unmined(&parent, 2));
    let mut chain = chain_with(&regtest(), &[parent, a, b]);

    assert!(!chain.mark_stored(&b.block_hash(), 1));
    assert!(!chain.mark_stored(&a.block_hash(), 1));
    assert!(chain.mark_stored(&parent.block_hash(), 1));

    assert_eq!(candidate(&chain), b.block_hash());
    assert_eq!(best_header(&chain), a.block_hash());
}

#[test]
fn an_invalid_block_and_what_builds_on_it_are_no_candidates() {
    let (trunk, branch) = fork(4, 2);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    chain.set_tip(&trunk[3].block_hash());
    let (trunk, branch) = (hashes(&trunk), hashes(&branch));
    assert_eq!(candidate(&chain), trunk[3]);

    assert!(chain.mark_invalid(&trunk[2]));

    assert_eq!(candidate(&chain), branch[1]);
    assert_eq!(best_header(&chain), branch[1]);
    // Until validation has left it.
    assert_eq!(chain.tip_hash(), trunk[3]);
    assert!(!chain.is_validated(chain.tip()));

    assert!(chain.mark_invalid(&trunk[0]));
    assert_eq!(chain.candidate(), HeaderId::GENESIS);
    assert_eq!(chain.best_header(), HeaderId::GENESIS);
    assert!(!chain.mark_invalid(&trunk[0]));
}

#[test]
fn an_invalid_block_far_from_the_candidate_changes_the_best_header_only() {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk[..2]);

    assert!(chain.mark_invalid(&branch[1].block_hash()));

    assert_eq!(best_header(&chain), trunk[3].block_hash());
    assert_eq!(candidate(&chain), trunk[1].block_hash());
}

#[test]
fn an_invalid_block_stays_out_even_if_it_is_stored() {
    let (trunk, _) = fork(4, 0);
    let mut chain = chain_with(&regtest(), &trunk);
    chain.mark_invalid(&trunk[1].block_hash());
    store_all(&mut chain, &trunk);
    assert_eq!(candidate(&chain), trunk[0].block_hash());
}

#[test]
fn the_genesis_block_cannot_be_invalid() {
    let mut chain = chain_with(&regtest(), &fork(4, 0).0);
    let start = chain.hash(HeaderId::GENESIS);
    assert!(!chain.mark_invalid(&start));
    assert!(!chain.is_invalid(chain.best_header()));
}

#[test]
fn after_an_invalid_block_the_best_header_is_on_the_active_chain_if_it_has_as_much_work() {
    let start = genesis(&regtest());
    let (first, second) = (unmined(&start, 1), unmined(&start, 2));
    let next = unmined(&second, 3);
    let mut chain = chain_with(&regtest(), &[first, second, next]);
    store_all(&mut chain, &[second, next]);
    chain.set_tip(&next.block_hash());

    chain.mark_invalid(&next.block_hash());

    assert_eq!(best_header(&chain), second.block_hash());
}

#[test]
fn a_block_that_is_reconsidered_takes_its_way_and_what_builds_on_it_along_but_no_other_branch() {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    chain.mark_invalid(&trunk[0].block_hash());
    assert_eq!(chain.candidate(), HeaderId::GENESIS);

    assert!(chain.reconsider(&trunk[2].block_hash()));

    assert_eq!(candidate(&chain), trunk[3].block_hash());
    assert_eq!(best_header(&chain), trunk[3].block_hash());
    let invalid = |header: &Header| chain.is_invalid(chain.find(&header.block_hash()).unwrap());
    assert!(!trunk.iter().any(invalid));
    assert!(branch.iter().all(invalid));

    assert!(chain.reconsider(&branch[0].block_hash()));
    assert_eq!(candidate(&chain), branch[2].block_hash());
    assert_eq!(best_header(&chain), branch[2].block_hash());
    assert!(!chain.reconsider(&branch[0].block_hash()));
}

#[test]
fn a_reconsidered_branch_that_was_complete_first_wins_the_tie_again() {
    let (trunk, branch) = fork(4, 2);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    chain.mark_invalid(&trunk[3].block_hash());
    assert_eq!(candidate(&chain), branch[1].block_hash());
    assert!(chain.reconsider(&trunk[3].block_hash()));
    assert_eq!(candidate(&chain), trunk[3].block_hash());
}

#[test]
fn the_kept_marks_of_a_reconsidered_block_do_not_condemn_what_came_after() {
    let (trunk, branch) = fork(4, 2);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    let mut marks = vec![(trunk[0].block_hash(), BlockMark::Invalid)];
    chain.mark_invalid(&trunk[0].block_hash());
    let pardoned = trunk[3].block_hash();
    marks.extend(chain.marks_of_reconsidering(&pardoned));
    chain.reconsider(&pardoned);
    let late = unmined(&trunk[0], 77);
    insert_all(&mut chain, &[late]);
    assert!(!chain.is_invalid(chain.find(&late.block_hash()).unwrap()));

    let mut again = chain_with(&regtest(), &trunk);
    insert_all(&mut again, &branch);
    insert_all(&mut again, &[late]);
    for (hash, mark) in marks {
        match mark {
            BlockMark::Invalid => again.mark_invalid(&hash),
            BlockMark::Reconsidered => again.reconsider(&hash),
        };
    }

    assert_eq!(again.tips(), chain.tips());
    assert_eq!(again.best_header(), chain.best_header());
}

#[test]
fn a_precious_block_wins_ties_until_another_brings_more_work() {
    let start = genesis(&regtest());
    let (a, b, c) = (unmined(&start, 1), unmined(&start, 2), unmined(&start, 3));
    let mut chain = chain_with(&regtest(), &[a, b, c]);
    store_all(&mut chain, &[a, b, c]);
    assert_eq!(candidate(&chain), a.block_hash());

    assert!(chain.precious(&b.block_hash()));
    assert_eq!(candidate(&chain), b.block_hash());
    assert!(chain.precious(&c.block_hash()));
    assert_eq!(candidate(&chain), c.block_hash());
    assert!(chain.precious(&b.block_hash()));
    assert_eq!(candidate(&chain), b.block_hash());

    let next = unmined(&a, 4);
    insert_all(&mut chain, &[next]);
    store_all(&mut chain, &[next]);
    assert_eq!(candidate(&chain), next.block_hash());
    assert!(!chain.precious(&b.block_hash()));
    assert_eq!(candidate(&chain), next.block_hash());
}

#[test]
fn a_block_that_is_not_stored_or_is_invalid_cannot_become_the_candidate_by_being_precious() {
    let start = genesis(&regtest());
    let (a, b) = (unmined(&start, 1), unmined(&start, 2));
    let mut chain = chain_with(&regtest(), &[a, b]);
    store_all(&mut chain, &[a]);
    assert!(!chain.precious(&b.block_hash()));
    store_all(&mut chain, &[b]);
    assert_eq!(candidate(&chain), a.block_hash());
    chain.mark_invalid(&b.block_hash());
    assert!(!chain.precious(&b.block_hash()));
    // As in Bitcoin Core it is preferred once it is no longer invalid.
    assert!(chain.reconsider(&b.block_hash()));
    assert_eq!(candidate(&chain), b.block_hash());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_chain_is_what_a_naive_one_is(ops in prop::collection::vec(model::op(), 1..80)) {
        check(&ops);
    }
}

#[test]
fn the_naive_chain_agrees_on_a_long_way_back() {
    let mut ops = vec![Op::Add { parent: 0, bits: 0 }; 30];
    ops.extend((0..30).map(|pick| Op::Store { pick }));
    ops.push(Op::Snapshot);
    ops.push(Op::Invalidate { pick: 3 });
    check(&ops);
}
