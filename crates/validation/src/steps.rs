//! What connecting a block consists of, step by step and without threads: for benchmarks. The connect thread takes the same
//! steps.

use tipward_coins::{CoinCache, SpentCoins, undo};
use tipward_consensus::{BlockContext, CheckedBlock};

use crate::connect::coins_ahead::CoinsAhead;
use crate::connect::{apply, rules};
use crate::prepared::PreparedBlock;

/// A block on its way into the coin set.
#[derive(Debug)]
pub struct Steps {
    prepared: PreparedBlock,
    context: BlockContext,
}

impl Steps {
    /// Finds out which outputs are spent within the block, and where in `coins` the others are looked for.
    pub fn prepare(block: CheckedBlock, context: BlockContext, coins: &CoinCache) -> Self {
        Self {
            prepared: PreparedBlock::new(block, coins.hasher()),
            context,
        }
    }

    /// Applies the rules that need coins; returns what the block spends. Locks by relative time are over.
    ///
    /// # Errors
    ///
    /// Why the block cannot be connected.
    pub fn judge(&self, coins: &CoinCache) -> Result<SpentCoins, String> {
        self.touch(coins);
        let ahead = CoinsAhead::none();
        let judged = rules::judge(&self.prepared, &ahead, &self.context, coins, |_| 0);
        judged.map_err(|refusal| format!("{refusal:?}"))
    }

    /// Takes out what the block spends and puts in what it makes.
    pub fn connect(&self, coins: &mut CoinCache) {
        self.touch(coins);
        apply::connect(&self.prepared, coins);
    }

    fn touch(&self, coins: &CoinCache) {
        let keys = self.prepared.keys();
        coins.touch(keys.inputs(), keys.outputs());
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
