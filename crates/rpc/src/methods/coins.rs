//! Coins: one of them, and what can be said of all.

use std::sync::Arc;

use bitcoin::Txid;
use serde_json::{Map, Value, json};
use tipward_primitives::bitcoin::OutPoint;

use crate::call::{Call, later};
use crate::decode::output_json;
use crate::error::{RpcError, code};
use crate::json::amount;
use crate::serialized_hash::serialized_hash;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "gettxout",
        category: Category::Blockchain,
        about: "An output that is not spent.",
        args: &[
            Arg {
                names: &["txid"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "Id of the transaction that made it.",
            },
            Arg {
                names: &["n"],
                kind: Kind::Number,
                presence: Presence::Required,
                about: "Number of the output.",
            },
            Arg {
                names: &["include_mempool"],
                kind: Kind::Bool,
                presence: Presence::Default("true"),
                about: "Of no effect: there is no memory pool.",
            },
        ],
        result: r#"{
  "bestblock": "hex",      (string) hash of the tip
  "confirmations": n,      (numeric) blocks of the active chain from the one that made it to the tip
  "value": n,              (numeric) in BTC
  "scriptPubKey": {
    "asm": "text",         (string) the script, disassembled
    "desc": "text",        (string) a descriptor of it
    "hex": "hex",          (string) the script
    "address": "text",     (string, if there is one) the address
    "type": "text"         (string) the kind of script
  },
  "coinbase": b            (boolean) a coinbase made it
}
or null, if there is no such output or it is spent"#,
        examples: &[&[
            "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
            "0",
        ]],
        run: |call| later(gettxout(call)),
    },
    Method {
        name: "gettxoutsetinfo",
        category: Category::Blockchain,
        about: "Figures of the set of all unspent outputs. Goes over all of them, which takes its time.",
        args: &[
            Arg {
                names: &["hash_type"],
                kind: Kind::Text,
                presence: Presence::Default("\"hash_serialized_3\""),
                about: "hash_serialized_3, muhash or none: which hash of the set to work out.",
            },
            Arg {
                names: &["hash_or_height"],
                kind: Kind::NumberOrText,
                presence: Presence::Optional("the tip"),
                about: "Refused: there is no index of the set at earlier blocks.",
            },
            Arg {
                names: &["use_index"],
                kind: Kind::Bool,
                presence: Presence::Default("true"),
                about: "Of no effect: there is no such index.",
            },
        ],
        result: r#"{
  "height": n,                   (numeric) height of the block after which this is the set
  "bestblock": "hex",            (string) its hash
  "txouts": n,                   (numeric) outputs
  "bogosize": n,                 (numeric) a measure of size that does not depend on how they are kept
  "hash_serialized_3": "hex",    (string, for that hash type) hash of all outputs in order
  "muhash": "hex",               (string, for that hash type) MuHash3072 of the set
  "total_amount": n,             (numeric) sum of all values, in BTC
  "transactions": n,             (numeric) transactions with an unspent output
  "disk_size": n                 (numeric) bytes on disk, about
}"#,
        examples: &[&["muhash"], &["none"]],
        run: |call| later(gettxoutsetinfo(call)),
    },
];

async fn gettxout(call: Call) -> Result<Value, RpcError> {
    let txid: Txid = call.hash(0, "txid")?;
    let vout: u32 = call.required_int(1)?;
    let (tip, coin) = call.node.coin(OutPoint { txid, vout }).await?;
    let Some(coin) = coin else {
        return Ok(Value::Null);
    };
    let network = call.node.view().params().network;
    Ok(json!({
        "bestblock": tip.hash.to_string(),
        "confirmations": i64::from(tip.height) - i64::from(coin.height) + 1,
        "value": amount(coin.value),
        "scriptPubKey": output_json(&coin.script, network),
        "coinbase": coin.coinbase,
    }))
}

/// A hash of the whole set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HashType {
    Serialized,
    MuHash,
    None,
}

async fn gettxoutsetinfo(call: Call) -> Result<Value, RpcError> {
    let hash_type = match call.text(0).unwrap_or("hash_serialized_3") {
        "hash_serialized_3" => HashType::Serialized,
        "muhash" => HashType::MuHash,
        "none" => HashType::None,
        other => {
            return Err(RpcError::invalid_parameter(format!(
                "'{other}' is not a valid hash_type"
            )));
        }
    };
    if call.arg(1).is_some() {
        return Err(RpcError::invalid_parameter(
            "Querying specific block heights requires coinstatsindex",
        ));
    }
    let set = call.node.coin_set().await?;
    let view = call.node.view();
    let state = Arc::clone(&call.state);
    call.blocking(move |_| {
        let stopped = || RpcError::new(code::CLIENT_NOT_CONNECTED, "Shutting down");
        let tip = view
            .find(&set.tip())
            .ok_or_else(|| RpcError::new(code::INTERNAL_ERROR, "Unable to read UTXO set"))?;
        let figures = set
            .info(hash_type == HashType::MuHash, state.stop_flag())?
            .ok_or_else(stopped)?;
        let mut info = Map::new();
        let mut put = |name: &str, value: Value| info.insert(name.into(), value);
        put("height", view.height(tip).into());
        put("bestblock", set.tip().to_string().into());
        put("txouts", figures.coins.into());
        put("bogosize", figures.bogo_size.into());
        if hash_type == HashType::Serialized {
            let hash = serialized_hash(&*set, || state.is_stopping())?.ok_or_else(stopped)?;
            put("hash_serialized_3", hash.to_string().into());
        }
        if let Some(hash) = figures.muhash {
            put("muhash", hash.to_string().into());
        }
        put("total_amount", amount(figures.total_amount));
        put("transactions", figures.transactions.into());
        put("disk_size", set.disk_size().into());
        Ok(Value::Object(info))
    })
    .await
}
