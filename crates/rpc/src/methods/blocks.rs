//! Whole blocks.

use bitcoin::consensus::encode::{deserialize_partial, serialize};
use bitcoin::hex::DisplayHex as _;
use bitcoin::{Block, Transaction};
use serde_json::{Map, Value};
use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{BlockHash, RawBlock};

use super::chain;
use crate::call::{Call, find, later};
use crate::decode::{Detail, transaction_json};
use crate::error::{RpcError, code};
use crate::json::hex;
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::{Backend, BlockUndo};

pub(super) const METHODS: &[Method] = &[Method {
    name: "getblock",
    category: Category::Blockchain,
    about: "A stored block, of whatever branch.",
    args: &[
        Arg {
            names: &["blockhash"],
            kind: Kind::Hex,
            presence: Presence::Required,
            about: "Hash of the block.",
        },
        Arg {
            names: &["verbosity", "verbose"],
            kind: Kind::NumberOrBool,
            presence: Presence::Default("1"),
            about: "0 for the bytes in hexadecimal, 1 for an object with the ids of the transactions, 2 for one with the \
                    transactions, 3 with the outputs that they spend, too.",
        },
    ],
    result: r#"{
  ...                     (all that getblockheader answers, and:)
  "strippedsize": n,      (numeric) bytes without witnesses
  "size": n,              (numeric) bytes
  "weight": n,            (numeric) weight (BIP141)
  "coinbase_tx": {
    "version": n,         (numeric) version of the coinbase transaction
    "locktime": n,        (numeric) its lock time
    "sequence": n,        (numeric) sequence number of its input
    "coinbase": "hex",    (string) script of its input
    "witness": "hex"      (string, if there is one) first element of its input's witness
  },
  "tx": ["hex", ...]      (array) ids of the transactions, the coinbase's first
}
for verbosity 2, "tx" has objects as of getrawtransaction, with:
  "fee": n                (numeric) fee in BTC, if the block was ever part of the active chain and it is not the coinbase
for verbosity 3, each of their inputs has, if the fee is known:
  "prevout": {
    "generated": b,       (boolean) a coinbase made it
    "height": n,          (numeric) height of the block that made it
    "value": n,           (numeric) in BTC
    "scriptPubKey": {...}
  }
or, for verbosity 0:
"hex"    (string) the block"#,
    examples: &[
        &["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"],
        &[
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            "0",
        ],
    ],
    run: |call| later(getblock(call)),
}];

async fn getblock(call: Call) -> Result<Value, RpcError> {
    let hash = call.hash(0, "blockhash")?;
    let verbosity = verbosity(&call, 1, 1)?;
    let view = call.node.view();
    let id = find(&view, &hash)?;
    check_stored(&view, id)?;
    call.blocking(move |node| {
        let raw = read(node, &hash)?;
        if verbosity <= 0 {
            return Ok(raw.bytes().to_lower_hex_string().into());
        }
        let mut info = chain::header_json(&view, id);
        let block = decode(&raw)?;
        let coinbase = block
            .txdata
            .first()
            .ok_or_else(|| damaged("it has no transactions".into()))?;
        let size = block.total_size();
        // Weight is three times the stripped size plus the size (BIP141).
        let stripped = (block.weight().to_wu() as usize).saturating_sub(size) / 3;
        block_members(&mut info, coinbase, stripped, size);
        let txs = if verbosity == 1 {
            let ids = block.txdata.iter().map(|tx| tx.compute_txid().to_string());
            ids.map(Value::from).collect()
        } else {
            let detail = match verbosity {
                2 => Detail::Plain,
                _ => Detail::Spent,
            };
            transactions_json(node, &hash, &block, detail)?
        };
        info.insert("tx".into(), txs);
        Ok(Value::Object(info))
    })
    .await
}

/// How much is to be told: a number, or true for 1 and false for 0.
pub(super) fn verbosity(call: &Call, at: usize, default: i32) -> Result<i32, RpcError> {
    match call.bool(at) {
        Some(verbose) => Ok(i32::from(verbose)),
        None => Ok(call.int(at)?.unwrap_or(default)),
    }
}

pub(super) fn check_stored(view: &ChainView, id: HeaderId) -> Result<(), RpcError> {
    if view.is_stored(id) {
        Ok(())
    } else if view.is_pruned(id) {
        Err(RpcError::misc("Block not available (pruned data)"))
    } else {
        Err(RpcError::misc("Block not available (not fully downloaded)"))
    }
}

/// Reads a stored block.
pub(crate) fn read(node: &dyn Backend, hash: &BlockHash) -> Result<RawBlock, RpcError> {
    match node.read_block(hash) {
        Ok(Some(block)) => Ok(block),
        // Nobody ever sends the genesis block, so it need not be in a block file.
        Ok(None) if *hash == node.view().params().genesis_hash => Ok(RawBlock::new(
            serialize(&node.view().params().genesis).into(),
        )
        .expect("a serialized block begins with its header")),
        // Deleted since the view was made that showed it.
        Ok(None) if node.pruning().is_some() => {
            Err(RpcError::misc("Block not available (pruned data)"))
        }
        Ok(None) => Err(RpcError::misc("Block not found on disk")),
        Err(error) => Err(RpcError::misc(format!("Block not found on disk: {error}"))),
    }
}

/// Takes a stored block apart. What a block file holds was checked before it was written, but disks do fail.
pub(super) fn decode(raw: &RawBlock) -> Result<Block, RpcError> {
    let (block, _) =
        deserialize_partial::<Block>(raw.bytes()).map_err(|error| damaged(error.to_string()))?;
    if block.txdata.is_empty() {
        return Err(damaged("it has no transactions".into()));
    }
    Ok(block)
}

pub(crate) fn damaged(why: String) -> RpcError {
    RpcError::new(
        code::INTERNAL_ERROR,
        format!("The stored block cannot be read: {why}"),
    )
}

/// The coins that each transaction but the coinbase spends, if there is undo data.
pub(super) fn read_undo(
    node: &dyn Backend,
    hash: &BlockHash,
    block: &Block,
) -> Result<Option<BlockUndo>, RpcError> {
    let unreadable = |why: String| {
        RpcError::new(
            code::INTERNAL_ERROR,
            format!("Undo data expected but can't be read: {why}"),
        )
    };
    let undo = node
        .read_undo(hash)
        .map_err(|fault| unreadable(fault.what))?;
    match undo {
        Some(undo) if undo.len() + 1 != block.txdata.len() => {
            Err(unreadable("it is not that of the block".into()))
        }
        undo => Ok(undo),
    }
}

fn transactions_json(
    node: &dyn Backend,
    hash: &BlockHash,
    block: &Block,
    detail: Detail,
) -> Result<Value, RpcError> {
    let network = node.view().params().network;
    let undo = read_undo(node, hash, block)?;
    let txs = block.txdata.iter().enumerate().map(|(i, tx)| {
        let spent = i.checked_sub(1).and_then(|i| undo.as_ref()?.get(i));
        let mut info = Map::new();
        transaction_json(&mut info, tx, network, spent.map(Vec::as_slice), detail)?;
        Ok(Value::Object(info))
    });
    txs.collect()
}

/// What is told of a block beside its header and its transactions. `stripped` is its size without witnesses.
pub(crate) fn block_members(
    info: &mut Map<String, Value>,
    coinbase: &Transaction,
    stripped: usize,
    size: usize,
) {
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("strippedsize", stripped.into());
    put("size", size.into());
    // BIP141.
    put("weight", (3 * stripped + size).into());
    put("coinbase_tx", coinbase_json(coinbase));
}

fn coinbase_json(tx: &Transaction) -> Value {
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    // As in Core, whose transaction versions have no sign.
    put("version", tx.version.0.cast_unsigned().into());
    put("locktime", tx.lock_time.to_consensus_u32().into());
    if let Some(input) = tx.input.first() {
        put("sequence", input.sequence.0.into());
        put("coinbase", hex(input.script_sig.as_bytes()));
        if let Some(witness) = input.witness.iter().next() {
            put("witness", hex(witness));
        }
    }
    Value::Object(info)
}
