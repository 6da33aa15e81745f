use std::sync::Arc;

use tipward_coins::{KeyHasher, SpentCoins};
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::{Network, Params};

use super::Trail;
use crate::prepared::{PreparedBlock, outpoint_key};
use crate::tests::connecting::Miner;

/// Blocks of a chain, in order.
fn blocks(count: usize) -> Vec<Arc<PreparedBlock>> {
    let params = Params::new(Network::Regtest);
    let blocks = Miner::new(41).mine(count);
    let hasher = KeyHasher::random();
    let prepare = |(height, block): (u32, tipward_primitives::RawBlock)| {
        let context = BlockContext::new(&params, block.header(), height, 0);
        let checked = check_block(&context, block).unwrap();
        Arc::new(PreparedBlock::new(checked, hasher))
    };
    (1..).zip(blocks).map(prepare).collect()
}

#[test]
fn there_and_back_again_is_no_way() {
    let blocks = blocks(3);
    let spent = Arc::new(SpentCoins::new());
    let mut trail = Trail::new(1 << 20);
    assert!(!trail.taken_back(&blocks[2]));
    assert!(!trail.taken_back(&blocks[1]));
    assert!(!trail.connected(&blocks[1], &spent));
    assert!(!trail.connected(&blocks[2], &spent));
    assert_eq!((trail.steps.len(), trail.bytes), (0, 0));
    assert!(!trail.connected(&blocks[0], &spent));
    assert!(!trail.taken_back(&blocks[0]));
    assert_eq!((trail.steps.len(), trail.bytes), (0, 0));
}

#[test]
fn a_way_that_is_too_long_says_so_and_keeps_its_end() {
    let blocks = blocks(4);
    let spent = Arc::new(SpentCoins::new());
    let last_three: usize = blocks[1..].iter().map(|block| block.memory()).sum();
    // A byte less than all four take.
    let mut trail = Trail::new(last_three + blocks[0].memory() - 1);
    for block in &blocks[..3] {
        assert!(!trail.connected(block, &spent));
    }
    assert!(trail.connected(&blocks[3], &spent));
    assert_eq!((trail.steps.len(), trail.bytes), (3, last_three));
    trail.keep(1);
    assert_eq!((trail.steps.len(), trail.bytes), (1, blocks[3].memory()));
    trail.keep(0);
    assert_eq!(trail.bytes, 0);
}

#[test]
fn a_block_may_touch_all_that_it_makes_and_spends_and_little_else() {
    let blocks = blocks(120);
    let block = &blocks[119];
    let made: Vec<_> = block
        .block()
        .txids()
        .map(|txid| outpoint_key(txid, 0))
        .collect();
    let spent: Vec<_> = block.spends().copied().collect();
    assert!(made.len() > 1 && !spent.is_empty());
    assert!(made.iter().chain(&spent).all(|key| block.may_touch(key)));
    let others = blocks[..100].iter().flat_map(|other| other.block().txids());
    let strangers: Vec<_> = others
        .map(|txid| outpoint_key(txid, 0))
        .filter(|key| !spent.iter().any(|spent| spent[..32] == key[..32]))
        .collect();
    assert!(strangers.len() > 50);
    assert!(!strangers.iter().any(|key| block.may_touch(key)));
}
