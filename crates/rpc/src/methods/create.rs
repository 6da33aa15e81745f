//! New transactions, put together from inputs and outputs and not signed.

use std::collections::HashSet;

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::{
    Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    transaction,
};
use serde_json::{Map, Value};

use crate::amount::parse_amount;
use crate::call::{Call, int_of, later, parse_hash, parse_hex, wrong_type};
use crate::decode::{encode_transaction, script_of_address};
use crate::error::{RpcError, code};
use crate::json::hex;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[Method {
    name: "createrawtransaction",
    category: Category::RawTransactions,
    about: "Puts a transaction together. It is not signed, kept or sent, and nobody looks whether its inputs exist.",
    args: &[
        Arg {
            names: &["inputs"],
            kind: Kind::Array,
            presence: Presence::Required,
            about: "Objects with \"txid\" and \"vout\" of the output to spend and, if it shall be a certain one, \"sequence\".",
        },
        Arg {
            names: &["outputs"],
            kind: Kind::ArrayOrObject,
            presence: Presence::Required,
            about: "Objects of one member: an address and the amount in BTC, or \"data\" and hexadecimal data for an output \
                    that nobody can spend. One object with several members is understood, too.",
        },
        Arg {
            names: &["locktime"],
            kind: Kind::Number,
            presence: Presence::Default("0"),
            about: "Lock time; if it is not 0, the inputs get sequence numbers that put it into force.",
        },
        Arg {
            names: &["replaceable"],
            kind: Kind::Bool,
            presence: Presence::Default("true"),
            about: "The inputs get sequence numbers that allow a replacement (BIP125); if true is given, others are refused.",
        },
        Arg {
            names: &["version"],
            kind: Kind::Number,
            presence: Presence::Default("2"),
            about: "Version of the transaction, 1 to 3.",
        },
    ],
    result: "\"hex\"    (string) the transaction",
    examples: &[&[
        "[{\"txid\":\"0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098\",\"vout\":0}]",
        "[{\"bc1q09vm5lfy0j5reeulh4x5752q25uqqvz34hufdl\":0.01}]",
    ]],
    run: |call| later(createrawtransaction(call)),
}];

async fn createrawtransaction(call: Call) -> Result<Value, RpcError> {
    // As many inputs and outputs as a request holds.
    call.clone()
        .blocking(move |node| {
            let tx = construct(&call, node.view().params().network)?;
            Ok(hex(&encode_transaction(&tx)))
        })
        .await
}

fn construct(call: &Call, network: Network) -> Result<Transaction, RpcError> {
    let lock_time: i64 = call.int(2)?.unwrap_or(0);
    let lock_time = u32::try_from(lock_time)
        .map_err(|_| RpcError::invalid_parameter("Invalid parameter, locktime out of range"))?;
    let replaceable = call.bool(3);
    let version = match call.int::<u32>(4)?.unwrap_or(2) {
        version @ 1..=3 => transaction::Version(version.cast_signed()),
        _ => {
            return Err(RpcError::invalid_parameter(
                "Invalid parameter, version out of range(1~3)",
            ));
        }
    };
    let sequence = match (replaceable, lock_time) {
        (None | Some(true), _) => Sequence::ENABLE_RBF_NO_LOCKTIME,
        (Some(false), 0) => Sequence::MAX,
        (Some(false), _) => Sequence::ENABLE_LOCKTIME_NO_RBF,
    };
    let inputs = call.array(0).unwrap_or_default();
    let tx = Transaction {
        version,
        lock_time: LockTime::from_consensus(lock_time),
        input: inputs
            .iter()
            .map(|given| input(given, sequence))
            .collect::<Result<_, _>>()?,
        output: outputs(call.arg(1), network)?,
    };
    let contradicts = replaceable == Some(true)
        && !tx.input.is_empty()
        && !tx.input.iter().any(|input| input.sequence.is_rbf());
    if contradicts {
        return Err(RpcError::invalid_parameter(
            "Invalid parameter combination: Sequence number(s) contradict replaceable option",
        ));
    }
    Ok(tx)
}

fn input(given: &Value, default: Sequence) -> Result<TxIn, RpcError> {
    let members = given
        .as_object()
        .ok_or_else(|| wrong_type(given, "object"))?;
    let previous_output = outpoint(members)?;
    let sequence = match members.get("sequence") {
        Some(Value::Number(number)) => {
            let given: i64 = int_of(number)?;
            Sequence(u32::try_from(given).map_err(|_| {
                RpcError::invalid_parameter("Invalid parameter, sequence number is out of range")
            })?)
        }
        _ => default,
    };
    Ok(TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence,
        witness: Witness::new(),
    })
}

/// The members `txid` and `vout`.
pub(super) fn outpoint(members: &Map<String, Value>) -> Result<OutPoint, RpcError> {
    let txid: Txid = match members.get("txid").unwrap_or(&Value::Null) {
        Value::String(text) => parse_hash(text, "txid")?,
        other => return Err(wrong_type(other, "string")),
    };
    let Some(Value::Number(number)) = members.get("vout") else {
        return Err(RpcError::invalid_parameter(
            "Invalid parameter, missing vout key",
        ));
    };
    let vout = u32::try_from(int_of::<i32>(number)?)
        .map_err(|_| RpcError::invalid_parameter("Invalid parameter, vout cannot be negative"))?;
    Ok(OutPoint { txid, vout })
}

fn outputs(given: Option<&Value>, network: Network) -> Result<Vec<TxOut>, RpcError> {
    let (mut addresses, mut has_data) = (HashSet::new(), false);
    let mut outputs = Vec::new();
    for (name, value) in pairs(given)? {
        let duplicate = |what: &str| {
            RpcError::invalid_parameter(format!("Invalid parameter, duplicate{what}: {name}"))
        };
        if name == "data" {
            if std::mem::replace(&mut has_data, true) {
                return Err(duplicate(" key"));
            }
            outputs.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: data_script(value)?,
            });
            continue;
        }
        let script = script_of_address(name, network);
        let value = parse_amount(value)?;
        let script_pubkey = script.map_err(|_| {
            RpcError::new(
                code::INVALID_ADDRESS_OR_KEY,
                format!("Invalid Bitcoin address: {name}"),
            )
        })?;
        if !addresses.insert(script_pubkey.clone()) {
            return Err(duplicate("d address"));
        }
        outputs.push(TxOut {
            value,
            script_pubkey,
        });
    }
    Ok(outputs)
}

/// What to pay to, in order.
fn pairs(given: Option<&Value>) -> Result<Vec<(&String, &Value)>, RpcError> {
    let refuse = |why: &str| {
        Err(RpcError::invalid_parameter(format!(
            "Invalid parameter, {why}"
        )))
    };
    match given {
        None => refuse("output argument must be non-null"),
        Some(Value::Object(members)) => Ok(members.iter().collect()),
        Some(Value::Array(list)) => {
            let mut pairs = Vec::with_capacity(list.len());
            for pair in list {
                let Value::Object(members) = pair else {
                    return refuse("key-value pair not an object as expected");
                };
                if members.len() != 1 {
                    return refuse("key-value pair must contain exactly one key");
                }
                pairs.extend(members);
            }
            Ok(pairs)
        }
        Some(other) => Err(wrong_type(other, "array")),
    }
}

/// An output script that carries data, and that nobody can spend.
fn data_script(value: &Value) -> Result<ScriptBuf, RpcError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        // As Core has it: what has no text of its own is empty.
        _ => String::new(),
    };
    let data = PushBytesBuf::try_from(parse_hex(&text, "Data")?)
        .map_err(|_| RpcError::invalid_parameter("Data is too long"))?;
    Ok(Builder::new()
        .push_opcode(OP_RETURN)
        .push_slice(data)
        .into_script())
}
