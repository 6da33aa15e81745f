//! A checked block with what can be known without coins of the coins that it moves.

use std::sync::OnceLock;

use hashbrown::{HashMap, HashSet};
use tipward_coins::{Coin, KeyHasher, OutPointKey};
use tipward_consensus::{CheckedBlock, OutputView, is_unspendable};
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::keys::BlockKeys;

/// No output of the block.
const NONE: u32 = u32::MAX;

/// A block that is ready to be connected as soon as its coins are known. Made on a worker.
///
/// An output that is spent within its block never enters the coin set: which ones these are is found here, so that
/// connecting and disconnecting pass over them.
#[derive(Debug)]
pub(crate) struct PreparedBlock {
    block: CheckedBlock,
    keys: BlockKeys,
    /// For each input of the block the output of the same block that it spends, both counted through the block.
    sources: Vec<u32>,
    /// For each output of the block: spent within the block.
    passing: Vec<bool>,
    /// The first input that spends what an input before it spends.
    first_double: Option<usize>,
    /// Beginnings of the ids of all transactions that the block holds or spends from, sorted; made when somebody asks.
    touched: OnceLock<Vec<u64>>,
}

impl PreparedBlock {
    /// `hasher` is that of the coins to which the block is connected.
    pub(crate) fn new(block: CheckedBlock, hasher: KeyHasher) -> Self {
        let parsed = block.parsed();
        let mut sources = Vec::with_capacity(parsed.input_count());
        let mut passing = vec![false; parsed.output_count()];
        let mut first_double = None;
        let mut seen: HashSet<&OutPointKey> = HashSet::with_capacity(parsed.input_count());
        // Transactions so far: id, first output, end of outputs.
        let mut made: HashMap<[u8; 32], (usize, usize)> =
            HashMap::with_capacity(block.transaction_count());
        let mut first_output = 0;
        for (txid, tx) in block.transactions() {
            for input in tx.inputs() {
                let key = input.outpoint_bytes();
                if !seen.insert(key) && first_double.is_none() {
                    first_double = Some(sources.len());
                }
                let source = source_of(key, &made).filter(|flat| {
                    parsed
                        .output(*flat)
                        .is_some_and(|output| !is_unspendable(output.script_pubkey()))
                });
                if let Some(flat) = source {
                    passing[flat] = true;
                }
                // A block of 4 MB has fewer outputs than that.
                sources.push(source.map_or(NONE, |flat| flat as u32));
            }
            let end = first_output + tx.outputs().len();
            made.insert(txid.to_byte_array(), (first_output, end));
            first_output = end;
        }
        drop(seen);
        Self {
            keys: BlockKeys::of(&block, hasher),
            block,
            sources,
            passing,
            first_double,
            touched: OnceLock::new(),
        }
    }

    pub(crate) fn block(&self) -> &CheckedBlock {
        &self.block
    }

    /// Where its coins are looked for.
    pub(crate) fn keys(&self) -> &BlockKeys {
        &self.keys
    }

    /// The output of this block that input `flat` (counted through the block) spends, counted likewise.
    pub(crate) fn source(&self, flat: usize) -> Option<usize> {
        match self.sources.get(flat) {
            None | Some(&NONE) => None,
            Some(source) => Some(*source as usize),
        }
    }

    /// Input `flat` is the first one that spends what another input before it spends.
    pub(crate) fn is_double_spend(&self, flat: usize) -> bool {
        self.first_double == Some(flat)
    }

    /// The coin that an output makes: none if it can never be spent, or is spent within the block.
    pub(crate) fn enters(&self, flat: usize, output: &OutputView<'_>) -> bool {
        !self.passing.get(flat).copied().unwrap_or(false) && !is_unspendable(output.script_pubkey())
    }

    /// The coin of an output of this block.
    pub(crate) fn coin<'a>(&self, coinbase: bool, output: &OutputView<'a>) -> Coin<'a> {
        Coin {
            height: self.block.height(),
            coinbase,
            // Not negative: the block was checked.
            value: output.value().unsigned_abs(),
            script: output.script_pubkey(),
        }
    }

    /// The outpoints that the block spends and does not make itself.
    pub(crate) fn spends(&self) -> impl Iterator<Item = &OutPointKey> {
        let coinbase_inputs = 1;
        self.block
            .parsed()
            .transactions()
            .flat_map(|tx| tx.inputs())
            .zip(&self.sources)
            .skip(coinbase_inputs)
            .filter(|(_, source)| **source == NONE)
            .map(|(input, _)| input.outpoint_bytes())
    }

    /// False if the block neither makes nor spends the outpoint. Nearly always true only if it does, and quickly said: who
    /// looks through many blocks need not read them all. (The first time takes as long as to read this one.)
    pub(crate) fn may_touch(&self, key: &OutPointKey) -> bool {
        let touched = self.touched.get_or_init(|| {
            let made = self
                .block
                .txids()
                .map(|txid| beginning(txid.as_byte_array()));
            let spent = self.spends().map(|key| beginning(key));
            let mut touched: Vec<u64> = made.chain(spent).collect();
            touched.sort_unstable();
            touched.dedup();
            touched
        });
        touched.binary_search(&beginning(key)).is_ok()
    }

    /// It holds the transaction with this id.
    pub(crate) fn makes(&self, txid: &[u8; 32]) -> bool {
        self.block.txids().any(|id| id.as_byte_array() == txid)
    }

    /// The coin that the block makes at `key`, if it makes one.
    pub(crate) fn made_coin(&self, key: &OutPointKey) -> Option<Coin<'_>> {
        let (txid, index) = key.split_first_chunk::<32>()?;
        let wanted = u32::from_le_bytes(*index.first_chunk()?) as usize;
        let mut output_number = 0;
        for (number, (id, tx)) in self.block.transactions().enumerate() {
            if id.as_byte_array() == txid {
                let output = tx.outputs().nth(wanted)?;
                let enters = self.enters(output_number + wanted, &output);
                return enters.then(|| self.coin(number == 0, &output));
            }
            output_number += tx.outputs().len();
        }
        None
    }

    /// The input that spends `key`, counted through the block without the coinbase's.
    pub(crate) fn spends_at(&self, key: &OutPointKey) -> Option<usize> {
        let transactions = self.block.parsed().transactions().skip(1);
        transactions
            .flat_map(|tx| tx.inputs())
            .position(|input| input.outpoint_bytes() == key)
    }

    /// Inputs of each transaction but the coinbase, as undo data counts them.
    pub(crate) fn inputs_per_transaction(&self) -> impl ExactSizeIterator<Item = usize> {
        let parsed = self.block.parsed();
        parsed.transactions().skip(1).map(|tx| tx.inputs().len())
    }

    /// Bytes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        let parsed = self.block.parsed();
        // What the parser keeps for each, and what is kept here.
        parsed.size()
            + 64 * parsed.transaction_count()
            + 28 * parsed.input_count()
            + 21 * parsed.output_count()
            // If somebody asks what it touches.
            + 8 * (parsed.transaction_count() + parsed.input_count())
    }
}

/// The first bytes of an id. Whoever makes many ids that begin alike makes a few look-ups slow.
fn beginning(id: &[u8]) -> u64 {
    id.first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Where a transaction's output is, counted through the block.
fn source_of(key: &OutPointKey, made: &HashMap<[u8; 32], (usize, usize)>) -> Option<usize> {
    let (txid, index) = key.split_first_chunk::<32>()?;
    let (first, end) = made.get(txid)?;
    let index = u32::from_le_bytes(*index.first_chunk()?) as usize;
    let flat = first.checked_add(index)?;
    (flat < *end).then_some(flat)
}

/// The key of a transaction's output.
pub(crate) fn outpoint_key(txid: tipward_primitives::Txid, index: usize) -> OutPointKey {
    let mut key = [0; 36];
    key[..32].copy_from_slice(txid.as_byte_array());
    // A transaction has fewer outputs than 2^32.
    key[32..].copy_from_slice(&(index as u32).to_le_bytes());
    key
}
