//! Whole blocks.

use bitcoin::consensus::encode::{deserialize_partial, serialize};
use bitcoin::hex::DisplayHex as _;
use bitcoin::{Block, Transaction};
use serde_json::{Map, Value};
use tipward_primitives::{BlockHash, RawBlock};

use super::chain;
use crate::Backend;
use crate::call::{Call, later};
use crate::error::{RpcError, code};
use crate::json::hex;
use crate::spec::{Arg, Category, Kind, Method, Presence};

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
            about: "0 for the bytes in hexadecimal, 1 for an object with the ids of the transactions. 2 and 3, which \
                    decode the transactions, are not offered.",
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
    let verbosity = match call.bool(1) {
        Some(verbose) => i32::from(verbose),
        None => call.int(1)?.unwrap_or(1),
    };
    let view = call.node.view();
    let id = chain::find(&view, &hash)?;
    if !view.is_stored(id) {
        return Err(RpcError::misc("Block not available (not fully downloaded)"));
    }
    if verbosity > 1 {
        return Err(RpcError::invalid_parameter(
            "Verbosity 2 and 3 are not offered: transactions are not decoded",
        ));
    }
    call.blocking(move |node| {
        let block = read(node, &hash)?;
        if verbosity <= 0 {
            return Ok(block.bytes().to_lower_hex_string().into());
        }
        let mut info = chain::header_json(&view, id);
        add_body(&mut info, &block)?;
        Ok(Value::Object(info))
    })
    .await
}

fn read(node: &dyn Backend, hash: &BlockHash) -> Result<RawBlock, RpcError> {
    match node.read_block(hash) {
        Ok(Some(block)) => Ok(block),
        // Nobody ever sends the genesis block, so it need not be in a block file.
        Ok(None) if *hash == node.view().params().genesis_hash => Ok(RawBlock::new(
            serialize(&node.view().params().genesis).into(),
        )
        .expect("a serialized block begins with its header")),
        Ok(None) => Err(RpcError::misc("Block not found on disk")),
        Err(error) => Err(RpcError::misc(format!("Block not found on disk: {error}"))),
    }
}

fn add_body(info: &mut Map<String, Value>, raw: &RawBlock) -> Result<(), RpcError> {
    // What a block file holds was checked before it was written, but disks do fail.
    let damaged = |why: String| {
        RpcError::new(
            code::INTERNAL_ERROR,
            format!("The stored block cannot be read: {why}"),
        )
    };
    let (block, _) =
        deserialize_partial::<Block>(raw.bytes()).map_err(|error| damaged(error.to_string()))?;
    let coinbase = block
        .txdata
        .first()
        .ok_or_else(|| damaged("it has no transactions".into()))?;
    let weight = block.weight().to_wu();
    let size = block.total_size() as u64;
    let txids = block
        .txdata
        .iter()
        .map(|tx| tx.compute_txid().to_string())
        .collect();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    // Weight is three times the stripped size plus the size (BIP141).
    put("strippedsize", ((weight - size) / 3).into());
    put("size", size.into());
    put("weight", weight.into());
    put("coinbase_tx", coinbase_json(coinbase));
    put("tx", txids);
    Ok(())
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
