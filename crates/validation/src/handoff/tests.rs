use tipward_coins::KeyHasher;
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::{Network, Params};

use super::*;
use crate::tests::connecting::Miner;

/// Blocks of a chain, in order, which begin at height 1.
fn blocks(count: usize) -> Vec<Arc<PreparedBlock>> {
    let params = Params::new(Network::Regtest);
    let hasher = KeyHasher::random();
    let prepare = |(height, block): (u32, tipward_primitives::RawBlock)| {
        let context = BlockContext::new(&params, block.header(), height, 0);
        let checked = check_block(&context, block).unwrap();
        Arc::new(PreparedBlock::new(checked, hasher))
    };
    (1..).zip(Miner::new(43).mine(count)).map(prepare).collect()
}

#[test]
fn what_it_does_not_want_it_would_drop() {
    let blocks = blocks(8);
    let room: usize = [4, 5, 7]
        .map(|height| blocks[height - 1].memory())
        .iter()
        .sum();
    let handoff = Handoff::new(room);
    // Whether it is wanted; what is not, is not kept either.
    let put = |height: u32| {
        let block = &blocks[height as usize - 1];
        let wanted = handoff.wants(height);
        handoff.put(Arc::clone(block));
        let taken = handoff.take(height, &block.block().hash());
        if let Some(taken) = &taken {
            handoff.put(Arc::clone(taken));
        }
        assert!(wanted || taken.is_none(), "block {height}");
        wanted
    };
    assert!(put(5) && put(4) && put(7));
    // Full: what comes sooner takes the place of what comes later.
    assert!(!put(8));
    assert!(put(3));
    // What is connected makes room.
    handoff.connected(4);
    assert!(put(6));
    assert!(handoff.load().1 <= room);
}
