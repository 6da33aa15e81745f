//! From the data directory to the chain as it was when the node ended, however it ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tipward_chain::Chain;
use tipward_primitives::{Params, Timestamp};
use tipward_store::{BlockStore, Loaded};

/// What a node begins with.
pub(crate) struct Start {
    pub(crate) store: BlockStore,
    pub(crate) chain: Chain,
}

/// Opens the directory (which locks it) and puts right what a crash left.
pub(crate) fn open(netdir: &Path, params: &Params) -> anyhow::Result<(BlockStore, Loaded)> {
    let (store, _, loaded) = BlockStore::open(netdir, params)?;
    for repair in &loaded.report.repairs {
        tracing::warn!(target: "store", "Repaired: {repair}");
    }
    Ok((store, loaded))
}

/// Builds the header tree and finds the stored tip. Blocks this for about a second per million headers.
pub(crate) fn load(
    store: BlockStore,
    loaded: Loaded,
    params: &Arc<Params>,
    now: Timestamp,
) -> anyhow::Result<Start> {
    let begun = Instant::now();
    let mut chain = Chain::new(params.clone());
    let mut orphans = 0_u64;
    chain.reserve(usize::try_from(loaded.report.headers).unwrap_or(0));
    for header in loaded.headers {
        let header = header.context("the header log")?;
        if chain.insert_stored(&header).is_none() {
            orphans += 1;
        }
    }
    if orphans > 0 {
        tracing::warn!(target: "store", "{orphans} stored headers build on none that is known; they will be asked for again");
    }
    let mut blocks = 0_u64;
    for block in loaded.blocks {
        let block = block.context("the block index")?;
        chain.mark_stored(&block.hash, block.transactions);
        blocks += 1;
    }
    // Until there is a connect stage whose coins know the tip: what is stored counts as connected.
    let candidate = chain.hash(chain.candidate());
    chain.restore_tip(&candidate);
    chain.update_initial_block_download(now);
    tracing::info!(
        target: "store",
        "Loaded {} headers and {blocks} blocks in {} ms: stored tip height {}, best header height {}",
        loaded.report.headers,
        begun.elapsed().as_millis(),
        chain.tip_height(),
        chain.height(chain.best_header()),
    );
    Ok(Start { store, chain })
}
