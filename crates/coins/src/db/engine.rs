//! The embedded store, and the only file that knows which one it is.

use std::io;
use std::path::{Path, PathBuf};

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _,
};

use crate::CoinsError;

#[derive(Clone)]
pub(super) struct Engine {
    database: Database,
    coins: Keyspace,
    dir: PathBuf,
}

impl Engine {
    pub(super) fn open(dir: &Path, cache_bytes: usize) -> Result<Self, CoinsError> {
        let failed = |error| failure(dir, error);
        let buffer = (cache_bytes as u64 / 4).clamp(1 << 20, 64 << 20);
        let database = Database::builder(dir)
            .cache_size(cache_bytes as u64 / 2)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(buffer)
                .data_block_size_policy(BlockSizePolicy::all(4 << 10))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        };
        let coins = database.keyspace("coins", options).map_err(failed)?;
        Ok(Self {
            database,
            coins,
            dir: dir.to_owned(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<impl AsRef<[u8]> + use<>>, CoinsError> {
        self.coins
            .get(key)
            .map_err(|error| failure(&self.dir, error))
    }

    pub(super) fn disk_size(&self) -> Result<u64, CoinsError> {
        self.database
            .disk_space()
            .map_err(|error| failure(&self.dir, error))
    }

    pub(super) fn batch(&self) -> Batch<'_> {
        Batch {
            engine: self,
            batch: self.database.batch(),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            snapshot: self.database.snapshot(),
            engine: self.clone(),
        }
    }
}

/// Changes that take effect together.
pub(super) struct Batch<'a> {
    engine: &'a Engine,
    batch: fjall::OwnedWriteBatch,
}

impl Batch<'_> {
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.batch.insert(&self.engine.coins, key, value);
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        self.batch.remove(&self.engine.coins, key);
    }

    /// Applies the changes; `durable`: they, and all before, are on disk when it returns.
    pub(super) fn commit(self, durable: bool) -> Result<(), CoinsError> {
        self.batch
            .durability(durable.then_some(PersistMode::SyncAll))
            .commit()
            .map_err(|error| failure(&self.engine.dir, error))
    }
}

/// The store as it was at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    snapshot: fjall::Snapshot,
    engine: Engine,
}

type Pair = (fjall::Slice, fjall::Slice);

impl Snapshot {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<impl AsRef<[u8]> + use<>>, CoinsError> {
        self.snapshot
            .get(&self.engine.coins, key)
            .map_err(|error| failure(&self.engine.dir, error))
    }

    /// All from a key on, in order.
    pub(super) fn from(&self, key: &[u8]) -> impl Iterator<Item = Result<Pair, CoinsError>> {
        self.snapshot.range(&self.engine.coins, key..).map(|pair| {
            pair.into_inner()
                .map_err(|error| failure(&self.engine.dir, error))
        })
    }
}

fn failure(dir: &Path, error: fjall::Error) -> CoinsError {
    use fjall::{Error, LsmError};
    let path = dir.to_owned();
    let damaged = |what: String| CoinsError::Damaged {
        path: dir.to_owned(),
        what,
    };
    match error {
        Error::Locked => CoinsError::Locked { path },
        Error::Io(source) | Error::Storage(LsmError::Io(source)) => match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound => {
                damaged(source.to_string())
            }
            _ => CoinsError::Io { path, source },
        },
        other => damaged(other.to_string()),
    }
}
