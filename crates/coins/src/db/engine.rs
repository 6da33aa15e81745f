//! The embedded store, and the only file that knows which one it is: fjall, a log-structured tree, written without its
//! journal.
//!
//! A load is one ingestion: a sorted stream that becomes new tables beside the old ones. They are visible and durable all
//! at once when it is finished, and until then they are nothing. The store merges tables on threads of its own.
//!
//! # Damage
//!
//! Every block of a table, and every file that lists tables, has a checksum that is verified when it is read. What does
//! not match is an error here, and so is a panic of the store: it never has an effect on a coin.
//!
//! # Failures that pass
//!
//! When the store fails to write it accepts no more, and an unfinished load leaves files behind. Both end when the store
//! is opened again, which the next load does by itself.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use fjall::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
    PartitioningPolicy,
};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _,
};

use crate::CoinsError;

/// Room on the disk that is left alone, in bytes: the store needs some to merge tables and to be opened again.
const RESERVE: u64 = 16 << 20;

/// How long to wait for readers to let go of the store before it is opened again.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the store may stop by itself, on a disk with room, before it is taken to be damaged: one time may have been
/// for lack of room that has come back since.
const MOST_HALTS: u32 = 2;

pub(super) struct Engine {
    dir: PathBuf,
    cache_bytes: usize,
    /// `None` after it could not be opened again.
    open: RwLock<Option<Arc<Open>>>,
    /// A load was not finished.
    leftovers: AtomicBool,
    halts: AtomicU32,
    /// [`RESERVE`], but for tests.
    reserve: AtomicU64,
}

struct Open {
    // Dropped in this order.
    coins: Keyspace,
    database: Database,
}

pub(super) type Bytes = fjall::Slice;

impl Engine {
    /// Opens the store, or makes an empty one.
    pub(super) fn open(dir: &Path, cache_bytes: usize) -> Result<Self, CoinsError> {
        fs::create_dir_all(dir).map_err(|source| io_error(dir, source))?;
        let open = Arc::new(Open::new(dir, cache_bytes)?);
        Ok(Self {
            dir: dir.to_owned(),
            cache_bytes,
            open: RwLock::new(Some(open)),
            leftovers: AtomicBool::new(false),
            halts: AtomicU32::new(0),
            reserve: AtomicU64::new(RESERVE),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, CoinsError> {
        let open = self.current()?;
        guard(&self.dir, || open.coins.get(key))
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot, CoinsError> {
        let open = self.current()?;
        Ok(Snapshot {
            snapshot: guard(&self.dir, || Ok(open.database.snapshot()))?,
            open,
            dir: self.dir.clone(),
        })
    }

    pub(super) fn disk_size(&self) -> Result<u64, CoinsError> {
        let open = self.current()?;
        guard(&self.dir, || open.database.disk_space())
    }

    /// Writes what `fill` puts into the load, in the order of keys. All of it is there, and durable, if `fill` says true,
    /// and nothing of it otherwise. `bytes` is about what it takes on disk.
    pub(super) fn load(
        &self,
        bytes: u64,
        fill: impl FnOnce(&mut Load<'_>) -> fjall::Result<bool>,
    ) -> Result<bool, CoinsError> {
        self.recover()?;
        if self.room()? < bytes.saturating_add(self.reserve.load(Ordering::Relaxed)) {
            return Err(self.full());
        }
        let open = self.current()?;
        let loaded = guard(&self.dir, || {
            let mut ingestion = open.coins.start_ingestion()?;
            let finish = fill(&mut Load(&mut |key, value| match value {
                Some(value) => ingestion.write(key, value),
                None => ingestion.write_tombstone(key),
            }))?;
            if finish {
                ingestion.finish()?;
            }
            Ok(finish)
        });
        if !matches!(loaded, Ok(true)) {
            self.leftovers.store(true, Ordering::Relaxed);
        }
        loaded
    }

    fn current(&self) -> Result<Arc<Open>, CoinsError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        // It is closed only while the disk is full.
        open.clone().ok_or_else(|| self.full())
    }

    /// Makes the store ready to be written again after a failure.
    fn recover(&self) -> Result<(), CoinsError> {
        let halted = match self.current() {
            // Nothing is in the journal: this only tells whether the store still accepts anything.
            Ok(open) => open.database.persist(PersistMode::Buffer).is_err(),
            Err(_) => true,
        };
        if !halted && !self.leftovers.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.room()? < self.reserve.load(Ordering::Relaxed) {
            return Err(self.full());
        }
        if halted && self.halts.fetch_add(1, Ordering::Relaxed) >= MOST_HALTS {
            let what = "the store stops whenever it merges its tables";
            return Err(CoinsError::damaged(&self.dir, what));
        }
        self.reopen()
    }

    fn reopen(&self) -> Result<(), CoinsError> {
        let mut slot = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*slot {
            let began = Instant::now();
            while Arc::strong_count(open) > 1 {
                if began.elapsed() > PATIENCE {
                    // A snapshot is held for long: try again later.
                    return Err(self.full());
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        *slot = None;
        *slot = Some(Arc::new(Open::new(&self.dir, self.cache_bytes)?));
        self.leftovers.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Makes a disk look fuller, or less full, than it is.
    #[cfg(test)]
    pub(super) fn set_reserve(&self, bytes: u64) {
        self.reserve.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that are free on the disk.
    fn room(&self) -> Result<u64, CoinsError> {
        let stat = rustix::fs::statvfs(&self.dir).map_err(|e| io_error(&self.dir, e.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn full(&self) -> CoinsError {
        io_error(&self.dir, io::ErrorKind::StorageFull.into())
    }
}

impl Open {
    fn new(dir: &Path, cache_bytes: usize) -> Result<Self, CoinsError> {
        guard(dir, || {
            let database = Database::builder(dir)
                .cache_size(cache_bytes as u64)
                // Of the process's descriptors, most are for peers. All coins of the main network are some 160 files.
                .max_cached_files(Some(256))
                // With more than one, the first keeps itself for writes that never come here, and spins while the others merge.
                .worker_threads(1)
                .open()?;
            let coins = database.keyspace("coins", || {
                KeyspaceCreateOptions::default()
                    .data_block_size_policy(BlockSizePolicy::all(4 << 10))
                    .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
                    // Looked up in 4 KiB pieces: as a whole, those of a large table do not stay in a small cache.
                    .filter_block_partitioning_policy(PartitioningPolicy::all(true))
                    .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(
                        BloomConstructionPolicy::BitsPerKey(10.0),
                    )))
            })?;
            Ok(Self { coins, database })
        })
    }
}

/// A load that is being filled.
pub(super) struct Load<'a>(&'a mut Write<'a>);

/// Writes a key with its value, or deletes it.
type Write<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> fjall::Result<()> + 'a;

impl Load<'_> {
    /// The key is greater than those before.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> fjall::Result<()> {
        (self.0)(key, Some(value))
    }

    /// The key is greater than those before.
    pub(super) fn delete(&mut self, key: &[u8]) -> fjall::Result<()> {
        (self.0)(key, None)
    }
}

/// The store as it was at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    snapshot: fjall::Snapshot,
    open: Arc<Open>,
    dir: PathBuf,
}

impl Snapshot {
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, CoinsError> {
        guard(&self.dir, || self.snapshot.get(&self.open.coins, key))
    }

    /// All from a key on, in order.
    pub(super) fn from(
        &self,
        key: &[u8],
    ) -> Result<impl Iterator<Item = Result<(Bytes, Bytes), CoinsError>>, CoinsError> {
        let mut pairs = guard(&self.dir, || {
            Ok(self.snapshot.range(&self.open.coins, key..))
        })?;
        Ok(std::iter::from_fn(move || {
            let next = || pairs.next().map(fjall::Guard::into_inner).transpose();
            guard(&self.dir, next).transpose()
        }))
    }
}

/// Turns the store's errors into ours, and its panics too: it trusts what its checksums do not cover.
fn guard<T>(dir: &Path, call: impl FnOnce() -> fjall::Result<T>) -> Result<T, CoinsError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => done.map_err(|error| failure(dir, error)),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref().copied());
            let what = message.unwrap_or("the store panicked");
            Err(CoinsError::damaged(dir, what))
        }
    }
}

fn failure(dir: &Path, error: fjall::Error) -> CoinsError {
    use fjall::{Error, LsmError};
    match error {
        Error::Locked => CoinsError::Locked {
            path: dir.to_owned(),
        },
        Error::Io(source) | Error::Storage(LsmError::Io(source)) => match source.kind() {
            // The last is a place before the beginning of a file.
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::NotFound
            | io::ErrorKind::InvalidInput => CoinsError::damaged(dir, source.to_string()),
            _ => io_error(dir, source),
        },
        Error::Storage(LsmError::ChecksumMismatch { .. }) => {
            CoinsError::damaged(dir, "a checksum does not match")
        }
        other => CoinsError::damaged(dir, other.to_string()),
    }
}

fn io_error(dir: &Path, source: io::Error) -> CoinsError {
    CoinsError::Io {
        path: dir.to_owned(),
        source,
    }
}
