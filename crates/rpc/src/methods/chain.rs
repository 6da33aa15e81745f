//! The chain as a whole: heights, hashes, headers, tips.

use bitcoin::consensus::encode::serialize;
use serde_json::{Map, Value, json};
use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{CompactTarget, Height, Target, Work};

use crate::call::{Call, find, later};
use crate::error::RpcError;
use crate::json::{float, hex, hex32};
use crate::spec::{Arg, Category, Kind, Method, Presence};

mod info;

pub(crate) use info::LastInfo;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getblockcount",
        category: Category::Blockchain,
        about: "Height of the active chain's tip. The genesis block has height 0.",
        args: &[],
        result: "n    (numeric) the height",
        examples: &[&[]],
        run: |call| later(async move { Ok(call.node.view().tip_height().into()) }),
    },
    Method {
        name: "getbestblockhash",
        category: Category::Blockchain,
        about: "Hash of the active chain's tip.",
        args: &[],
        result: "\"hex\"    (string) the block hash",
        examples: &[&[]],
        run: |call| later(async move { Ok(call.node.view().tip_hash().to_string().into()) }),
    },
    Method {
        name: "getblockhash",
        category: Category::Blockchain,
        about: "Hash of the active chain's block at a height.",
        args: &[Arg {
            names: &["height"],
            kind: Kind::Number,
            presence: Presence::Required,
            about: "From 0, the genesis block, to the height of the tip.",
        }],
        result: "\"hex\"    (string) the block hash",
        examples: &[&["1000"]],
        run: |call| later(getblockhash(call)),
    },
    Method {
        name: "getdifficulty",
        category: Category::Blockchain,
        about: "Difficulty of the active chain's tip: how many times harder than the least of the main network.",
        args: &[],
        result: "n    (numeric) the difficulty",
        examples: &[&[]],
        run: |call| later(getdifficulty(call)),
    },
    Method {
        name: "getblockheader",
        category: Category::Blockchain,
        about: "A block's header, of whatever branch.",
        args: &[
            Arg {
                names: &["blockhash"],
                kind: Kind::Hex,
                presence: Presence::Required,
                about: "Hash of the block.",
            },
            Arg {
                names: &["verbose"],
                kind: Kind::Bool,
                presence: Presence::Default("true"),
                about: "true for an object, false for the 80 bytes in hexadecimal.",
            },
        ],
        result: r#"{
  "hash": "hex",               (string) hash of the block
  "confirmations": n,          (numeric) blocks of the active chain from it to the tip; -1 if it is not part of it
  "height": n,                 (numeric) its height
  "version": n,                (numeric) its version
  "versionHex": "hex",         (string) its version
  "merkleroot": "hex",         (string) root of its transactions
  "time": n,                   (numeric) its time, in seconds since the Unix epoch
  "mediantime": n,             (numeric) its median time past
  "nonce": n,                  (numeric) its nonce
  "bits": "hex",               (string) its target in compact form
  "target": "hex",             (string) its target
  "difficulty": n,             (numeric) its difficulty
  "chainwork": "hex",          (string) work of the chain that ends with it
  "nTx": n,                    (numeric) number of its transactions; 0 until it is stored
  "previousblockhash": "hex",  (string, not for the genesis block) the block before
  "nextblockhash": "hex"       (string, if there is one) the active chain's block after
}
or, if not verbose:
"hex"    (string) the header"#,
        examples: &[&["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]],
        run: |call| later(getblockheader(call)),
    },
    Method {
        name: "getchaintips",
        category: Category::Blockchain,
        about: "Ends of all known branches, the active chain's among them.",
        args: &[],
        result: r#"[
  {
    "height": n,      (numeric) height of the branch's last header
    "hash": "hex",    (string) its hash
    "branchlen": n,   (numeric) blocks that are not part of the active chain
    "status": "text"  (string) one of:
                      active         the active chain
                      valid-fork     was once part of the active chain
                      valid-headers  all blocks are stored, but it never was the active chain
                      headers-only   blocks are missing
                      invalid        one of its blocks breaks a rule
  }, ...
]"#,
        examples: &[&[]],
        run: |call| later(getchaintips(call)),
    },
    Method {
        name: "getblockchaininfo",
        category: Category::Blockchain,
        about: "The state of the chain: how far it is known and validated.",
        args: &[],
        result: r#"{
  "chain": "text",              (string) main, test, testnet4, signet or regtest
  "blocks": n,                  (numeric) height of the active chain's tip
  "headers": n,                 (numeric) height of the best header
  "bestblockhash": "hex",       (string) hash of the active chain's tip
  "bits": "hex",                (string) its target in compact form
  "target": "hex",              (string) its target
  "difficulty": n,              (numeric) its difficulty
  "time": n,                    (numeric) its time, in seconds since the Unix epoch
  "mediantime": n,              (numeric) its median time past
  "verificationprogress": n,    (numeric) share of all transactions that the chain has behind it, 0 to 1, estimated
  "initialblockdownload": b,    (boolean) still catching up with the network
  "chainwork": "hex",           (string) work of the active chain
  "size_on_disk": n,            (numeric) bytes that the block and undo files take
  "pruned": b,                  (boolean) old blocks are deleted
  "pruneheight": n,             (numeric, if pruned) the first block from which on none is deleted
  "automatic_pruning": b,       (boolean, if pruned) they are deleted without being asked for
  "prune_target_size": n,       (numeric, if that is so) bytes that block and undo files may take
  "signet_challenge": "hex",    (string, on signets only) the block challenge
  "warnings": ["text", ...]     (array) what the user should know of
}"#,
        examples: &[&[]],
        run: info::getblockchaininfo,
    },
];

async fn getblockhash(call: Call) -> Result<Value, RpcError> {
    let height: i32 = call.required_int(0)?;
    let hash = Height::try_from(height)
        .ok()
        .and_then(|height| call.node.view().hash_at(height));
    match hash {
        Some(hash) => Ok(hash.to_string().into()),
        None => Err(RpcError::invalid_parameter("Block height out of range")),
    }
}

async fn getdifficulty(call: Call) -> Result<Value, RpcError> {
    let view = call.node.view();
    Ok(float(difficulty(view.entry(view.tip()).bits())))
}

async fn getblockheader(call: Call) -> Result<Value, RpcError> {
    let hash = call.hash(0, "hash")?;
    let view = call.node.view();
    let id = find(&view, &hash)?;
    if call.bool(1) == Some(false) {
        return Ok(hex(&serialize(&view.header(id))));
    }
    Ok(Value::Object(header_json(&view, id)))
}

async fn getchaintips(call: Call) -> Result<Value, RpcError> {
    let tips = call.node.view().tips();
    Ok(tips
        .into_iter()
        .map(|tip| {
            json!({
                "height": tip.height,
                "hash": tip.hash.to_string(),
                "branchlen": tip.branch_len,
                "status": tip.status.as_str(),
            })
        })
        .collect())
}

/// All that is known of a header.
pub(crate) fn header_json(view: &ChainView, id: HeaderId) -> Map<String, Value> {
    let (entry, header) = (view.entry(id), view.header(id));
    let version = header.version.to_consensus();
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("hash", entry.hash().to_string().into());
    put("confirmations", view.confirmations(id).into());
    put("height", entry.height().into());
    put("version", version.into());
    put("versionHex", hex32(version.cast_unsigned()));
    put("merkleroot", header.merkle_root.to_string().into());
    put("time", header.time.into());
    put("mediantime", view.median_time_past(id).into());
    put("nonce", header.nonce.into());
    put("bits", hex32(header.bits.to_consensus()));
    put("target", target_hex(header.bits));
    put("difficulty", float(difficulty(header.bits)));
    put("chainwork", work_hex(entry.chainwork()));
    put("nTx", view.transactions(id).unwrap_or(0).into());
    if view.tree().parent(id).is_some() {
        put(
            "previousblockhash",
            header.prev_blockhash.to_string().into(),
        );
    }
    if let Some(next) = view.next_active(id) {
        put("nextblockhash", view.hash(next).to_string().into());
    }
    info
}

/// How many times harder a target is to meet than 0x1d00ffff, which is difficulty 1 on every network.
///
/// Worked out step by step as Core does, so that the last digit comes out the same.
pub(super) fn difficulty(bits: CompactTarget) -> f64 {
    let bits = bits.to_consensus();
    let exponent = bits >> 24;
    let mut difficulty = f64::from(0xffff_u32) / f64::from(bits & 0x00ff_ffff);
    for _ in exponent..29 {
        difficulty *= 256.0;
    }
    for _ in 29..exponent {
        difficulty /= 256.0;
    }
    difficulty
}

pub(super) fn target_hex(bits: CompactTarget) -> Value {
    hex(&Target::from_compact(bits).to_be_bytes())
}

fn work_hex(work: Work) -> Value {
    hex(&work.to_be_bytes())
}
