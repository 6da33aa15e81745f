//! Estimates of fees. They would be learnt from the memory pool; without one there is nothing to learn from.

use serde_json::{Value, json};

use crate::call::{Call, later};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[Method {
    name: "estimatesmartfee",
    category: Category::Util,
    about: "The fee rate with which a transaction gets into a block soon. There is no memory pool to learn it from, so that \
            the answer is always that there is too little data.",
    args: &[
        Arg {
            names: &["conf_target"],
            kind: Kind::Number,
            presence: Presence::Required,
            about: "In how many blocks, 1 to 1008.",
        },
        Arg {
            names: &["estimate_mode"],
            kind: Kind::Text,
            presence: Presence::Default("\"economical\""),
            about: "unset, economical or conservative.",
        },
    ],
    result: r#"{
  "errors": ["text", ...],    (array) why there is no estimate
  "blocks": n                 (numeric) in how many blocks; 0 without an estimate
}"#,
    examples: &[&["6"]],
    run: |call| later(estimatesmartfee(call)),
}];

/// Longest time ahead, in blocks, as in Core.
const MAX_TARGET: i32 = 1008;

async fn estimatesmartfee(call: Call) -> Result<Value, RpcError> {
    const MODES: [&str; 3] = ["unset", "economical", "conservative"];
    let target: i32 = call.required_int(0)?;
    if !(1..=MAX_TARGET).contains(&target) {
        return Err(RpcError::invalid_parameter(format!(
            "Invalid conf_target, must be between 1 and {MAX_TARGET}"
        )));
    }
    if let Some(mode) = call.text(1)
        && !MODES.iter().any(|known| known.eq_ignore_ascii_case(mode))
    {
        return Err(RpcError::invalid_parameter(format!(
            "Invalid estimate_mode parameter, must be one of: \"{}\"",
            MODES.join("\", \"")
        )));
    }
    Ok(json!({ "errors": ["Insufficient data or no feerate found"], "blocks": 0 }))
}
