//! The stores behind one face. Each is set as its own documentation advises for point reads of small values, with one
//! memory budget, no compression (coins do not compress), and flushes that survive a power cut.

#[cfg(feature = "fjall")]
mod fjall_store;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "redb")]
mod redb_store;
#[cfg(feature = "rocksdb")]
mod rocks;

use std::path::Path;

use clap::ValueEnum;

use crate::workload::{Change, KEY_SIZE};

type Key = [u8; KEY_SIZE];

/// Where the number of the last flush stands: shorter than any coin's key, so that it is never one.
const MARK: &[u8] = b"tip";

pub(crate) trait Store {
    /// Applies a sorted batch and the mark of its flush, all or nothing, and returns when that will survive a power cut.
    fn write(&mut self, batch: &[Change], flush: u64) -> anyhow::Result<()>;

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>>;

    fn last_flush(&self) -> anyhow::Result<Option<u64>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[cfg(feature = "rocksdb")]
    Rocksdb,
    #[cfg(feature = "fjall")]
    Fjall,
    #[cfg(feature = "redb")]
    Redb,
    #[cfg(feature = "lmdb")]
    Lmdb,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            #[cfg(feature = "rocksdb")]
            Self::Rocksdb => "rocksdb",
            #[cfg(feature = "fjall")]
            Self::Fjall => "fjall",
            #[cfg(feature = "redb")]
            Self::Redb => "redb",
            #[cfg(feature = "lmdb")]
            Self::Lmdb => "lmdb",
        })
    }
}

/// Opens or makes a store that may use `cache` bytes for caches and write buffers.
pub(crate) fn open(kind: Kind, dir: &Path, cache: usize) -> anyhow::Result<Box<dyn Store>> {
    Ok(match kind {
        #[cfg(feature = "rocksdb")]
        Kind::Rocksdb => Box::new(rocks::Rocks::open(dir, cache)?),
        #[cfg(feature = "fjall")]
        Kind::Fjall => Box::new(fjall_store::Fjall::open(dir, cache)?),
        #[cfg(feature = "redb")]
        Kind::Redb => Box::new(redb_store::Redb::open(dir, cache)?),
        #[cfg(feature = "lmdb")]
        Kind::Lmdb => Box::new(lmdb::Lmdb::open(dir)?),
    })
}

fn number(bytes: &[u8]) -> anyhow::Result<u64> {
    Ok(u64::from_le_bytes(bytes.try_into()?))
}
