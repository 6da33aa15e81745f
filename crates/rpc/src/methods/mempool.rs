//! The memory pool. tipward keeps none and takes no transactions, so it is always empty.

use serde_json::{Map, Value, json};

use crate::call::{Call, later};
use crate::error::RpcError;
use crate::json::amount;
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
