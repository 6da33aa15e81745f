//! What connecting a block consists of, step by step and without threads: for benchmarks. The connect thread takes the same
//! steps.

use tipward_coins::{CoinCache, SpentCoins, undo};
use tipward_consensus::{BlockContext, CheckedBlock};

use crate::connect::keys::BlockKeys;
use crate::connect::{apply, rules};
use crate::prepared::PreparedBlock;

/// A block on its way into the coin set.
#[derive(Debug)]
pub struct Steps {
    prepared: PreparedBlock,
    context: BlockContext,
}

impl Steps {
    /// Finds out which outputs are spent within the block.
    pub fn prepare(block: CheckedBlock, context: BlockContext) -> Self {
        Self {
            prepared: PreparedBlock::new(block),
            context,
        }
    }

    /// Applies the rules that need coins; returns what the block spends. Locks by relative time are over.
    ///
    /// # Errors
    ///
    /// Why the block cannot be connected.
    pub fn judge(&self, coins: &mut CoinCache) -> Result<SpentCoins, String> {
        let keys = BlockKeys::of(&self.prepared, coins);
        let judged = rules::judge(&self.prepared, &keys, &self.context, coins, |_| 0);
        judged.map_err(|refusal| format!("{refusal:?}"))
    }

    /// Takes out what the block spends and puts in what it makes.
    pub fn connect(&self, coins: &mut CoinCache) {
        let keys = BlockKeys::of(&self.prepared, coins);
        apply::connect(&self.prepared, &keys, coins);
    }

    /// Takes [`Steps::connect`] back.
    pub fn disconnect(&self, spent: &SpentCoins, coins: &mut CoinCache) {
        apply::disconnect(&self.prepared, spent, coins);
    }

    /// The block's undo data.
    pub fn undo(&self, spent: &SpentCoins) -> Vec<u8> {
        undo::encode(self.prepared.inputs_per_transaction(), spent)
    }
}
