//! What the measurements of a generated chain have in common.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use tempfile::TempDir;

use super::report::write_json;
use crate::config::{NetworkName, Options, memory};
use crate::generate::mainnet::ChainNote;

/// Which chain, where, and where to the figures.
#[derive(Args, Clone, Debug)]
pub struct ChainArgs {
    /// Chain to sync, as `tipward generate --shape mainnet` writes it
    #[arg(long, value_name = "FILE")]
    pub blocks: PathBuf,

    /// Directory on the disk to measure; it needs room for a chain and its coins
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,

    /// File to write all figures to
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl ChainArgs {
    /// What was written down of the chain when it was made.
    pub(super) fn note(&self, options: &Options) -> anyhow::Result<ChainNote> {
        ensure!(
            options.network.is_none_or(|n| n == NetworkName::Regtest),
            "generated chains are regtest's"
        );
        ChainNote::read(&self.blocks)
    }

    /// A directory on the disk to measure.
    pub(super) fn scratch(&self) -> anyhow::Result<TempDir> {
        scratch(&self.dir)
    }

    /// Writes the figures, if that is asked for.
    pub(super) fn save(&self, figures: &serde_json::Value) -> anyhow::Result<()> {
        match &self.json {
            Some(path) => write_json(path, figures),
            None => Ok(()),
        }
    }
}

/// A directory of our own in this one, gone in the end.
pub(super) fn scratch(dir: &Path) -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("tipward-bench-")
        .tempdir_in(dir)
        .with_context(|| format!("cannot create a directory in {}", dir.display()))
}

/// MiB that a node gets for coins.
pub(super) fn db_cache_mib(options: &Options) -> anyhow::Result<u32> {
    let bytes = memory::db_cache(options.dbcache, &mut Vec::new())?;
    Ok(u32::try_from(bytes >> 20)?)
}
