//! The stores behind one face. Each is set as its own documentation advises for point reads of small values, with one
//! memory budget, no compression (coins do not compress), filters where the store has them, and flushes that survive a
//! power cut.

#[cfg(feature = "fjall")]
mod fjall_store;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "redb")]
mod redb_store;
#[cfg(feature = "rocksdb")]
mod rocks;
#[cfg(feature = "tipward")]
mod tipward;

use std::path::Path;

use anyhow::bail;
use clap::ValueEnum;

use crate::workload::{Change, KEY_SIZE};

pub(crate) type Key = [u8; KEY_SIZE];

/// Where the mark of the last flush stands: shorter than any coin's key, so that it is never one.
const MARK: &[u8] = b"tip";

/// Which flush the store stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Some chunks of this flush may be there: a node would apply the flush again.
    Begun(u64),
    /// All of it is there.
    Done(u64),
}

/// A flush: sorted chunks of sorted changes.
pub(crate) type Chunks<'a> = &'a mut dyn Iterator<Item = Vec<Change>>;

pub(crate) trait Store: Sync {
    /// Marks the flush as begun, applies its chunks in turn, each all or nothing, marks the flush as done, and returns
    /// when all of that will survive a power cut. Whenever it is cut short, the mark is never newer than the coins.
    fn flush(&mut self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()>;

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>>;

    /// Looks many coins up, all at once where the store can do that.
    fn get_many(&self, keys: &[Key]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    fn mark(&self) -> anyhow::Result<Option<Mark>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// tipward's own.
    #[cfg(feature = "tipward")]
    Tipward,
    /// Chunks go through the write-ahead log.
    #[cfg(feature = "rocksdb")]
    Rocksdb,
    /// Without the write-ahead log: the write buffer is written out at the end of a flush.
    #[cfg(feature = "rocksdb")]
    RocksdbNolog,
    /// Chunks go through the journal.
    #[cfg(feature = "fjall")]
    Fjall,
    /// A flush becomes a sorted table at once, past the journal and the write buffer.
    #[cfg(feature = "fjall")]
    FjallIngest,
    #[cfg(feature = "redb")]
    Redb,
    #[cfg(feature = "lmdb")]
    Lmdb,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Opens or makes a store that may use `cache` bytes for caches and write buffers.
pub(crate) fn open(kind: Kind, dir: &Path, cache: usize) -> anyhow::Result<Box<dyn Store>> {
    Ok(match kind {
        #[cfg(feature = "tipward")]
        Kind::Tipward => Box::new(tipward::Tipward::open(dir, cache)?),
        #[cfg(feature = "rocksdb")]
        Kind::Rocksdb => Box::new(rocks::Rocks::open(dir, cache, true)?),
        #[cfg(feature = "rocksdb")]
        Kind::RocksdbNolog => Box::new(rocks::Rocks::open(dir, cache, false)?),
        #[cfg(feature = "fjall")]
        Kind::Fjall => Box::new(fjall_store::Fjall::open(dir, cache, false)?),
        #[cfg(feature = "fjall")]
        Kind::FjallIngest => Box::new(fjall_store::Fjall::open(dir, cache, true)?),
        #[cfg(feature = "redb")]
        Kind::Redb => Box::new(redb_store::Redb::open(dir, cache)?),
        #[cfg(feature = "lmdb")]
        Kind::Lmdb => Box::new(lmdb::Lmdb::open(dir)?),
    })
}

impl Mark {
    fn to_bytes(self) -> [u8; 9] {
        let (state, number) = match self {
            Self::Begun(number) => (0, number),
            Self::Done(number) => (1, number),
        };
        let mut bytes = [state; 9];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        let Some((number, &[state])) = bytes.split_first_chunk::<8>() else {
            bail!("the mark has {} bytes", bytes.len());
        };
        let number = u64::from_le_bytes(*number);
        match state {
            0 => Ok(Self::Begun(number)),
            1 => Ok(Self::Done(number)),
            _ => bail!("the mark has state {state}"),
        }
    }
}
