//! What the user says of blocks: which are invalid, which come first, which to fetch.

use serde_json::{Map, Value};
use tipward_primitives::BlockHash;

use crate::call::{Call, find, later};
use crate::error::{RpcError, code};
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::{FetchRefused, Judgement};

const BLOCK: &[Arg] = &[Arg {
    names: &["blockhash"],
    kind: Kind::Hex,
    presence: Presence::Required,
    about: "Hash of the block.",
}];

const EXAMPLE: &[&[&str]] =
    &[&["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]];

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "invalidateblock",
        category: Category::Hidden,
        about: "Holds a block, and all that builds on it, for invalid, whatever the rules say, also after a restart. The \
                answer comes when the active chain is one without it.",
        args: BLOCK,
        result: "null",
        examples: EXAMPLE,
        run: |call| later(judge(call, Judgement::Invalid)),
    },
    Method {
        name: "reconsiderblock",
        category: Category::Hidden,
        about: "Forgets that a block, those before it and those after it are invalid, and has them checked anew. Undoes \
                invalidateblock.",
        args: BLOCK,
        result: "null",
        examples: EXAMPLE,
        run: |call| later(judge(call, Judgement::Reconsider)),
    },
    Method {
        name: "preciousblock",
        category: Category::Blockchain,
        about: "Treats a block as if it had come before all others with the same work. A later call overrides an earlier \
                one; a restart forgets it.",
        args: BLOCK,
        result: "null",
        examples: EXAMPLE,
        run: |call| later(judge(call, Judgement::Precious)),
    },
    Method {
        name: "getblockfrompeer",
        category: Category::Blockchain,
        about: "Asks one peer for a block whose header is known. A peer that does not send it is disconnected.",
        args: &[
            Arg {
                names: &["blockhash"],
                kind: Kind::Hex,
                presence: Presence::Required,
                about: "Hash of the block.",
            },
            Arg {
                names: &["peer_id"],
                kind: Kind::Number,
                presence: Presence::Required,
                about: "The peer, by its id in getpeerinfo.",
            },
        ],
        result: "{}    (object) nothing: the peer has been asked",
        examples: &[&[
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            "0",
        ]],
        run: |call| later(getblockfrompeer(call)),
    },
];

async fn judge(call: Call, judgement: Judgement) -> Result<Value, RpcError> {
    let hash: BlockHash = call.hash(0, "blockhash")?;
    let view = call.node.view();
    let id = find(&view, &hash)?;
    // To leave it, every block after it has to be disconnected.
    if judgement == Judgement::Invalid
        && view.is_active(id)
        && view.height(id) < view.pruned_below()
    {
        return Err(RpcError::misc("Block not available (pruned data)"));
    }
    match call.node.judge_block(hash, judgement).await {
        Ok(()) => Ok(Value::Null),
        Err(fault) => Err(RpcError::new(code::DATABASE_ERROR, fault.what)),
    }
}

async fn getblockfrompeer(call: Call) -> Result<Value, RpcError> {
    let hash: BlockHash = call.hash(0, "blockhash")?;
    let peer: i64 = call.required_int(1)?;
    let view = call.node.view();
    let id = view
        .find(&hash)
        .ok_or_else(|| RpcError::misc("Block header missing"))?;
    if view.is_stored(id) {
        return Err(RpcError::misc("Block already downloaded"));
    }
    let asked = match u64::try_from(peer) {
        Ok(peer) => call.node.fetch_block(hash, peer).await,
        Err(_) => Err(FetchRefused::NoSuchPeer),
    };
    match asked {
        Ok(()) => Ok(Value::Object(Map::new())),
        Err(FetchRefused::NoSuchPeer) => Err(RpcError::misc("Peer does not exist")),
        Err(FetchRefused::NoWitness) => Err(RpcError::misc("Pre-SegWit peer")),
        Err(FetchRefused::AlreadyRequested) => {
            Err(RpcError::misc("Already requested from this peer"))
        }
        Err(FetchRefused::ShuttingDown) => {
            Err(RpcError::new(code::CLIENT_NOT_CONNECTED, "Shutting down"))
        }
    }
}
