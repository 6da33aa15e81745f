//! The coins of a chain, worked out from its blocks in the plainest way: by going over all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use tipward_chain::Fault;
use tipward_coins::SetInfo;
use tipward_consensus::{Reject, RejectKind};
use tipward_muhash::{MuHash, coin_bytes};
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{Block, OutPoint};
use tipward_primitives::{BlockHash, Height};
use tipward_rpc::{BlockUndo, CoinRef, CoinSet, CoinValue};

/// Coins, and what each block spent.
#[derive(Clone)]
pub(crate) struct Ledger {
    tip: BlockHash,
    height: Height,
    /// By the bytes of the transaction's id, as a coin set orders them, and the output's index.
    coins: BTreeMap<([u8; 32], u32), CoinValue>,
    undo: HashMap<BlockHash, BlockUndo>,
}

fn key(outpoint: &OutPoint) -> ([u8; 32], u32) {
    (outpoint.txid.to_byte_array(), outpoint.vout)
}

impl Ledger {
    /// After the genesis block, whose output is no coin.
    pub(crate) fn new(genesis: BlockHash) -> Self {
        Self {
            tip: genesis,
            height: 0,
            coins: BTreeMap::new(),
            undo: HashMap::new(),
        }
    }

    /// Connects the next block; changes nothing if it spends what is not there.
    pub(crate) fn connect(&mut self, block: &Block) -> Result<(), Reject> {
        let mut after = self.clone();
        after.height += 1;
        after.tip = block.block_hash();
        let mut undo = BlockUndo::new();
        for tx in &block.txdata {
            if !tx.is_coinbase() {
                let spent = tx.input.iter().map(|input| {
                    let coin = after.coins.remove(&key(&input.previous_output));
                    coin.ok_or_else(|| {
                        Reject::new(
                            RejectKind::Consensus,
                            "bad-txns-inputs-missingorspent",
                            "a detail",
                        )
                    })
                });
                undo.push(spent.collect::<Result<_, _>>()?);
            }
            let txid = tx.compute_txid();
            for (vout, output) in (0..).zip(&tx.output) {
                if output.script_pubkey.is_op_return() {
                    continue;
                }
                let coin = CoinValue {
                    height: after.height,
                    coinbase: tx.is_coinbase(),
                    value: output.value.to_sat(),
                    script: output.script_pubkey.clone(),
                };
                after.coins.insert(key(&OutPoint { txid, vout }), coin);
            }
        }
        after.undo.insert(after.tip, undo);
        *self = after;
        Ok(())
    }

    pub(crate) fn undo(&self, hash: &BlockHash) -> Option<BlockUndo> {
        self.undo.get(hash).cloned()
    }
}

impl CoinSet for Ledger {
    fn tip(&self) -> BlockHash {
        self.tip
    }

    fn get(&self, outpoint: &OutPoint) -> Result<Option<CoinValue>, Fault> {
        Ok(self.coins.get(&key(outpoint)).cloned())
    }

    fn visit(&self, visitor: &mut dyn FnMut(CoinRef<'_>) -> ControlFlow<()>) -> Result<(), Fault> {
        for ((txid, vout), coin) in &self.coins {
            let coin = CoinRef {
                outpoint: OutPoint {
                    txid: tipward_primitives::bitcoin::Txid::from_byte_array(*txid),
                    vout: *vout,
                },
                height: coin.height,
                coinbase: coin.coinbase,
                value: coin.value,
                script: coin.script.as_bytes(),
            };
            if visitor(coin).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn info(&self, muhash: bool, _: &AtomicBool) -> Result<Option<SetInfo>, Fault> {
        let mut info = SetInfo {
            coins: self.coins.len() as u64,
            ..SetInfo::default()
        };
        let mut hash = MuHash::EMPTY;
        let mut transactions = BTreeSet::new();
        self.visit(&mut |coin| {
            transactions.insert(coin.outpoint.txid);
            info.total_amount += coin.value;
            info.bogo_size += 50 + coin.script.len() as u64;
            let mut bytes = Vec::new();
            let value = coin.value.cast_signed();
            coin_bytes(
                &mut bytes,
                &coin.outpoint,
                coin.height,
                coin.coinbase,
                value,
                coin.script,
            );
            hash.insert(&bytes);
            ControlFlow::Continue(())
        })?;
        info.transactions = transactions.len() as u64;
        info.muhash = muhash.then(|| hash.digest());
        Ok(Some(info))
    }

    fn disk_size(&self) -> u64 {
        4096
    }
}
