use std::sync::Arc;

use tipward_chain::Chain;
use tipward_primitives::{Network, Params, RawBlock};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, Fork, ForkOrder};

use super::*;

fn spot(offset: u64) -> Spot {
    Spot {
        file: 0,
        size: 100,
        offset,
    }
}

/// A header tree with a branch beside the best chain, and the blocks of both, as they were made.
fn tree() -> (Chain, Vec<RawBlock>) {
    let blocks: Vec<RawBlock> = ChainGenerator::new(ChainOptions {
        blocks: 6,
        forks: vec![Fork {
            base: 2,
            length: 2,
            order: ForkOrder::Last,
        }],
        ..ChainOptions::default()
    })
    .collect();
    let mut chain = Chain::new(Arc::new(Params::new(Network::Regtest)));
    for block in &blocks {
        chain.insert_stored(&block.header()).unwrap();
    }
    (chain, blocks)
}

fn found(chain: &Chain, blocks: &[RawBlock]) -> Vec<(HeaderId, Spot)> {
    let id = |block: &RawBlock| chain.find(&block.block_hash()).unwrap();
    let ids = blocks.iter().map(id);
    ids.zip((0..).map(spot)).collect()
}

fn heights(chain: &Chain, plan: &Plan) -> Vec<(u32, bool)> {
    let each = plan.items.iter();
    each.map(|item| (chain.height(item.id), item.connects))
        .collect()
}

#[test]
fn blocks_are_fed_by_height_the_best_chain_first() {
    let (chain, blocks) = tree();
    let mut shuffled = found(&chain, &blocks);
    shuffled.reverse();
    let plan = Catalog::of(shuffled).plan(&chain, |_| 0);
    assert_eq!(
        heights(&chain, &plan),
        [
            (1, true),
            (2, true),
            (3, true),
            (3, false),
            (4, true),
            (4, false),
            (5, true),
            (6, true)
        ]
    );
    assert_eq!((plan.known, plan.waiting, plan.bytes()), (0, 0, 800));
}

#[test]
fn what_is_stored_is_not_fed_and_what_lies_behind_a_gap_does_not_connect() {
    let (mut chain, blocks) = tree();
    let best: Vec<RawBlock> = {
        let tree = chain.view();
        let path = tree.path(tree.best_header(), 1);
        let hashes: Vec<_> = path.map(|id| tree.hash(id)).collect();
        let find = |hash| blocks.iter().find(move |block| block.block_hash() == hash);
        hashes.into_iter().filter_map(find).cloned().collect()
    };
    chain.mark_stored(&best[1].block_hash(), 1);
    let all = found(&chain, &best);
    let without_the_fifth = all.into_iter().filter(|(id, _)| chain.height(*id) != 5);
    let plan = Catalog::of(without_the_fifth.collect()).plan(&chain, |_| 77);
    assert_eq!(
        heights(&chain, &plan),
        [(1, true), (3, true), (4, true), (6, false)]
    );
    assert_eq!((plan.known, plan.waiting), (1, 77));
}

#[test]
fn of_several_copies_the_first_is_fed_and_the_others_are_to_spare() {
    let (chain, blocks) = tree();
    let once = found(&chain, &blocks[..1]);
    let id = once[0].0;
    let copies = [30, 10, 20].map(|offset| (id, spot(offset)));
    let plan = Catalog::of(copies.to_vec()).plan(&chain, |_| 0);
    assert_eq!(plan.items.len(), 1);
    assert_eq!(plan.items[0].spot, spot(30));
    assert_eq!(plan.spare[&id], [spot(20), spot(10)]);
}
