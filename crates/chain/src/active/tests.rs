mod model;

use proptest::prelude::*;
use tipward_primitives::Header;

use self::model::{Op, check};
use super::*;
use crate::TipStatus;
use crate::testing::{chain_of, chain_with, genesis, hashes, insert_all, regtest, unmined};

fn store_all(chain: &mut Chain, hashes: &[BlockHash]) {
    for hash in hashes {
        chain.mark_stored(hash, 1);
    }
}

fn refs(chain: &Chain, hashes: &[BlockHash]) -> Vec<BlockRef> {
    hashes
        .iter()
        .map(|hash| chain.block_ref(chain.find(hash).unwrap()))
        .collect()
}

/// A trunk of four blocks, and on its second one a branch of three.
fn fork() -> (Vec<Header>, Vec<Header>) {
    let trunk = chain_of(&genesis(&regtest()), 4, unmined);
    let branch = chain_of(&trunk[1], 3, |parent, i| unmined(parent, 100 + i));
    (trunk, branch)
}

#[test]
fn the_tip_follows_the_blocks_that_are_stored_in_order() {
    let headers = chain_of(&genesis(&regtest()), 3, unmined);
    let mut chain = chain_with(&regtest(), &headers);
    for (header, height) in headers.iter().zip(1..) {
        let change = chain.mark_stored(&header.block_hash(), 7).unwrap();
        assert_eq!(change.disconnected, []);
        assert_eq!(change.connected, refs(&chain, &[header.block_hash()]));
        assert_eq!(chain.tip_hash(), header.block_hash());
        assert_eq!(chain.tip_height(), height);
        assert_eq!(
            chain.chain_transactions(chain.tip()),
            Some(1 + 7 * u64::from(height))
        );
    }
}

#[test]
fn blocks_stored_ahead_of_the_tip_join_it_when_the_gap_closes() {
    let headers = chain_of(&genesis(&regtest()), 1000, unmined);
    let mut chain = chain_with(&regtest(), &headers);
    let hashes = hashes(&headers);
    for hash in hashes[1..].iter().rev() {
        assert_eq!(chain.mark_stored(hash, 2), None);
    }
    assert_eq!(chain.tip(), HeaderId::GENESIS);
    assert_eq!(chain.chain_transactions(chain.best_header()), None);

    let change = chain.mark_stored(&hashes[0], 2).unwrap();

    assert_eq!(change.disconnected, []);
    assert_eq!(change.connected, refs(&chain, &hashes));
    assert_eq!(chain.tip_height(), 1000);
    assert_eq!(chain.chain_transactions(chain.tip()), Some(2001));
}

#[test]
fn a_block_is_stored_once_and_only_if_its_header_is_known() {
    let headers = chain_of(&genesis(&regtest()), 2, unmined);
    let mut chain = chain_with(&regtest(), &headers[..1]);
    assert!(chain.mark_stored(&headers[0].block_hash(), 3).is_some());
    assert_eq!(chain.mark_stored(&headers[0].block_hash(), 4), None);
    assert_eq!(chain.transactions(chain.tip()), Some(3));
    assert_eq!(chain.mark_stored(&headers[1].block_hash(), 1), None);
    assert_eq!(
        chain.mark_stored(&genesis(&regtest()).block_hash(), 9),
        None
    );
    assert_eq!(chain.transactions(HeaderId::GENESIS), Some(1));
}

#[test]
fn the_tip_moves_over_to_a_heavier_branch_when_all_of_it_is_stored() {
    let (trunk, branch) = fork();
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &hashes(&trunk));
    insert_all(&mut chain, &branch);
    let (trunk, branch) = (hashes(&trunk), hashes(&branch));
    assert_eq!(chain.hash(chain.best_header()), branch[2]);

    assert_eq!(chain.mark_stored(&branch[2], 1), None);
    assert_eq!(chain.mark_stored(&branch[0], 1), None);
    let change = chain.mark_stored(&branch[1], 1).unwrap();

    assert_eq!(change.disconnected, refs(&chain, &[trunk[3], trunk[2]]));
    assert_eq!(change.connected, refs(&chain, &branch));
    assert_eq!(chain.tip_hash(), branch[2]);
    assert_eq!(chain.hash_at(2), Some(trunk[1]));
    assert_eq!(chain.hash_at(3), Some(branch[0]));
    assert_eq!(chain.hash_at(6), None);
}

#[test]
fn of_two_branches_with_the_same_work_the_first_complete_one_stays() {
    let start = genesis(&regtest());
    let (a, b) = (unmined(&start, 1), unmined(&start, 2));
    let mut chain = chain_with(&regtest(), &[a, b]);

    chain.mark_stored(&b.block_hash(), 1).unwrap();
    assert_eq!(chain.mark_stored(&a.block_hash(), 1), None);

    assert_eq!(chain.tip_hash(), b.block_hash());
    assert_eq!(chain.hash(chain.best_header()), a.block_hash());
}

#[test]
fn an_invalid_block_takes_what_builds_on_it_out_of_the_active_chain() {
    let (trunk, branch) = fork();
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch[..2]);
    store_all(&mut chain, &hashes(&trunk));
    store_all(&mut chain, &hashes(&branch[..2]));
    let (trunk, branch) = (hashes(&trunk), hashes(&branch[..2]));
    assert_eq!(chain.tip_hash(), trunk[3]);

    let change = chain.mark_invalid(&trunk[2]).unwrap();

    assert_eq!(change.disconnected, refs(&chain, &[trunk[3], trunk[2]]));
    assert_eq!(change.connected, refs(&chain, &branch));
    assert_eq!(chain.hash(chain.best_header()), branch[1]);
    let statuses: Vec<_> = chain.tips().iter().map(|tip| tip.status).collect();
    assert_eq!(statuses, [TipStatus::Invalid, TipStatus::Active]);

    let change = chain.mark_invalid(&trunk[0]).unwrap();

    assert_eq!(change.connected, []);
    assert_eq!(chain.tip(), HeaderId::GENESIS);
    assert_eq!(chain.best_header(), HeaderId::GENESIS);
}

#[test]
fn an_invalid_block_far_from_the_active_chain_changes_the_best_header_only() {
    let (trunk, branch) = fork();
    let mut chain = chain_with(&regtest(), &trunk);
    insert_all(&mut chain, &branch);
    store_all(&mut chain, &hashes(&trunk[..2]));

    assert_eq!(chain.mark_invalid(&branch[1].block_hash()), None);

    assert_eq!(chain.hash(chain.best_header()), trunk[3].block_hash());
    assert_eq!(chain.tip_hash(), trunk[1].block_hash());
}

#[test]
fn an_invalid_block_stays_out_even_if_it_is_stored() {
    let (trunk, _) = fork();
    let mut chain = chain_with(&regtest(), &trunk);
    chain.mark_invalid(&trunk[1].block_hash());
    store_all(&mut chain, &hashes(&trunk));
    assert_eq!(chain.tip_hash(), trunk[0].block_hash());
}

#[test]
fn the_genesis_block_cannot_be_invalid() {
    let mut chain = chain_with(&regtest(), &fork().0);
    let start = chain.hash(HeaderId::GENESIS);
    assert_eq!(chain.mark_invalid(&start), None);
    assert!(!chain.is_invalid(chain.best_header()));
}

#[test]
fn tips_are_named_as_core_names_them() {
    let (trunk, branch) = fork();
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &hashes(&trunk[..3]));
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

    store_all(&mut chain, &hashes(&branch));
    assert_eq!(status_of(&chain, &branch[2]), Some(("active", 0)));
    assert_eq!(status_of(&chain, &trunk[2]), None);
    assert_eq!(status_of(&chain, &trunk[3]), Some(("headers-only", 2)));
    store_all(&mut chain, &hashes(&trunk[3..]));
    // Its last block was never active.
    assert_eq!(status_of(&chain, &trunk[3]), Some(("valid-headers", 2)));

    let longer = unmined(&trunk[3], 7);
    let longest = unmined(&longer, 8);
    insert_all(&mut chain, &[longer, longest]);
    store_all(&mut chain, &hashes(&[longer, longest]));
    assert_eq!(status_of(&chain, &longest), Some(("active", 0)));
    assert_eq!(status_of(&chain, &branch[2]), Some(("valid-fork", 3)));

    chain.mark_invalid(&branch[0].block_hash());
    assert_eq!(status_of(&chain, &branch[2]), Some(("invalid", 3)));
    let heights: Vec<_> = chain.tips().iter().map(|tip| tip.height).collect();
    assert_eq!(heights, [6, 5]);
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let (trunk, branch) = fork();
    let mut chain = chain_with(&regtest(), &trunk);
    store_all(&mut chain, &hashes(&trunk));
    let before = chain.view();
    let tips = before.tips();

    insert_all(&mut chain, &branch);
    store_all(&mut chain, &hashes(&branch));
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
