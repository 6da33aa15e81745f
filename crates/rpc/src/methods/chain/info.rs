//! `getblockchaininfo`, which programs ask for all the time: worked out once for all calls between which nothing changed.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Map, Value};
use tipward_chain::ChainView;
use tipward_primitives::Network;

use super::{difficulty, target_hex, work_hex};
use crate::call::{Call, Output};
use crate::error::RpcError;
use crate::json::{float, hex, hex32};
use crate::methods::progress;
use crate::{Answer, Pruning};

/// The answer that was given last, and what it was made of.
#[derive(Default)]
pub(crate) struct LastInfo(Mutex<Option<(Sources, Arc<str>)>>);

/// All that the answer depends on.
struct Sources {
    /// Weak, because a view that nobody shows any more shall not be kept alive by this; it is not mistaken for another one
    /// as long as this is there.
    view: Weak<ChainView>,
    /// Since the Unix epoch.
    seconds: u64,
    initial_block_download: bool,
    size_on_disk: u64,
    pruning: Option<Pruning>,
    warnings: Vec<String>,
}

pub(super) fn getblockchaininfo(call: Call) -> Answer<Result<Output, RpcError>> {
    Box::pin(std::future::ready(Ok(Output::Json(info(&call)))))
}

fn info(call: &Call) -> Arc<str> {
    let (node, now) = (&*call.node, call.node.now());
    let view = node.view();
    let sources = Sources {
        view: Arc::downgrade(&view),
        seconds: now.as_secs(),
        initial_block_download: view.is_initial_block_download(now),
        size_on_disk: node.size_on_disk(),
        pruning: node.pruning(),
        warnings: node.warnings(),
    };
    let last = &call.state.last_info.0;
    // Nothing in it can be left half changed by a panic.
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, text)) = &*last
        && of.same(&sources)
    {
        return Arc::clone(text);
    }
    let text: Arc<str> = sources.info(&view).to_string().into();
    *last = Some((sources, Arc::clone(&text)));
    text
}

impl Sources {
    fn same(&self, other: &Self) -> bool {
        self.view.ptr_eq(&other.view)
            && self.seconds == other.seconds
            && self.initial_block_download == other.initial_block_download
            && self.size_on_disk == other.size_on_disk
            && self.pruning == other.pruning
            && self.warnings == other.warnings
    }

    fn info(&self, view: &ChainView) -> Value {
        let (params, tip) = (view.params(), view.tip());
        let entry = view.entry(tip);
        let mut info = Map::new();
        let mut put = |name: &str, value: Value| info.insert(name.into(), value);
        put("chain", params.chain_name.into());
        put("blocks", entry.height().into());
        put("headers", view.height(view.best_header()).into());
        put("bestblockhash", entry.hash().to_string().into());
        put("bits", hex32(entry.bits().to_consensus()));
        put("target", target_hex(entry.bits()));
        put("difficulty", float(difficulty(entry.bits())));
        put("time", entry.time().into());
        put("mediantime", view.median_time_past(tip).into());
        put(
            "verificationprogress",
            float(progress::estimate(view, self.seconds)),
        );
        put("initialblockdownload", self.initial_block_download.into());
        put("chainwork", work_hex(entry.chainwork()));
        put("size_on_disk", self.size_on_disk.into());
        put("pruned", self.pruning.is_some().into());
        if let Some(pruning) = self.pruning {
            put("pruneheight", view.pruned_below().into());
            put("automatic_pruning", pruning.target.is_some().into());
            if let Some(target) = pruning.target {
                put("prune_target_size", target.into());
            }
        }
        if params.network == Network::Signet
            && let Some(challenge) = &params.signet_challenge
        {
            put("signet_challenge", hex(challenge.as_bytes()));
        }
        put("warnings", self.warnings.clone().into());
        Value::Object(info)
    }
}
