use std::collections::BTreeMap;

use tipward_muhash::{MuHash, SetDigest, coin_bytes};
use tipward_primitives::Height;
use tipward_primitives::bitcoin::{Block, OutPoint, ScriptBuf, TxOut};

use crate::OracleError;

/// Scripts longer than this cannot be spent from, and are not kept.
const MAX_SCRIPT_SIZE: usize = 10_000;

/// An unspent output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Height of the block that made it.
    pub height: Height,
    /// A coinbase made it.
    pub coinbase: bool,
    /// Value and script.
    pub output: TxOut,
}

/// A set of coins, in the order in which Bitcoin Core stores them but for the byte order of indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coins(BTreeMap<OutPoint, Coin>);

impl Coins {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The coin at an outpoint.
    pub fn get(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.0.get(outpoint)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&OutPoint, &Coin)> {
        self.0.iter()
    }

    /// Value of all together, in satoshis.
    pub fn total(&self) -> u64 {
        self.0.values().map(|coin| coin.output.value.to_sat()).sum()
    }

    /// The hash of the set, as Bitcoin Core's `gettxoutsetinfo muhash` has it.
    pub fn muhash(&self) -> SetDigest {
        let mut set = MuHash::EMPTY;
        let mut bytes = Vec::new();
        for (outpoint, coin) in self.iter() {
            bytes.clear();
            coin_bytes(
                &mut bytes,
                outpoint,
                coin.height,
                coin.coinbase,
                coin.output.value.to_sat().cast_signed(),
                coin.output.script_pubkey.as_bytes(),
            );
            set.insert(&bytes);
        }
        set.digest()
    }

    pub(crate) fn insert(&mut self, outpoint: OutPoint, coin: Coin) {
        self.0.insert(outpoint, coin);
    }

    /// Applies the block at `height`, whose undo data says that it spent `undo`, in the order of its inputs.
    pub(crate) fn connect(
        &mut self,
        block: &Block,
        height: Height,
        undo: impl IntoIterator<Item = Coin>,
    ) -> Result<(), OracleError> {
        let mut undo = undo.into_iter();
        for tx in &block.txdata {
            if !tx.is_coinbase() {
                for input in &tx.input {
                    let spent = self.0.remove(&input.previous_output);
                    if spent.is_none() || spent != undo.next() {
                        let outpoint = input.previous_output;
                        return Err(OracleError::Undo { height, outpoint });
                    }
                }
            }
            let txid = tx.compute_txid();
            for (vout, output) in (0..).zip(&tx.output) {
                if is_unspendable(&output.script_pubkey) {
                    continue;
                }
                let coin = Coin {
                    height,
                    coinbase: tx.is_coinbase(),
                    output: output.clone(),
                };
                self.0.insert(OutPoint { txid, vout }, coin);
            }
        }
        Ok(())
    }
}

fn is_unspendable(script: &ScriptBuf) -> bool {
    script.is_op_return() || script.len() > MAX_SCRIPT_SIZE
}
