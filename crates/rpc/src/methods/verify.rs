//! Verifying what is on disk.

use std::sync::Arc;

use serde_json::Value;

use crate::call::{Call, later};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::verify::{MAX_LEVEL, Verified, verify};

pub(super) const METHODS: &[Method] = &[Method {
    name: "verifychain",
    category: Category::Blockchain,
    about: "Holds blocks, undo data and coins against each other, from the tip backwards. The log says what is wrong.",
    args: &[
        Arg {
            names: &["checklevel"],
            kind: Kind::Number,
            presence: Presence::Default("3"),
            about: "0 reads the blocks, 1 checks all of them that needs no coins, 2 reads the undo data, 3 disconnects the \
                    blocks in memory, 4 connects them again, scripts included. A level does all that lower ones do.",
        },
        Arg {
            names: &["nblocks"],
            kind: Kind::Number,
            presence: Presence::Default("6"),
            about: "Blocks to verify; 0 for all.",
        },
    ],
    result: "b    (boolean) all is well. Also false if so many blocks would take too much memory, or if the node stops",
    examples: &[&[], &["4", "100"]],
    run: |call| later(verifychain(call)),
}];

async fn verifychain(call: Call) -> Result<Value, RpcError> {
    let level: i32 = call.int(0)?.unwrap_or(3);
    let blocks: i32 = call.int(1)?.unwrap_or(6);
    let level = u32::try_from(level).unwrap_or(0).min(MAX_LEVEL);
    let blocks = u32::try_from(blocks).unwrap_or(0);
    let coins = call.node.coin_set().await?;
    let view = call.node.view();
    let state = Arc::clone(&call.state);
    call.blocking(move |node| {
        let verified = verify(node, &view, &*coins, level, blocks, &|| state.is_stopping());
        match &verified {
            Verified::Whole | Verified::Stopped => {}
            Verified::TooMany => tracing::warn!(
                target: "rpc",
                "verifychain: so many blocks take too much memory at level {level}; verify fewer"
            ),
            Verified::Damaged(problem) => {
                tracing::error!(target: "rpc", "verifychain: {problem}");
            }
        }
        Ok(matches!(verified, Verified::Whole).into())
    })
    .await
}
