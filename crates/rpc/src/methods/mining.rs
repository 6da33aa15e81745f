//! How hard blocks are to find, and how many hashes the network tries.

use serde_json::{Map, Value, json};
use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{CompactTarget, Network, Work};

use super::chain::{difficulty, target_hex};
use super::generate::time_on_tip;
use crate::call::{Call, later};
use crate::error::RpcError;
use crate::json::{amount, float, hex, hex32};
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getnetworkhashps",
        category: Category::Mining,
        about: "How many hashes a second the network tries, estimated from the work of its last blocks and their times.",
        args: &[
            Arg {
                names: &["nblocks"],
                kind: Kind::Number,
                presence: Presence::Default("120"),
                about: "Blocks to estimate from; -1 for those since the last change of difficulty.",
            },
            Arg {
                names: &["height"],
                kind: Kind::Number,
                presence: Presence::Default("-1"),
                about: "Estimate at the time of the block of this height; -1 for the tip.",
            },
        ],
        result: "n    (numeric) hashes a second",
        examples: &[&[], &["-1", "1000"]],
        run: |call| later(getnetworkhashps(call)),
    },
    Method {
        name: "getmininginfo",
        category: Category::Mining,
        about: "What a miner should know of the tip and the block after it.",
        args: &[],
        result: r#"{
  "blocks": n,                  (numeric) height of the tip
  "bits": "hex",                (string) its target in compact form
  "difficulty": n,              (numeric) its difficulty
  "target": "hex",              (string) its target
  "networkhashps": n,           (numeric) as getnetworkhashps answers
  "pooledtx": n,                (numeric) transactions in the memory pool; there are none
  "blockmintxfee": n,           (numeric) least fee rate to get into a block; 0, as no block is made of a pool
  "chain": "text",              (string) main, test, testnet4, signet or regtest
  "next": {                     (object) a block on top of the tip that is found now
    "height": n,                (numeric) its height
    "bits": "hex",              (string) its target in compact form
    "difficulty": n,            (numeric) its difficulty
    "target": "hex"             (string) its target
  },
  "signet_challenge": "hex",    (string, on signets only) the block challenge
  "warnings": ["text", ...]     (array) what the user should know of
}"#,
        examples: &[&[]],
        run: |call| later(getmininginfo(call)),
    },
];

/// Blocks that the estimate goes over unless told otherwise, as in Core.
const WINDOW: i32 = 120;

async fn getnetworkhashps(call: Call) -> Result<Value, RpcError> {
    let blocks: i32 = call.int(0)?.unwrap_or(WINDOW);
    let height: i32 = call.int(1)?.unwrap_or(-1);
    if blocks < -1 || blocks == 0 {
        return Err(RpcError::invalid_parameter(
            "Invalid nblocks. Must be a positive number or -1.",
        ));
    }
    let view = call.node.view();
    let last = match height {
        -1 => Some(view.tip()),
        height => u32::try_from(height)
            .ok()
            .and_then(|height| view.active_at(height)),
    };
    let last = last
        .ok_or_else(|| RpcError::invalid_parameter("Block does not exist at specified height"))?;
    // The whole chain may be asked for.
    call.blocking(move |_| Ok(hashes_per_second(&view, last, blocks)))
        .await
}

/// The work of so many blocks up to `last` over the time between the earliest and the latest of them and the block
/// before.
fn hashes_per_second(view: &ChainView, last: HeaderId, blocks: i32) -> Value {
    let height = view.height(last);
    if height == 0 {
        return 0.into();
    }
    let blocks = match u32::try_from(blocks) {
        Ok(blocks) => blocks.min(height),
        Err(_) => (height % view.params().difficulty_interval() + 1).min(height),
    };
    let (mut first, mut earliest, mut latest) = (last, u32::MAX, 0);
    for id in view.tree().backwards(last).take(blocks as usize + 1) {
        let time = view.entry(id).time();
        (first, earliest, latest) = (id, earliest.min(time), latest.max(time));
    }
    if earliest == latest {
        return 0.into();
    }
    let work = view.entry(last).chainwork() - view.entry(first).chainwork();
    float(as_float(work) / f64::from(latest - earliest))
}

/// Summed up from the least significant 32 bits on, as Core does, so that the last digit comes out the same.
fn as_float(work: Work) -> f64 {
    let bytes = work.to_le_bytes();
    let (mut sum, mut factor) = (0.0, 1.0);
    for word in bytes.as_chunks::<4>().0 {
        sum += factor * f64::from(u32::from_le_bytes(*word));
        factor *= 4_294_967_296.0;
    }
    sum
}

async fn getmininginfo(call: Call) -> Result<Value, RpcError> {
    let node = &*call.node;
    let (view, now) = (node.view(), node.now());
    let (params, tip) = (view.params(), view.tip());
    let bits = view.entry(tip).bits();
    let next = view.next_bits(tip, time_on_tip(&view, now));
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("blocks", view.tip_height().into());
    put_target(&mut put, bits);
    put("networkhashps", hashes_per_second(&view, tip, WINDOW));
    put("pooledtx", 0.into());
    put("blockmintxfee", amount(0));
    put("chain", params.chain_name.into());
    put(
        "next",
        json!({
            "height": view.tip_height() + 1,
            "bits": hex32(next.to_consensus()),
            "difficulty": float(difficulty(next)),
            "target": target_hex(next),
        }),
    );
    if params.network == Network::Signet
        && let Some(challenge) = &params.signet_challenge
    {
        put("signet_challenge", hex(challenge.as_bytes()));
    }
    put("warnings", node.warnings().into());
    Ok(Value::Object(info))
}

fn put_target(put: &mut impl FnMut(&str, Value) -> Option<Value>, bits: CompactTarget) {
    put("bits", hex32(bits.to_consensus()));
    put("difficulty", float(difficulty(bits)));
    put("target", target_hex(bits));
}
