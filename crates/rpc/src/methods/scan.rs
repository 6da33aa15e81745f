//! Looking for coins by their scripts.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use bitcoin::{Network, ScriptBuf};
use serde_json::{Value, json};
use tipward_primitives::bitcoin::OutPoint;

use crate::call::{Call, later, wrong_type};
use crate::decode::descriptor;
use crate::error::{RpcError, code};
use crate::json::{amount, hex};
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::state::State;
use crate::{CoinSet, CoinValue};

#[cfg(test)]
mod tests;

pub(super) const METHODS: &[Method] = &[Method {
    name: "scantxoutset",
    category: Category::Blockchain,
    about: "Looks through all unspent outputs for those with certain scripts. One scan at a time.",
    args: &[
        Arg {
            names: &["action"],
            kind: Kind::Text,
            presence: Presence::Required,
            about: "start, abort (true if there is a scan to abort), or status.",
        },
        Arg {
            names: &["scanobjects"],
            kind: Kind::Array,
            presence: Presence::Optional("none; start needs it"),
            about: "Descriptors raw(HEX) and addr(ADDRESS), with or without checksum: text, or objects with a member desc.",
        },
    ],
    result: r#"{
  "success": b,                (boolean) the scan came to its end
  "txouts": n,                 (numeric) outputs that were looked at
  "height": n,                 (numeric) height of the block after which these are the outputs
  "bestblock": "hex",          (string) its hash
  "unspents": [
    {
      "txid": "hex",           (string) id of the transaction
      "vout": n,               (numeric) number of the output
      "scriptPubKey": "hex",   (string) its script
      "desc": "text",          (string) a descriptor of it
      "amount": n,             (numeric) in BTC
      "coinbase": b,           (boolean) a coinbase made it
      "height": n,             (numeric) height of the block that made it
      "blockhash": "hex",      (string) hash of that block
      "confirmations": n       (numeric) blocks from that one to the tip
    }, ...
  ],
  "total_amount": n            (numeric) sum of the amounts, in BTC
}
for abort:  true or false
for status: { "progress": n }    (numeric) percent, or null if there is no scan"#,
    examples: &[
        &[
            "start",
            "[\"raw(76a91411b366edfc0a8b66feebae5c2e25a7b6a5d1cf3188ac)#fm24fxxy\"]",
        ],
        &["status"],
        &["abort"],
    ],
    run: |call| later(scantxoutset(call)),
}];

async fn scantxoutset(call: Call) -> Result<Value, RpcError> {
    match call.required_text(0) {
        "status" => Ok(match call.state.scan.progress() {
            Some(percent) => json!({ "progress": percent }),
            None => Value::Null,
        }),
        "abort" => Ok(call.state.scan.abort().into()),
        "start" => start(call).await,
        other => Err(RpcError::invalid_parameter(format!(
            "Invalid action '{other}'"
        ))),
    }
}

async fn start(call: Call) -> Result<Value, RpcError> {
    let running = call.state.scan.begin().ok_or_else(|| {
        RpcError::invalid_parameter("Scan already in progress, use action \"abort\" or \"status\"")
    })?;
    if call.args.len() < 2 {
        return Err(RpcError::misc(
            "scanobjects argument is required for the start action",
        ));
    }
    let objects = call
        .array(1)
        .ok_or_else(|| wrong_type(&Value::Null, "array"))?;
    let view = call.node.view();
    let network = view.params().network;
    let wanted = objects
        .iter()
        .map(|object| scan_object(object, network))
        .collect::<Result<HashMap<_, _>, _>>()?;
    let set = call.node.coin_set().await?;
    let view = call.node.view();
    let state = Arc::clone(&call.state);
    call.blocking(move |_| {
        // Held to the end of the scan, also if nobody waits for its result any more.
        let _running = running;
        let unreadable = || RpcError::new(code::INTERNAL_ERROR, "Unable to read UTXO set");
        let tip = view.find(&set.tip()).ok_or_else(unreadable)?;
        let tip_height = view.height(tip);
        let found = find(&*set, &wanted, &state)?;
        let mut unspents = Vec::new();
        let mut total = 0_u64;
        for (outpoint, coin) in &found.coins {
            let made_by = view
                .tree()
                .ancestor(tip, coin.height)
                .ok_or_else(unreadable)?;
            total = total.saturating_add(coin.value);
            unspents.push(json!({
                "txid": outpoint.txid.to_string(),
                "vout": outpoint.vout,
                "scriptPubKey": hex(coin.script.as_bytes()),
                "desc": wanted.get(&coin.script),
                "amount": amount(coin.value),
                "coinbase": coin.coinbase,
                "height": coin.height,
                "blockhash": view.hash(made_by).to_string(),
                "confirmations": tip_height - coin.height + 1,
            }));
        }
        Ok(json!({
            "success": found.complete,
            "txouts": found.looked_at,
            "height": tip_height,
            "bestblock": set.tip().to_string(),
            "unspents": unspents,
            "total_amount": amount(total),
        }))
    })
    .await
}

/// The script that is looked for, and its descriptor.
fn scan_object(object: &Value, network: Network) -> Result<(ScriptBuf, String), RpcError> {
    let text = match object {
        Value::String(text) => text,
        Value::Object(members) => match members.get("desc") {
            None | Some(Value::Null) => {
                return Err(RpcError::invalid_parameter(
                    "Descriptor needs to be provided in scan object",
                ));
            }
            Some(Value::String(text)) => text,
            Some(other) => return Err(wrong_type(other, "string")),
        },
        _ => {
            return Err(RpcError::invalid_parameter(
                "Scan object needs to be either a string or an object",
            ));
        }
    };
    let script = descriptor::parse(text, network)
        .map_err(|error| RpcError::new(code::INVALID_ADDRESS_OR_KEY, error))?;
    let descriptor = descriptor::infer(&script, network);
    Ok((script, descriptor))
}

struct Found {
    coins: Vec<(OutPoint, CoinValue)>,
    looked_at: u64,
    complete: bool,
}

/// Coins between two looks at whether to stop.
const STOP_INTERVAL: u64 = 8192;
/// Coins between two reports of progress.
const PROGRESS_INTERVAL: u64 = 256;

fn find(
    set: &dyn CoinSet,
    wanted: &HashMap<ScriptBuf, String>,
    state: &State,
) -> Result<Found, RpcError> {
    let mut found = Found {
        coins: Vec::new(),
        looked_at: 0,
        complete: true,
    };
    set.visit(&mut |coin| {
        found.looked_at += 1;
        if found.looked_at.is_multiple_of(STOP_INTERVAL)
            && (state.scan.is_aborted() || state.is_stopping())
        {
            found.complete = false;
            return ControlFlow::Break(());
        }
        if found.looked_at.is_multiple_of(PROGRESS_INTERVAL) {
            // Ids are spread evenly, and the set is ordered by them.
            let id = coin.outpoint.txid.as_byte_array();
            let place = u32::from(u16::from_be_bytes([id[0], id[1]]));
            state.scan.report((place * 100 + 0x8000) >> 16);
        }
        if wanted.contains_key(bitcoin::Script::from_bytes(coin.script)) {
            found.coins.push((
                coin.outpoint,
                CoinValue {
                    height: coin.height,
                    coinbase: coin.coinbase,
                    value: coin.value,
                    script: ScriptBuf::from_bytes(coin.script.to_vec()),
                },
            ));
        }
        ControlFlow::Continue(())
    })?;
    found
        .coins
        .sort_unstable_by_key(|(outpoint, _)| (outpoint.txid.to_byte_array(), outpoint.vout));
    Ok(found)
}
