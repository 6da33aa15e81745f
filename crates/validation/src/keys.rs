//! Where the coins of a block are looked for: found out once, on a worker, for all that is done with them.

use tipward_coins::{KeyHash, KeyHasher};
use tipward_consensus::CheckedBlock;

use crate::prepared::outpoint_key;

/// The hashes of the outpoints that a block spends and makes.
#[derive(Debug)]
pub(crate) struct BlockKeys {
    inputs: Vec<KeyHash>,
    outputs: Vec<KeyHash>,
}

impl BlockKeys {
    pub(crate) fn of(block: &CheckedBlock, hasher: KeyHasher) -> Self {
        let parsed = block.parsed();
        let mut keys = Self {
            inputs: Vec::with_capacity(parsed.input_count()),
            outputs: Vec::with_capacity(parsed.output_count()),
        };
        for (txid, tx) in block.transactions() {
            let inputs = tx.inputs().map(|input| hasher.hash(input.outpoint_bytes()));
            keys.inputs.extend(inputs);
            let outputs = (0..tx.outputs().len()).map(|vout| outpoint_key(txid, vout));
            keys.outputs.extend(outputs.map(|key| hasher.hash(&key)));
        }
        keys
    }

    /// Of all inputs, counted through the block.
    pub(crate) fn inputs(&self) -> &[KeyHash] {
        &self.inputs
    }

    /// Of all outputs, counted through the block.
    pub(crate) fn outputs(&self) -> &[KeyHash] {
        &self.outputs
    }
}
