//! Coins and undo data, in the RPC server's own words.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64};

use tipward_chain::Fault;
use tipward_coins::{
    Coin, CoinsDb, CoinsError, CoinsSnapshot, DbState, OutPointKey, SetInfo, SpentCoins, undo,
};
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{OutPoint, ScriptBuf, Txid};
use tipward_rpc::{BlockUndo, CoinRef, CoinSet, CoinValue, TipRef};
use tipward_store::UndoReader;
use tipward_validation::CoinsHandle;

/// All coins after one block, for `gettxoutsetinfo` and its like.
pub(crate) struct SnapshotSet {
    coins: CoinsSnapshot,
    disk_size: u64,
    genesis: BlockHash,
}

impl SnapshotSet {
    /// Blocks the thread until the coins of the validated tip are on disk.
    pub(super) fn take(
        handle: &CoinsHandle,
        db: &CoinsDb,
        genesis: BlockHash,
    ) -> Result<Self, Fault> {
        Self::of(handle.snapshot()?, db, genesis)
    }

    /// The coins as they are on disk.
    pub(crate) fn of(
        coins: CoinsSnapshot,
        db: &CoinsDb,
        genesis: BlockHash,
    ) -> Result<Self, Fault> {
        Ok(Self {
            coins,
            disk_size: db.disk_size(),
            genesis,
        })
    }
}

impl CoinSet for SnapshotSet {
    fn tip(&self) -> BlockHash {
        match self.coins.state() {
            DbState::At { tip } => tip,
            // A snapshot is taken after a flush, so that there is a tip, but for a chain of the genesis block alone.
            DbState::Empty => self.genesis,
        }
    }

    fn get(&self, outpoint: &OutPoint) -> Result<Option<CoinValue>, Fault> {
        let mut found = SpentCoins::new();
        self.coins
            .get(&key_of(outpoint), &mut found)
            .map_err(fault)?;
        Ok(found.get(0).map(value_of))
    }

    fn visit(&self, visitor: &mut dyn FnMut(CoinRef<'_>) -> ControlFlow<()>) -> Result<(), Fault> {
        let visit = |key: &OutPointKey, coin: Coin<'_>| {
            visitor(CoinRef {
                outpoint: outpoint_of(key),
                height: coin.height,
                coinbase: coin.coinbase,
                value: coin.value,
                script: coin.script,
            })
        };
        self.coins.for_each(&[0; 36], visit).map_err(fault)
    }

    fn info(&self, muhash: bool, stop: &AtomicBool) -> Result<Option<SetInfo>, Fault> {
        // The other half of the cores is left to validation.
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let counted = AtomicU64::new(0);
        self.coins
            .info(muhash, cores.div_ceil(2), &counted, stop)
            .map_err(fault)
    }

    fn disk_size(&self) -> u64 {
        self.disk_size
    }
}

/// One coin as of the validated tip. Blocks the thread if the coin must be read from disk.
pub(super) fn coin(
    handle: &CoinsHandle,
    outpoint: &OutPoint,
) -> Result<(TipRef, Option<CoinValue>), Fault> {
    let answer = handle.coin(&key_of(outpoint))?;
    let tip = TipRef {
        hash: answer.tip,
        height: answer.tip_height,
    };
    let coin = answer.coin.map(|coin| CoinValue {
        height: coin.height,
        coinbase: coin.coinbase,
        value: coin.value,
        script: ScriptBuf::from_bytes(coin.script),
    });
    Ok((tip, coin))
}

/// What a block spent, if it was ever part of the active chain.
pub(crate) fn read_undo(
    reader: &UndoReader,
    hash: &BlockHash,
    parent: &BlockHash,
) -> Result<Option<BlockUndo>, Fault> {
    let stored = reader.read(hash, parent).map_err(|error| Fault {
        what: error.to_string(),
        may_pass: false,
    })?;
    let Some(bytes) = stored else { return Ok(None) };
    let (counts, spent) = undo::decode(&bytes).map_err(|error| Fault {
        what: format!(
            "the undo data of block {hash} cannot be read ({error}); starting with --reindex-chainstate makes it good"
        ),
        may_pass: false,
    })?;
    let mut coins = spent.iter().map(value_of);
    let undo = counts
        .into_iter()
        .map(|count| coins.by_ref().take(count).collect())
        .collect();
    Ok(Some(undo))
}

fn value_of(coin: Coin<'_>) -> CoinValue {
    CoinValue {
        height: coin.height,
        coinbase: coin.coinbase,
        value: coin.value,
        script: ScriptBuf::from_bytes(coin.script.to_vec()),
    }
}

fn key_of(outpoint: &OutPoint) -> OutPointKey {
    let mut key = [0; 36];
    key[..32].copy_from_slice(outpoint.txid.as_byte_array());
    key[32..].copy_from_slice(&outpoint.vout.to_le_bytes());
    key
}

fn outpoint_of(key: &OutPointKey) -> OutPoint {
    let (mut txid, mut vout) = ([0; 32], [0; 4]);
    txid.copy_from_slice(&key[..32]);
    vout.copy_from_slice(&key[32..]);
    OutPoint {
        txid: Txid::from_byte_array(txid),
        vout: u32::from_le_bytes(vout),
    }
}

fn fault(error: CoinsError) -> Fault {
    Fault {
        what: error.to_string(),
        may_pass: error.is_full(),
    }
}
