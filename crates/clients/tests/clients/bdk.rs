//! bdk's emitter of blocks, which wallets follow a node with.

use bdk_bitcoind_rpc::bitcoincore_rpc::{Client, RpcApi as _};
use bdk_bitcoind_rpc::{Emitter, NO_EXPECTED_MEMPOOL_TXS};
use bitcoincore_rpc::bitcoin::{BlockHash, constants::genesis_block};

use crate::node::{RegtestNode, generate, generate_marked};

/// An emitter of a wallet that knows the genesis block only.
fn emitter(client: &Client) -> Emitter<&Client> {
    let genesis = genesis_block(bitcoincore_rpc::bitcoin::Network::Regtest).block_hash();
    let checkpoint = bdk_core::CheckPoint::new(bdk_core::BlockId {
        height: 0,
        hash: genesis,
    });
    Emitter::new(client, checkpoint, 0, NO_EXPECTED_MEMPOOL_TXS)
}

/// All blocks that it emits until it has none, as height and hash.
fn drain(emitter: &mut Emitter<&Client>) -> Vec<(u32, BlockHash)> {
    let mut blocks = Vec::new();
    while let Some(event) = emitter.next_block().unwrap() {
        assert_eq!(event.block.block_hash(), event.block_hash());
        if let Some((_, parent)) = blocks.last() {
            assert_eq!(event.block.header.prev_blockhash, *parent);
        }
        blocks.push((event.block_height(), event.block_hash()));
    }
    blocks
}

#[test]
fn the_emitter_goes_from_genesis_to_the_tip_and_over_a_reorganization() {
    let node = RegtestNode::start();
    let client = node.client();
    let made = generate(&client, 105);
    let mut emitter = emitter(&client);
    let expected: Vec<(u32, BlockHash)> = (1..).zip(made.iter().copied()).collect();
    assert_eq!(drain(&mut emitter), expected);
    let mempool = emitter.mempool().unwrap();
    assert!(mempool.update.is_empty() && mempool.evicted.is_empty());
    assert_eq!(drain(&mut emitter), []);

    // Another branch from height 102 on, one block longer.
    client.invalidate_block(&made[102]).unwrap();
    assert_eq!(client.get_block_count().unwrap(), 102);
    let branch: Vec<BlockHash> = (1..=4).map(|mark| generate_marked(&client, mark)).collect();
    let expected: Vec<(u32, BlockHash)> = (103..).zip(branch).collect();
    assert_eq!(drain(&mut emitter), expected);
    assert_eq!(client.get_block_count().unwrap(), 106);

    // And a block at a time at the tip.
    let next = generate(&client, 1)[0];
    assert_eq!(drain(&mut emitter), [(107, next)]);
}
