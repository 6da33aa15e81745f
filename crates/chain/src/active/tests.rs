use tipward_primitives::Header;

use super::*;
use crate::TipStatus;
use crate::testing::{chain_with, fork, hashes, insert_all, regtest, store_all, unmined};

fn refs(chain: &Chain, hashes: &[BlockHash]) -> Vec<BlockRef> {
    hashes
        .iter()
        .map(|hash| chain.block_ref(chain.find(hash).unwrap()))
        .collect()
}

/// What validation does: it goes to the candidate.
fn advance(chain: &mut Chain) -> Option<TipChange> {
    let candidate = chain.hash(chain.candidate());
    chain.set_tip(&candidate)
}

#[test]
fn the_tip_moves_along_a_chain_and_over_to_another() {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    let (trunk, branch) = (hashes(&trunk), hashes(&branch));

    let change = chain.set_tip(&trunk[3]).unwrap();
    assert_eq!(change.disconnected, []);
    assert_eq!(change.connected, refs(&chain, &trunk));
    assert_eq!(chain.set_tip(&trunk[3]), None);

    let change = chain.set_tip(&branch[2]).unwrap();
    assert_eq!(change.disconnected, refs(&chain, &[trunk[3], trunk[2]]));
    assert_eq!(change.connected, refs(&chain, &branch));
    assert_eq!(chain.tip_hash(), branch[2]);
    assert_eq!(chain.hash_at(2), Some(trunk[1]));
    assert_eq!(chain.hash_at(3), Some(branch[0]));
    assert_eq!(chain.hash_at(6), None);

    let change = chain.set_tip(&trunk[0]).unwrap();
    assert_eq!(change.connected, []);
    assert_eq!(change.disconnected.len(), 4);
    assert_eq!(chain.tip_height(), 1);
}

#[test]
fn the_tip_moves_to_no_block_that_is_unknown_or_not_stored_with_all_before_it() {
    let (trunk, branch) = fork(4, 1);
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &trunk[1..]);
    for header in trunk.iter().chain(&branch) {
        assert_eq!(chain.set_tip(&header.block_hash()), None);
    }
    assert_eq!(chain.tip(), HeaderId::GENESIS);
}

#[test]
fn the_tip_of_an_earlier_run_keeps_its_side_of_a_tie() {
    let (trunk, branch) = fork(4, 2);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    assert_eq!(chain.hash(chain.candidate()), trunk[3].block_hash());

    chain.restore_tip(&branch[1].block_hash());

    assert_eq!(chain.candidate(), chain.tip());
    assert_eq!(chain.tip_hash(), branch[1].block_hash());
    // An earlier part of the way keeps it too.
    chain.mark_invalid(&branch[1].block_hash());
    chain.mark_invalid(&trunk[3].block_hash());
    assert_eq!(chain.hash(chain.candidate()), branch[0].block_hash());
}

#[test]
fn a_block_of_an_earlier_runs_active_chain_is_no_stranger() {
    let (trunk, branch) = fork(4, 1);
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &trunk);
    store_all(&mut chain, &branch);
    chain.restore_tip(&trunk[3].block_hash());
    let id = chain.find(&branch[0].block_hash()).unwrap();
    assert!(!chain.is_validated(id));
    chain.mark_validated(&branch[0].block_hash());
    assert!(chain.is_validated(id));
    let statuses: Vec<_> = chain.tips().iter().map(|tip| tip.status).collect();
    assert_eq!(statuses, [TipStatus::Active, TipStatus::ValidFork]);
}

#[test]
fn tips_are_named_as_core_names_them() {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &trunk[..3]);
    advance(&mut chain);
    insert_all(&mut chain, &branch);
    let status_of = |chain: &Chain, header: &Header| {
        let hash = header.block_hash();
        let tip = chain.tips().into_iter().find(|tip| tip.hash == hash);
        tip.map(|tip| (tip.status.as_str(), tip.branch_len))
    };

    // The active tip is a tip though headers build on it.
    assert_eq!(status_of(&chain, &trunk[2]), Some(("active", 0)));
    assert_eq!(status_of(&chain, &trunk[3]), Some(("headers-only", 1)));
    assert_eq!(status_of(&chain, &branch[2]), Some(("headers-only", 3)));

    store_all(&mut chain, &branch);
    advance(&mut chain);
    assert_eq!(status_of(&chain, &branch[2]), Some(("active", 0)));
    assert_eq!(status_of(&chain, &trunk[2]), None);
    assert_eq!(status_of(&chain, &trunk[3]), Some(("headers-only", 2)));
    store_all(&mut chain, &trunk[3..]);
    advance(&mut chain);
    // Its last block was never active.
    assert_eq!(status_of(&chain, &trunk[3]), Some(("valid-headers", 2)));

    let longer = unmined(&trunk[3], 7);
    let longest = unmined(&longer, 8);
    insert_all(&mut chain, &[longer, longest]);
    store_all(&mut chain, &[longer, longest]);
    advance(&mut chain);
    assert_eq!(status_of(&chain, &longest), Some(("active", 0)));
    assert_eq!(status_of(&chain, &branch[2]), Some(("valid-fork", 3)));

    chain.mark_invalid(&branch[0].block_hash());
    assert_eq!(status_of(&chain, &branch[2]), Some(("invalid", 3)));
    let heights: Vec<_> = chain.tips().iter().map(|tip| tip.height).collect();
    assert_eq!(heights, [6, 5]);
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let (trunk, branch) = fork(4, 3);
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &trunk);
    advance(&mut chain);
    let before = chain.view();
    let tips = before.tips();

    insert_all(&mut chain, &branch);
    store_all(&mut chain, &branch);
    advance(&mut chain);
    chain.mark_invalid(&trunk[2].block_hash());

    assert_eq!(before.tip_hash(), trunk[3].block_hash());
    assert_eq!(before.hash_at(4), Some(trunk[3].block_hash()));
    assert_eq!(before.hash_at(5), None);
    assert_eq!(before.hash(before.best_header()), trunk[3].block_hash());
    assert_eq!(before.find(&branch[0].block_hash()), None);
    assert!(!before.is_invalid(before.tip()));
    assert_eq!(before.tips(), tips);
    assert_eq!(chain.tip_hash(), branch[2].block_hash());
}
