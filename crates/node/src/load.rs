//! From the data directory to the chain as it was when the node ended, however it ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tipward_chain::Chain;
use tipward_coins::CoinsDb;
use tipward_primitives::{Params, Timestamp};
use tipward_store::{BlockMark, BlockStore, Loaded, UndoFiles};
use tipward_validation::validated_tip;

/// What a node begins with.
pub(crate) struct Start {
    pub(crate) files: Files,
    pub(crate) chain: Chain,
}

/// What may be written in the data directory.
pub(crate) struct Files {
    pub(crate) store: BlockStore,
    pub(crate) undo: UndoFiles,
    pub(crate) coins: CoinsDb,
}

/// Bytes of memory that the store of the coins on disk may use for itself.
const COINS_DB_CACHE: usize = 32 << 20;

/// Opens the directory (which locks it) and puts right what a crash left.
pub(crate) fn open(netdir: &Path, params: &Params) -> anyhow::Result<(Files, Loaded)> {
    let (store, undo, loaded) = BlockStore::open(netdir, params)?;
    for repair in &loaded.report.repairs {
        tracing::warn!(target: "store", "Repaired: {repair}");
    }
    let coins = CoinsDb::open(&netdir.join("coins"), COINS_DB_CACHE)?;
    Ok((Files { store, undo, coins }, loaded))
}

/// Builds the header tree and finds the stored tip. Blocks this for about a second per million headers.
pub(crate) fn load(
    files: Files,
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
    for (hash, mark) in loaded.marks {
        match mark {
            BlockMark::Invalid => chain.mark_invalid(&hash),
            BlockMark::Reconsidered => chain.reconsider(&hash),
        };
    }
    let tip = validated_tip(&files.coins, &chain)?;
    chain.restore_tip(&tip.hash);
    chain.update_initial_block_download(now);
    tracing::info!(
        target: "store",
        "Loaded {} headers and {blocks} blocks in {} ms: tip height {}, best header height {}",
        loaded.report.headers,
        begun.elapsed().as_millis(),
        chain.tip_height(),
        chain.height(chain.best_header()),
    );
    Ok(Start { files, chain })
}
