//! Deleting old blocks to save space.

use serde_json::Value;
use tipward_chain::ChainView;
use tipward_primitives::Height;

use crate::call::{Call, later};
use crate::error::{RpcError, code};
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[Method {
    name: "pruneblockchain",
    category: Category::Blockchain,
    about: "Deletes block and undo files that hold nothing above a height. Only with --prune. The last 288 blocks stay, and \
            so does every file that holds one of them.",
    args: &[Arg {
        names: &["height"],
        kind: Kind::Number,
        presence: Presence::Required,
        about: "The height; or a time in seconds since the Unix epoch, for blocks that are two hours older than that.",
    }],
    result: "n    (numeric) height of the last block that is deleted, -1 if none is",
    examples: &[&["1000"]],
    run: |call| later(pruneblockchain(call)),
}];

/// A greater number is a time: no chain is so long, and no block so old.
const LATEST_HEIGHT: i32 = 1_000_000_000;

/// Blocks may claim to be this much older than they are, in seconds.
const TIMESTAMP_WINDOW: u32 = 2 * 60 * 60;

async fn pruneblockchain(call: Call) -> Result<Value, RpcError> {
    let Some(pruning) = call.node.pruning() else {
        return Err(RpcError::misc(
            "Cannot prune blocks because node is not in prune mode.",
        ));
    };
    let asked: i32 = call.required_int(0)?;
    let Ok(number) = u32::try_from(asked) else {
        return Err(RpcError::invalid_parameter("Negative block height."));
    };
    let view = call.node.view();
    let height = if asked > LATEST_HEIGHT {
        earliest_at_least(&view, number - TIMESTAMP_WINDOW).ok_or_else(|| {
            RpcError::invalid_parameter(
                "Could not find block with at least the specified timestamp.",
            )
        })?
    } else {
        number
    };
    let tip = view.tip_height();
    if tip < pruning.after_height {
        return Err(RpcError::misc("Blockchain is too short for pruning."));
    }
    if height > tip {
        return Err(RpcError::invalid_parameter(
            "Blockchain is shorter than the attempted prune height.",
        ));
    }
    let height = height.min(tip.saturating_sub(pruning.kept));
    call.node
        .prune(height)
        .await
        .map_err(|fault| RpcError::new(code::DATABASE_ERROR, fault.what))?;
    Ok((i64::from(call.node.view().pruned_below()) - 1).into())
}

/// The first block of the active chain that is not older, if the greatest time of all up to it counts as its own.
fn earliest_at_least(view: &ChainView, time: u32) -> Option<Height> {
    (0..=view.tip_height()).find(|height| {
        view.active_at(*height)
            .is_some_and(|id| view.entry(id).time() >= time)
    })
}
