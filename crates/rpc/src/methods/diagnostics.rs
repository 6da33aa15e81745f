//! What runs inside the process: memory, log lines, indexes, publishers.

use serde_json::{Map, Value, json};

use crate::call::{Call, later, wrong_type};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getmemoryinfo",
        category: Category::Control,
        about: "Memory that is kept from being swapped out. tipward holds no keys and locks none, so all is 0.",
        args: &[Arg {
            names: &["mode"],
            kind: Kind::Text,
            presence: Presence::Default("\"stats\""),
            about: "stats; mallocinfo is not offered.",
        }],
        result: r#"{
  "locked": {
    "used": n,           (numeric) bytes in use
    "free": n,           (numeric) bytes that are free
    "total": n,          (numeric) bytes in all
    "locked": n,         (numeric) of them locked
    "chunks_used": n,    (numeric) pieces in use
    "chunks_free": n     (numeric) pieces that are free
  }
}"#,
        examples: &[&[]],
        run: |call| later(getmemoryinfo(call)),
    },
    Method {
        name: "logging",
        category: Category::Control,
        about: "What is logged in detail. With arguments, that is changed first, until the node ends.",
        args: &[
            Arg {
                names: &["include"],
                kind: Kind::Array,
                presence: Presence::Optional("none"),
                about: "Parts of the node to log more of, as --debug names them, or all.",
            },
            Arg {
                names: &["exclude"],
                kind: Kind::Array,
                presence: Presence::Optional("none"),
                about: "Parts of the node to log less of; this counts where both name one.",
            },
        ],
        result: "{ \"part\": b, ... }    (object) for each part, whether it is logged in detail",
        examples: &[&[], &["[\"all\"]", "[\"store\"]"]],
        run: |call| later(logging(call)),
    },
    Method {
        name: "getindexinfo",
        category: Category::Util,
        about: "How far the indexes of the chain are. There are none.",
        args: &[Arg {
            names: &["index_name"],
            kind: Kind::Text,
            presence: Presence::Optional("all"),
            about: "Only this one.",
        }],
        result: r#"{
  "name": {
    "synced": b,              (boolean) it has come up with the chain
    "best_block_height": n    (numeric) how far it is
  }, ...
}"#,
        examples: &[&[], &["txindex"]],
        run: |_| later(async { Ok(json!({})) }),
    },
    Method {
        name: "getzmqnotifications",
        category: Category::Zmq,
        about: "What is published by ZMQ, and where.",
        args: &[],
        result: r#"[
  {
    "type": "text",       (string) what is published
    "address": "text",    (string) where
    "hwm": n              (numeric) messages that may wait
  }, ...
]"#,
        examples: &[&[]],
        run: |call| later(async move { Ok(zmq_notifications(&call)) }),
    },
];

fn zmq_notifications(call: &Call) -> Value {
    let published = call.node.zmq_notifications();
    let notifications = published
        .iter()
        .map(|one| json!({ "type": one.kind, "address": one.address, "hwm": one.high_water_mark }));
    notifications.collect()
}

async fn getmemoryinfo(call: Call) -> Result<Value, RpcError> {
    match call.text(0).unwrap_or("stats") {
        "stats" => Ok(json!({
            "locked": {
                "used": 0, "free": 0, "total": 0, "locked": 0, "chunks_used": 0, "chunks_free": 0,
            },
        })),
        "mallocinfo" => Err(RpcError::invalid_parameter("mallocinfo mode not available")),
        mode => Err(RpcError::invalid_parameter(format!("unknown mode {mode}"))),
    }
}

async fn logging(call: Call) -> Result<Value, RpcError> {
    for (at, detailed) in [(0, true), (1, false)] {
        for part in call.array(at).unwrap_or_default() {
            let name = part.as_str().ok_or_else(|| wrong_type(part, "string"))?;
            if !call.node.set_log_detail(name, detailed) {
                return Err(RpcError::invalid_parameter(format!(
                    "unknown logging category {name}"
                )));
            }
        }
    }
    let parts = call.node.log_details().into_iter();
    let parts: Map<String, Value> = parts
        .map(|(name, detailed)| (name.to_owned(), detailed.into()))
        .collect();
    Ok(Value::Object(parts))
}
