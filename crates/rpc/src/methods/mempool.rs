//! The memory pool. tipward keeps none and takes no transactions, so it is always empty.

use bitcoin::Txid;
use serde_json::{Map, Value, json};

use super::create::outpoint;
use crate::call::{Call, later, wrong_type};
use crate::error::{RpcError, code};
use crate::json::{amount, type_name};
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getmempoolinfo",
        category: Category::Blockchain,
        about: "The state of the memory pool. tipward keeps none: it is empty and takes nothing.",
        args: &[],
        result: r#"{
  "loaded": b,                (boolean) what was kept from the last run is loaded
  "size": n,                  (numeric) transactions
  "bytes": n,                 (numeric) their virtual size
  "usage": n,                 (numeric) bytes of memory
  "total_fee": n,             (numeric) their fees, in BTC
  "maxmempool": n,            (numeric) bytes of memory at most; 0, as it takes nothing
  "mempoolminfee": n,         (numeric) least fee rate to get in, in BTC per 1000 virtual bytes
  "minrelaytxfee": n,         (numeric) least fee rate to be relayed
  "incrementalrelayfee": n,   (numeric) least step of the fee rate for a replacement
  "unbroadcastcount": n,      (numeric) transactions that no peer has asked for
  "permitbaremultisig": b,    (boolean) bare multisig outputs are let in
  "maxdatacarriersize": n,    (numeric) bytes of data outputs at most
  "limitclustercount": n,     (numeric) transactions that may hang together
  "limitclustersize": n,      (numeric) their virtual size at most
  "optimal": b                (boolean) its order is known to be the best
}"#,
        examples: &[&[]],
        run: |call| later(getmempoolinfo(call)),
    },
    Method {
        name: "getrawmempool",
        category: Category::Blockchain,
        about: "Ids of the transactions in the memory pool. There are none.",
        args: &[
            Arg {
                names: &["verbose"],
                kind: Kind::Bool,
                presence: Presence::Default("false"),
                about: "true for an object with one member per transaction.",
            },
            Arg {
                names: &["mempool_sequence"],
                kind: Kind::Bool,
                presence: Presence::Default("false"),
                about: "true, if not verbose, for an object with the ids and the pool's sequence number.",
            },
        ],
        result: r#"["hex", ...]    (array) the ids
or, if verbose:
{ "hex": {...}, ... }
or, with mempool_sequence:
{ "txids": ["hex", ...], "mempool_sequence": n }"#,
        examples: &[&[], &["true"]],
        run: |call| later(getrawmempool(call)),
    },
    Method {
        name: "getmempoolentry",
        category: Category::Blockchain,
        about: "A transaction in the memory pool. There are none.",
        args: &[TXID],
        result: "none: the transaction is not there",
        examples: &[],
        run: |call| later(not_in_pool(call)),
    },
    Method {
        name: "getmempoolancestors",
        category: Category::Blockchain,
        about: "The transactions in the memory pool that one of them builds on. There are none.",
        args: &[TXID, VERBOSE],
        result: "none: the transaction is not there",
        examples: &[],
        run: |call| later(not_in_pool(call)),
    },
    Method {
        name: "getmempooldescendants",
        category: Category::Blockchain,
        about: "The transactions in the memory pool that build on one of them. There are none.",
        args: &[TXID, VERBOSE],
        result: "none: the transaction is not there",
        examples: &[],
        run: |call| later(not_in_pool(call)),
    },
    Method {
        name: "getmempoolcluster",
        category: Category::Blockchain,
        about: "The transactions in the memory pool that hang together with one of them. There are none.",
        args: &[TXID],
        result: "none: the transaction is not there",
        examples: &[],
        run: |call| later(not_in_pool(call)),
    },
    Method {
        name: "gettxspendingprevout",
        category: Category::Blockchain,
        about: "The transactions in the memory pool that spend some outputs. There are none.",
        args: &[
            Arg {
                names: &["outputs"],
                kind: Kind::Array,
                presence: Presence::Required,
                about: "Objects with \"txid\" and \"vout\" of an output.",
            },
            Arg {
                names: &["options"],
                kind: Kind::Object,
                presence: Presence::Optional("none"),
                about: "\"mempool_only\": false to look among the blocks, too, which is refused without an index; \
                        \"return_spending_tx\" has no effect.",
            },
        ],
        result: r#"[
  {
    "txid": "hex",    (string) id of the transaction that made the output
    "vout": n         (numeric) its number
  }, ...
]"#,
        examples: &[&[
            "[{\"txid\":\"0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098\",\"vout\":0}]",
        ]],
        run: |call| later(gettxspendingprevout(call)),
    },
];

async fn getmempoolinfo(_: Call) -> Result<Value, RpcError> {
    Ok(json!({
        "loaded": true,
        "size": 0,
        "bytes": 0,
        "usage": 0,
        "total_fee": amount(0),
        "maxmempool": 0,
        "mempoolminfee": amount(0),
        "minrelaytxfee": amount(0),
        "incrementalrelayfee": amount(0),
        "unbroadcastcount": 0,
        "permitbaremultisig": false,
        "maxdatacarriersize": 0,
        "limitclustercount": 0,
        "limitclustersize": 0,
        "optimal": true,
    }))
}

async fn getrawmempool(call: Call) -> Result<Value, RpcError> {
    /// Core's pool begins with this number, which grows with every transaction that comes or goes.
    const FIRST_SEQUENCE: u64 = 1;
    let verbose = call.bool(0).unwrap_or(false);
    let sequence = call.bool(1).unwrap_or(false);
    match (verbose, sequence) {
        (true, true) => Err(RpcError::invalid_parameter(
            "Verbose results cannot contain mempool sequence values.",
        )),
        (true, false) => Ok(Value::Object(Map::new())),
        (false, true) => Ok(json!({ "txids": [], "mempool_sequence": FIRST_SEQUENCE })),
        (false, false) => Ok(json!([])),
    }
}

const TXID: Arg = Arg {
    names: &["txid"],
    kind: Kind::Hex,
    presence: Presence::Required,
    about: "Id of a transaction.",
};

const VERBOSE: Arg = Arg {
    names: &["verbose"],
    kind: Kind::Bool,
    presence: Presence::Default("false"),
    about: "true for an object with one member per transaction.",
};

async fn not_in_pool(call: Call) -> Result<Value, RpcError> {
    let _: Txid = call.hash(0, "txid")?;
    Err(RpcError::new(
        code::INVALID_ADDRESS_OR_KEY,
        "Transaction not in mempool",
    ))
}

async fn gettxspendingprevout(call: Call) -> Result<Value, RpcError> {
    let outputs = call.array(0).unwrap_or_default();
    if outputs.is_empty() {
        return Err(RpcError::invalid_parameter(
            "Invalid parameter, outputs are missing",
        ));
    }
    let options = call.arg(1).and_then(Value::as_object);
    if let Some(options) = options {
        for name in ["mempool_only", "return_spending_tx"] {
            match options.get(name) {
                None | Some(Value::Null | Value::Bool(_)) => {}
                Some(other) => return Err(wrong_member(other, name, "bool")),
            }
        }
        refuse_others(options, &["mempool_only", "return_spending_tx"])?;
    }
    let outputs = outputs
        .iter()
        .map(|output| {
            let members = output
                .as_object()
                .ok_or_else(|| wrong_type(output, "object"))?;
            for (name, expected) in [("txid", "string"), ("vout", "number")] {
                match members.get(name).unwrap_or(&Value::Null) {
                    Value::Null => {
                        return Err(RpcError::new(code::TYPE_ERROR, format!("Missing {name}")));
                    }
                    other if type_name(other) != expected => {
                        return Err(wrong_member(other, name, expected));
                    }
                    _ => {}
                }
            }
            refuse_others(members, &["txid", "vout"])?;
            outpoint(members)?;
            Ok(output.clone())
        })
        .collect::<Result<Vec<Value>, RpcError>>()?;
    let blocks_too = options.and_then(|options| options.get("mempool_only")) == Some(&false.into());
    if blocks_too {
        return Err(RpcError::misc(
            "Mempool lacks a relevant spend, and txospenderindex is unavailable.",
        ));
    }
    Ok(outputs.into())
}

fn wrong_member(value: &Value, name: &str, expected: &str) -> RpcError {
    RpcError::new(
        code::TYPE_ERROR,
        format!(
            "JSON value of type {} for field {name} is not of expected type {expected}",
            type_name(value)
        ),
    )
}

fn refuse_others(members: &Map<String, Value>, known: &[&str]) -> Result<(), RpcError> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(RpcError::new(
            code::TYPE_ERROR,
            format!("Unexpected key {name}"),
        )),
        None => Ok(()),
    }
}
