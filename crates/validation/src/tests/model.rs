//! The coin set as anybody would write it down.

use std::collections::BTreeMap;

use bitcoin::consensus::{deserialize, serialize};
use bitcoin::{Block, OutPoint};
use tipward_coins::OutPointKey;
use tipward_primitives::RawBlock;

use crate::FoundCoin;

pub(super) type Coins = BTreeMap<OutPointKey, FoundCoin>;

pub(super) fn key(outpoint: &OutPoint) -> OutPointKey {
    serialize(outpoint).try_into().unwrap()
}

pub(super) fn decode(block: &RawBlock) -> Block {
    deserialize(block.bytes()).unwrap()
}

/// The coins after these blocks, the first of which has height 1.
pub(super) fn coins_of<'a>(blocks: impl IntoIterator<Item = &'a RawBlock>) -> Coins {
    let mut coins = Coins::new();
    for (height, block) in (1..).zip(blocks) {
        for tx in decode(block).txdata {
            if !tx.is_coinbase() {
                for input in &tx.input {
                    coins.remove(&key(&input.previous_output)).unwrap();
                }
            }
            let txid = tx.compute_txid();
            for (vout, output) in (0..).zip(&tx.output) {
                if output.script_pubkey.is_op_return() {
                    continue;
                }
                let coin = FoundCoin {
                    height,
                    coinbase: tx.is_coinbase(),
                    value: output.value.to_sat(),
                    script: output.script_pubkey.to_bytes(),
                };
                coins.insert(key(&OutPoint { txid, vout }), coin);
            }
        }
    }
    coins
}
