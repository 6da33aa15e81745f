//! From the data directory to the chain as it was when the node ended, however it ended.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tipward_chain::Chain;
use tipward_coins::CoinsDb;
use tipward_primitives::{BlockHash, Params, Timestamp};
use tipward_store::layout::MAX_BLOCK_FILE_SIZE;
use tipward_store::{BlockMark, BlockStore, Loaded, Progress, UndoFiles, UndoReader, reindex};
use tipward_validation::{Options as PipelineOptions, validated_tip};

use crate::config::SyncConfig;

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
    /// Old blocks may be deleted.
    pub(crate) prunes: bool,
}

/// Long work says how far it is so often.
const TELL_INTERVAL: Duration = Duration::from_secs(2);

/// What the pipeline may use, of a node and of a command alike.
pub(crate) fn pipeline_options(sync: &SyncConfig) -> PipelineOptions {
    PipelineOptions {
        check_threads: sync.threads,
        script_threads: sync.threads,
        dbcache: sync.db_cache,
        assume_valid: sync.assume_valid,
        prune: sync.prune,
        ..PipelineOptions::default()
    }
}

/// Is told how far a search of the block files is.
pub(crate) type Search<'a> = &'a mut dyn FnMut(Progress);

/// Opens the directory (which locks it) and puts right what a crash left.
pub(crate) fn open(
    netdir: &Path,
    params: &Params,
    sync: &SyncConfig,
) -> anyhow::Result<(Files, Loaded)> {
    let mut told = Instant::now();
    open_with(netdir, params, sync, &mut |progress| {
        if told.elapsed() >= TELL_INTERVAL {
            told = Instant::now();
            tracing::info!(
                target: "store",
                "Searching the block files: {} of {} MB",
                progress.done / 1_000_000,
                progress.total / 1_000_000
            );
        }
    })
}

/// As [`open`], for who shows the progress in another way.
pub(crate) fn open_with(
    netdir: &Path,
    params: &Params,
    sync: &SyncConfig,
    search: Search<'_>,
) -> anyhow::Result<(Files, Loaded)> {
    if let Some(what) = sync.reindex {
        tracing::info!(target: "store", "Throwing away what is built anew");
        reindex(netdir, params, what)?;
    }
    let size = sync
        .prune
        .map_or(MAX_BLOCK_FILE_SIZE, |prune| prune.file_size);
    let (store, undo, loaded) = BlockStore::open_sized(netdir, params, size, search)?;
    for repair in &loaded.report.repairs {
        tracing::warn!(target: "store", "Repaired: {repair}");
    }
    if sync.prune.is_none() && store.is_pruned() {
        bail!(
            "{}: old blocks were deleted to save space: start with --prune as before, or with --reindex, which downloads \
             the whole chain again",
            netdir.display()
        );
    }
    let coins = CoinsDb::open(&netdir.join("coins"))?;
    let files = Files {
        store,
        undo,
        coins,
        prunes: sync.prune.is_some(),
    };
    Ok((files, loaded))
}

/// Builds the header tree and finds the stored tip. Blocks this for about a second per million headers.
pub(crate) fn load(
    mut files: Files,
    loaded: Loaded,
    params: &Arc<Params>,
    now: Timestamp,
) -> anyhow::Result<Start> {
    let begun = Instant::now();
    let mut chain = Chain::new(params.clone());
    let mut orphans = 0_u64;
    // Headers that we wrote ourselves were judged then. Where files had to be mended, some may have been found in block
    // files that somebody else wrote.
    let judge = !loaded.report.repairs.is_empty();
    chain.reserve(usize::try_from(loaded.report.headers).unwrap_or(0));
    for header in loaded.headers {
        let header = header.context("the header log")?;
        let taken = if judge {
            chain.accept_header(&header, now).is_ok()
        } else {
            chain.insert_stored(&header).is_some()
        };
        if !taken {
            orphans += 1;
        }
    }
    if orphans > 0 {
        tracing::warn!(target: "store", "{orphans} stored headers build on none that is known or break a rule; they were passed over");
    }
    let (mut blocks, mut pruned) = (0_u64, Vec::new());
    for block in loaded.blocks {
        let block = block.context("the block index")?;
        chain.mark_stored(&block.hash, block.transactions);
        if block.pruned {
            pruned.push(block.hash);
        } else {
            blocks += 1;
        }
    }
    for (hash, mark) in loaded.marks {
        match mark {
            BlockMark::Invalid => chain.mark_invalid(&hash),
            BlockMark::Reconsidered => chain.reconsider(&hash),
        };
    }
    let tip = validated_tip(&files.coins, &chain)?;
    chain.restore_tip(&tip.hash);
    // One that was fetched again is not gone.
    let reader = files.store.reader();
    pruned.retain(|hash| reader.size_of(hash).is_none());
    chain.mark_pruned(&pruned);
    if files.prunes {
        let height_of = |hash: &BlockHash| chain.find(hash).map(|id| chain.height(id));
        files.store.learn_heights(&height_of)?;
        files.undo.learn_heights(&height_of)?;
    }
    note_validated_branches(&mut chain, &files.undo.reader());
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

/// Blocks that left the active chain in an earlier run were validated then: their undo data says so.
fn note_validated_branches(chain: &mut Chain, undo: &UndoReader) {
    let branches = chain.tips();
    for branch in branches.iter().filter(|branch| branch.branch_len > 0) {
        let blocks: Vec<BlockHash> = chain
            .find(&branch.hash)
            .into_iter()
            .flat_map(|end| chain.tree().backwards(end))
            .take(branch.branch_len as usize)
            .map(|id| chain.hash(id))
            .filter(|hash| undo.contains(hash))
            .collect();
        for hash in blocks {
            chain.mark_validated(&hash);
        }
    }
}
