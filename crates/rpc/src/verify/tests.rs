use std::collections::HashMap;
use std::sync::Arc;

use bitcoin::OutPoint;
use tipward_chain::Chain;
use tipward_primitives::{Network, Params};
use tipward_testkit::generate::{ChainGenerator, ChainOptions};

use super::disconnect::outputs;
use super::*;
use crate::CoinValue;
use crate::testing::CoinList;

const BLOCKS: Height = 125;

/// A chain with blocks, undo data and coins, made naively, of which tests damage something.
struct Lab {
    chain: Chain,
    blocks: HashMap<BlockHash, RawBlock>,
    undo: HashMap<BlockHash, BlockUndo>,
    coins: HashMap<OutPoint, CoinValue>,
}

impl Ground for Lab {
    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        Ok(self.blocks.get(hash).cloned())
    }

    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault> {
        Ok(self.undo.get(hash).cloned())
    }

    fn check_scripts(
        &self,
        _: &RawBlock,
        _: &BlockUndo,
        _: ScriptFlags,
    ) -> Result<(), SubmitError> {
        Ok(())
    }
}

impl Lab {
    fn new() -> Self {
        let mut lab = Self {
            chain: Chain::new(Arc::new(Params::new(Network::Regtest))),
            blocks: HashMap::new(),
            undo: HashMap::new(),
            coins: HashMap::new(),
        };
        let options = ChainOptions {
            blocks: BLOCKS,
            ..ChainOptions::default()
        };
        for (raw, height) in ChainGenerator::new(options).zip(1..) {
            let hash = raw.block_hash();
            lab.chain.insert_stored(&raw.header()).unwrap();
            let block = ParsedBlock::parse(raw.clone()).unwrap();
            lab.chain
                .mark_stored(&hash, block.transaction_count() as u32);
            let mut undo = BlockUndo::new();
            for tx in block.transactions() {
                if !tx.is_coinbase() {
                    let spent = tx.inputs().map(|input| lab.coins.remove(&input.outpoint()));
                    undo.push(spent.map(Option::unwrap).collect());
                }
                lab.coins.extend(outputs(tx, height));
            }
            lab.blocks.insert(hash, raw);
            lab.undo.insert(hash, undo);
            lab.chain.set_tip(&hash).unwrap();
        }
        lab
    }

    fn id(&self, height: Height) -> HeaderId {
        self.chain.active_at(height).unwrap()
    }

    fn hash(&self, height: Height) -> BlockHash {
        self.chain.hash(self.id(height))
    }

    fn verifier(&self, level: u32) -> Verifier<'_> {
        Verifier {
            ground: self,
            view: &self.chain,
            level,
        }
    }

    /// Back to the genesis block, and forward again.
    fn hold_against_the_coins(&self) -> Result<(), Damage> {
        let coins = self.coins.iter();
        let coins = CoinList(coins.map(|(at, coin)| (*at, coin.clone())).collect());
        let verifier = self.verifier(4);
        let mut check = CoinCheck::new(&verifier, &coins);
        for height in (1..=BLOCKS).rev() {
            check.back(self.id(height))?;
        }
        for height in 1..=BLOCKS {
            check.forward(self.id(height))?;
        }
        Ok(())
    }

    /// A block that spends what another one made, and what it spends.
    fn spender(&self) -> (Height, CoinValue) {
        let mut heights = (1..=BLOCKS).rev();
        heights
            .find_map(|height| {
                let undo = &self.undo[&self.hash(height)];
                let coin = undo.iter().flatten().find(|coin| coin.height < height)?;
                Some((height, coin.clone()))
            })
            .unwrap()
    }
}

#[test]
fn what_is_whole_is_found_whole() {
    let lab = Lab::new();
    for height in 1..=BLOCKS {
        lab.verifier(2).block(lab.id(height)).unwrap();
    }
    lab.hold_against_the_coins().unwrap();
}

#[test]
fn what_is_lost_is_found_at_its_block_and_at_the_level_that_looks_at_it() {
    let mut lab = Lab::new();
    let (without_block, without_undo) = (lab.hash(40), lab.hash(50));
    lab.blocks.remove(&without_block);
    lab.undo.remove(&without_undo);
    for (height, level, part) in [
        (40, 0, Some(Part::Block)),
        (50, 1, None),
        (50, 2, Some(Part::Undo)),
        (60, 2, None),
    ] {
        let damage = lab.verifier(level).block(lab.id(height)).err();
        let found = damage.map(|damage| (damage.height, damage.part));
        assert_eq!(found, part.map(|part| (height, part)));
    }
}

#[test]
fn a_coin_that_is_missing_or_another_is_found_at_the_block_that_made_it() {
    for other in [false, true] {
        let mut lab = Lab::new();
        let (outpoint, coin) = lab.coins.iter().next().unwrap();
        let (outpoint, mut coin) = (*outpoint, coin.clone());
        lab.coins.remove(&outpoint);
        if other {
            coin.value += 1;
            lab.coins.insert(outpoint, coin.clone());
        }
        let damage = lab.hold_against_the_coins().unwrap_err();
        assert_eq!((damage.height, damage.part), (coin.height, Part::Coins));
        assert!(damage.what.contains(&outpoint.to_string()), "{damage}");
    }
}

#[test]
fn a_coin_that_is_there_and_spent_is_found_at_the_block_that_spent_it() {
    let mut lab = Lab::new();
    let (height, coin) = lab.spender();
    let block = ParsedBlock::parse(lab.blocks[&lab.hash(height)].clone()).unwrap();
    let undo = &lab.undo[&lab.hash(height)];
    let spent = block.transactions().skip(1).zip(undo);
    let inputs = spent.flat_map(|(tx, coins)| tx.inputs().zip(coins));
    let spent = inputs.into_iter().find(|(_, spent)| **spent == coin);
    let outpoint = spent.unwrap().0.outpoint();
    lab.coins.insert(outpoint, coin);
    let damage = lab.hold_against_the_coins().unwrap_err();
    assert_eq!((damage.height, damage.part), (height, Part::Coins));
    assert!(damage.what.contains(&outpoint.to_string()), "{damage}");
}

#[test]
fn undo_data_that_says_another_coin_is_found_at_the_block_that_made_the_coin() {
    let mut lab = Lab::new();
    let (height, coin) = lab.spender();
    let hash = lab.hash(height);
    let undo = lab.undo.get_mut(&hash).unwrap();
    let spent = undo.iter_mut().flatten().find(|spent| **spent == coin);
    spent.unwrap().value += 1;
    let damage = lab.hold_against_the_coins().unwrap_err();
    assert_eq!((damage.height, damage.part), (coin.height, Part::Coins));
}
