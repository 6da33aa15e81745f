//! Calls that wait for the tip to move. They hold no thread, and they end when the server stops.

use std::time::Duration;

use serde_json::{Value, json};
use tipward_primitives::BlockHash;
use tokio::time::Instant;

use crate::TipRef;
use crate::call::{Call, later, parse_hash};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};

const TIMEOUT: Arg = Arg {
    names: &["timeout"],
    kind: Kind::Number,
    presence: Presence::Default("0"),
    about: "Milliseconds to wait at most; 0 is without end.",
};

const RESULT: &str = r#"{
  "hash": "hex",    (string) hash of the tip, be it what was waited for or not
  "height": n       (numeric) its height
}"#;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "waitfornewblock",
        category: Category::Blockchain,
        about: "Waits until the tip is another one than now, or than the one given.",
        args: &[
            TIMEOUT,
            Arg {
                names: &["current_tip"],
                kind: Kind::Hex,
                presence: Presence::Optional("the tip now"),
                about: "Hash that the tip must differ from. With it, no change between two calls is missed.",
            },
        ],
        result: RESULT,
        examples: &[&["1000"]],
        run: |call| later(waitfornewblock(call)),
    },
    Method {
        name: "waitforblock",
        category: Category::Blockchain,
        about: "Waits until a block is the tip.",
        args: &[
            Arg {
                names: &["blockhash"],
                kind: Kind::Hex,
                presence: Presence::Required,
                about: "Hash of the block.",
            },
            TIMEOUT,
        ],
        result: RESULT,
        examples: &[&[
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            "1000",
        ]],
        run: |call| later(waitforblock(call)),
    },
    Method {
        name: "waitforblockheight",
        category: Category::Blockchain,
        about: "Waits until the tip has at least a height.",
        args: &[
            Arg {
                names: &["height"],
                kind: Kind::Number,
                presence: Presence::Required,
                about: "The height.",
            },
            TIMEOUT,
        ],
        result: RESULT,
        examples: &[&["100", "1000"]],
        run: |call| later(waitforblockheight(call)),
    },
    Method {
        name: "syncwithvalidationinterfacequeue",
        category: Category::Hidden,
        about: "Waits until all that the node had accepted when the call came can be seen by other calls.",
        args: &[],
        result: "null",
        examples: &[&[]],
        run: |call| later(syncwithvalidationinterfacequeue(call)),
    },
];

async fn waitfornewblock(call: Call) -> Result<Value, RpcError> {
    let timeout = timeout(&call, 0)?;
    let old: BlockHash = match call.text(1) {
        Some(text) => parse_hash(text, "current_tip")?,
        None => call.node.tip().borrow().hash,
    };
    Ok(tip_json(wait(&call, timeout, |tip| tip.hash != old).await))
}

async fn waitforblock(call: Call) -> Result<Value, RpcError> {
    let hash = call.hash(0, "blockhash")?;
    let timeout = timeout(&call, 1)?;
    Ok(tip_json(wait(&call, timeout, |tip| tip.hash == hash).await))
}

async fn waitforblockheight(call: Call) -> Result<Value, RpcError> {
    let height: i32 = call.required_int(0)?;
    let timeout = timeout(&call, 1)?;
    let reached = |tip: &TipRef| i64::from(tip.height) >= i64::from(height);
    Ok(tip_json(wait(&call, timeout, reached).await))
}

async fn syncwithvalidationinterfacequeue(call: Call) -> Result<Value, RpcError> {
    call.node.sync().await;
    Ok(Value::Null)
}

/// Waits until the tip is what is wanted, the time is over, or the server or the node stops. Gives the tip that ended
/// the wait, or the one there is then.
async fn wait(
    call: &Call,
    timeout: Option<Duration>,
    wanted: impl FnMut(&TipRef) -> bool,
) -> TipRef {
    let mut tip = call.node.tip();
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let over = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        found = tip.wait_for(wanted) => {
            if let Ok(found) = found {
                return *found;
            }
        }
        () = over => {}
        () = call.state.stopping() => {}
    }
    *call.node.tip().borrow()
}

fn timeout(call: &Call, at: usize) -> Result<Option<Duration>, RpcError> {
    let millis: i32 = call.int(at)?.unwrap_or(0);
    match u64::try_from(millis) {
        Ok(0) => Ok(None),
        Ok(millis) => Ok(Some(Duration::from_millis(millis))),
        Err(_) => Err(RpcError::misc("Negative timeout")),
    }
}

fn tip_json(tip: TipRef) -> Value {
    json!({ "hash": tip.hash.to_string(), "height": tip.height })
}
