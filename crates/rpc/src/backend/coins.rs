//! Coins, and what spent them: the part of a node that only validation can fill.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use tipward_chain::Fault;
use tipward_coins::SetInfo;
use tipward_primitives::bitcoin::{OutPoint, ScriptBuf};
use tipward_primitives::{BlockHash, Height};

/// A coin: an output, and where it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinValue {
    /// Height of the block that made it.
    pub height: Height,
    /// Whether a coinbase made it.
    pub coinbase: bool,
    /// In satoshis.
    pub value: u64,
    /// The script that guards it.
    pub script: ScriptBuf,
}

/// A coin of a [`CoinSet`] while it is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoinRef<'a> {
    /// Where it is.
    pub outpoint: OutPoint,
    /// Height of the block that made it.
    pub height: Height,
    /// Whether a coinbase made it.
    pub coinbase: bool,
    /// In satoshis.
    pub value: u64,
    /// The script that guards it.
    pub script: &'a [u8],
}

/// The coins that a block spends: one list for each transaction but the coinbase, one coin for each input, in the order of
/// the block.
pub type BlockUndo = Vec<Vec<CoinValue>>;

/// All coins after one block, whatever is connected meanwhile. Every method blocks the thread on the disk.
pub trait CoinSet: Send + 'static {
    /// The block after which these are the coins; the genesis block, which makes none, if no other is validated.
    fn tip(&self) -> BlockHash;

    /// A coin, if it is there.
    fn get(&self, outpoint: &OutPoint) -> Result<Option<CoinValue>, Fault>;

    /// Visits all coins, ordered by the bytes of their transaction's id (least significant first), those of one
    /// transaction together, until told to stop.
    fn visit(&self, visitor: &mut dyn FnMut(CoinRef<'_>) -> ControlFlow<()>) -> Result<(), Fault>;

    /// Goes over all coins, on as many threads as it likes. `None` soon after `stop` is set.
    fn info(&self, muhash: bool, stop: &AtomicBool) -> Result<Option<SetInfo>, Fault>;

    /// Bytes that the coins take on disk, about.
    fn disk_size(&self) -> u64;
}
