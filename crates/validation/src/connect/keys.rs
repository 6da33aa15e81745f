//! Where the coins of a block are looked for: found out once for all that is done with them, and loaded into the processor's
//! caches together, so that it need not wait for one after the other.

use tipward_coins::{CoinCache, KeyHash};

use crate::prepared::{PreparedBlock, outpoint_key};

/// The hashes of the outpoints that a block spends and makes.
pub(crate) struct BlockKeys {
    inputs: Vec<KeyHash>,
    outputs: Vec<KeyHash>,
}

impl BlockKeys {
    pub(crate) fn of(prepared: &PreparedBlock, coins: &CoinCache) -> Self {
        let parsed = prepared.block().parsed();
        let mut keys = Self {
            inputs: Vec::with_capacity(parsed.input_count()),
            outputs: Vec::with_capacity(parsed.output_count()),
        };
        for (txid, tx) in prepared.block().transactions() {
            let inputs = tx.inputs().map(|input| coins.hash(input.outpoint_bytes()));
            keys.inputs.extend(inputs);
            let outputs = (0..tx.outputs().len()).map(|vout| outpoint_key(txid, vout));
            keys.outputs.extend(outputs.map(|key| coins.hash(&key)));
        }
        coins.touch(&keys.inputs);
        coins.touch(&keys.outputs);
        keys
    }

    /// Of an input, counted through the block.
    pub(crate) fn input(&self, flat: usize) -> KeyHash {
        self.inputs[flat]
    }

    /// Of an output, counted through the block.
    pub(crate) fn output(&self, flat: usize) -> KeyHash {
        self.outputs[flat]
    }
}
