use crate::Chain;
use crate::testing::{
    chain_of, chain_with, fork, genesis, hashes, insert_all, regtest, store_all, unmined,
};

#[test]
fn a_deleted_block_of_the_active_chain_leaves_all_that_builds_on_it_complete() {
    let trunk = chain_of(&genesis(&regtest()), 6, unmined);
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &trunk[..5]);
    let hashes = hashes(&trunk);
    chain.set_tip(&hashes[4]).unwrap();
    assert_eq!(chain.pruned_below(), 0);

    assert!(!chain.mark_pruned(&hashes[..3]));
    let id = |at: usize| chain.find(&hashes[at]).unwrap();
    for at in 0..3 {
        assert!(chain.is_pruned(id(at)) && !chain.is_stored(id(at)) && chain.is_linked(id(at)));
        assert_eq!(chain.transactions(id(at)), Some(1));
    }
    assert!(!chain.is_pruned(id(3)) && !chain.is_pruned(id(5)));
    assert_eq!(chain.pruned_below(), 4);
    assert_eq!(chain.first_missing(id(5)), 6);
    // The next block extends the chain as ever.
    assert!(chain.mark_stored(&hashes[5], 1));
    assert!(chain.set_tip(&hashes[5]).is_some());
    assert_eq!(chain.chain_transactions(chain.tip()), Some(7));
}

#[test]
fn a_deleted_block_that_is_fetched_again_changes_nothing_but_that_it_is_there() {
    let (trunk, branch) = fork(4, 2);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    let hashes = hashes(&trunk);
    chain.set_tip(&hashes[3]).unwrap();
    let before = chain.candidate();
    chain.mark_pruned(&hashes[..2]);
    assert!(!chain.mark_stored(&hashes[1], 1));
    assert!(chain.is_stored(chain.find(&hashes[1]).unwrap()));
    assert_eq!(chain.candidate(), before);
    // Of two branches with the same work, the first complete stays the one to choose.
    assert!(!chain.choose_candidate());
}

/// A trunk that is active, and a branch that has more work and is complete.
fn with_better_branch() -> (Chain, Vec<tipward_primitives::BlockHash>) {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    chain.set_tip(&trunk[3].block_hash()).unwrap();
    store_all(&mut chain, &branch);
    (chain, hashes(&branch))
}

#[test]
fn a_branch_that_lacks_a_deleted_block_is_no_candidate_until_it_is_there_again() {
    let (mut chain, branch) = with_better_branch();
    let end = chain.find(&branch[2]).unwrap();
    assert_eq!(chain.candidate(), end);

    assert!(chain.mark_pruned(&branch[1..2]));
    assert_eq!(chain.candidate(), chain.tip());
    assert_eq!(chain.pruned_below(), 0);
    assert_eq!(chain.first_missing(end), 4);
    let missing: Vec<_> = chain.missing(end, 0).map(|block| block.hash).collect();
    assert_eq!(missing, [branch[1]]);

    assert!(chain.mark_stored(&branch[1], 1));
    assert_eq!(chain.candidate(), end);
    assert!(chain.set_tip(&branch[2]).is_some());
}
