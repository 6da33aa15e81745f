//! The set in the store.

mod engine;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::cache::Frozen;
use crate::{CoinsError, OutPointKey, SpentCoins};

/// Of keys and values, and of the marker.
const FORMAT: u8 = 1;

/// Where the marker stands: shorter than any coin's key.
const MARKER: &[u8] = b"tip";

/// Changes of a flush that take effect together: enough that their count does not matter, few enough that a flush can be
/// stopped within a moment.
const CHUNK: usize = 16_384;

/// Which block the coins in the store are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbState {
    /// There are none yet.
    Empty,
    /// They are the set as it is after this block.
    At {
        /// The block.
        tip: BlockHash,
    },
    /// Changes that lead from one block to another were being written: some are there. To apply them again, and all of
    /// them, makes the set that of `to`.
    Between {
        /// The block that the coins were of before; all zero if there were none.
        from: BlockHash,
        /// The block that they should have become of.
        to: BlockHash,
    },
}

impl fmt::Display for DbState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty"),
            Self::At { tip } => write!(f, "of block {tip}"),
            Self::Between { from, to } => write!(f, "on their way from block {from} to block {to}"),
        }
    }
}

impl DbState {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        match self {
            Self::Empty => {}
            Self::At { tip } => bytes.extend(tip.as_byte_array()),
            Self::Between { from, to } => {
                bytes.extend(from.as_byte_array());
                bytes.extend(to.as_byte_array());
            }
        }
        bytes
    }

    fn from_bytes(dir: &Path, bytes: &[u8]) -> Result<Self, CoinsError> {
        let (&format, hashes) = bytes
            .split_first()
            .ok_or_else(|| CoinsError::damaged(dir, "the marker is empty"))?;
        if format != FORMAT {
            return Err(CoinsError::Format {
                path: dir.to_owned(),
                found: format,
                known: FORMAT,
            });
        }
        let hash = |bytes: &[u8; 32]| BlockHash::from_byte_array(*bytes);
        match hashes.as_chunks() {
            ([], []) => Ok(Self::Empty),
            ([tip], []) => Ok(Self::At { tip: hash(tip) }),
            ([from, to], []) => Ok(Self::Between {
                from: hash(from),
                to: hash(to),
            }),
            _ => Err(CoinsError::damaged(dir, "the marker names no blocks")),
        }
    }
}

/// How a flush ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// All changes are on disk.
    Done,
    /// It was stopped; the coins are [`DbState::Between`].
    Stopped,
}

/// The coins on disk. Clones are the same store.
#[derive(Clone)]
pub struct CoinsDb {
    engine: engine::Engine,
    written: Arc<AtomicU64>,
}

impl fmt::Debug for CoinsDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoinsDb({})", self.engine.dir().display())
    }
}

impl CoinsDb {
    /// Opens the store in a folder, or makes one. It uses about `cache_bytes` of memory.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written, is in use, or what is in it is damaged or of a later version.
    pub fn open(dir: &Path, cache_bytes: usize) -> Result<Self, CoinsError> {
        let db = Self {
            engine: engine::Engine::open(dir, cache_bytes)?,
            written: Arc::default(),
        };
        if db.state()? == DbState::Empty {
            // Names the format.
            db.mark(DbState::Empty)?;
        }
        Ok(db)
    }

    /// Which block the coins are of.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn state(&self) -> Result<DbState, CoinsError> {
        let dir = self.engine.dir();
        match self.engine.get(MARKER)? {
            Some(marker) => DbState::from_bytes(dir, marker.as_ref()),
            None => Ok(DbState::Empty),
        }
    }

    fn mark(&self, state: DbState) -> Result<(), CoinsError> {
        let mut batch = self.engine.batch();
        batch.put(MARKER, &state.to_bytes());
        batch.commit(true)
    }

    /// Looks a coin up and appends it to `to`; says whether it is there.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn get(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        let mut stored_key = Vec::with_capacity(value::MAX_KEY_SIZE);
        value::put_key(&mut stored_key, key);
        let Some(stored) = self.engine.get(&stored_key)? else {
            return Ok(false);
        };
        value::take_value(stored.as_ref(), to)
            .ok_or_else(|| CoinsError::damaged(self.engine.dir(), "a value is not a coin"))?;
        Ok(true)
    }

    /// Says whether a coin is there.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn has(&self, key: &OutPointKey) -> Result<bool, CoinsError> {
        let mut stored_key = Vec::with_capacity(value::MAX_KEY_SIZE);
        value::put_key(&mut stored_key, key);
        Ok(self.engine.get(&stored_key)?.is_some())
    }

    /// Writes changes that lead from the set of block `from` (all zero: the empty set) to that of block `to`. They are on
    /// disk when it returns [`Flushed::Done`]. Once `stop` is set it ends early and leaves [`DbState::Between`].
    ///
    /// # Errors
    ///
    /// If the store cannot be written, or is not of block `from` nor between `from` and `to`. It can be called again with
    /// the same arguments.
    pub fn write(
        &self,
        changes: &Frozen,
        from: BlockHash,
        to: BlockHash,
        stop: &AtomicBool,
    ) -> Result<Flushed, CoinsError> {
        self.write_in_chunks(changes, from, to, CHUNK, || stop.load(Ordering::Relaxed))
    }

    pub(crate) fn write_in_chunks(
        &self,
        changes: &Frozen,
        from: BlockHash,
        to: BlockHash,
        chunk: usize,
        mut stop: impl FnMut() -> bool,
    ) -> Result<Flushed, CoinsError> {
        let state = self.state()?;
        let follows = match state {
            DbState::Empty => from == BlockHash::all_zeros(),
            DbState::At { tip } => from == tip,
            DbState::Between {
                from: was,
                to: goal,
            } => (was, goal) == (from, to),
        };
        if !follows {
            return Err(CoinsError::Order { from, state });
        }
        self.written.store(0, Ordering::Relaxed);
        self.mark(DbState::Between { from, to })?;

        let (mut key, mut stored) = (Vec::new(), Vec::new());
        let mut sorted = changes.layer().sorted_changes().peekable();
        while sorted.peek().is_some() {
            if stop() {
                return Ok(Flushed::Stopped);
            }
            let mut batch = self.engine.batch();
            let mut count = 0;
            for (outpoint, coin) in sorted.by_ref().take(chunk) {
                key.clear();
                value::put_key(&mut key, outpoint);
                if let Some(coin) = coin {
                    stored.clear();
                    value::put_value(&mut stored, &coin);
                    batch.put(&key, &stored);
                } else {
                    batch.delete(&key);
                }
                count += 1;
            }
            batch.commit(false)?;
            self.written.fetch_add(count, Ordering::Relaxed);
        }
        self.mark(DbState::At { tip: to })?;
        Ok(Flushed::Done)
    }

    /// Changes that the running or the last [`Self::write`] has written, of [`Frozen::changes`].
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Bytes on disk.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn disk_size(&self) -> Result<u64, CoinsError> {
        self.engine.disk_size()
    }

    /// The coins as they are now, whatever is written later.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn snapshot(&self) -> Result<CoinsSnapshot, CoinsError> {
        let snapshot = self.engine.snapshot();
        let dir = self.engine.dir();
        let state = match snapshot.get(MARKER)? {
            Some(marker) => DbState::from_bytes(dir, marker.as_ref())?,
            None => DbState::Empty,
        };
        Ok(CoinsSnapshot {
            snapshot,
            state,
            dir: dir.to_owned(),
        })
    }
}

/// The coins as they were at one moment. It keeps the store from giving up space: do not hold it for long.
#[derive(Clone)]
pub struct CoinsSnapshot {
    snapshot: engine::Snapshot,
    state: DbState,
    dir: std::path::PathBuf,
}

impl fmt::Debug for CoinsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoinsSnapshot({})", self.state)
    }
}

impl CoinsSnapshot {
    /// Which block the coins are of.
    pub fn state(&self) -> DbState {
        self.state
    }

    /// Looks a coin up and appends it to `to`; says whether it is there.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn get(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        let mut stored_key = Vec::with_capacity(value::MAX_KEY_SIZE);
        value::put_key(&mut stored_key, key);
        let Some(stored) = self.snapshot.get(&stored_key)? else {
            return Ok(false);
        };
        value::take_value(stored.as_ref(), to)
            .ok_or_else(|| CoinsError::damaged(&self.dir, "a value is not a coin"))?;
        Ok(true)
    }

    /// Calls `each` with every coin from `first` on (all zero: with every coin), in the order of transaction ids and
    /// indexes, until it says to stop.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn for_each(
        &self,
        first: &OutPointKey,
        mut each: impl FnMut(&OutPointKey, crate::Coin<'_>) -> std::ops::ControlFlow<()>,
    ) -> Result<(), CoinsError> {
        let mut from = Vec::with_capacity(value::MAX_KEY_SIZE);
        value::put_key(&mut from, first);
        let mut coin = SpentCoins::new();
        for pair in self.snapshot.from(&from) {
            let (key, stored) = pair?;
            if key.as_ref() == MARKER {
                continue;
            }
            coin.clear();
            let outpoint = value::key_of(&key);
            let whole = value::take_value(&stored, &mut coin);
            let (Some(outpoint), Some(()), Some(coin)) = (outpoint, whole, coin.get(0)) else {
                return Err(CoinsError::damaged(&self.dir, "a record is not a coin"));
            };
            if each(&outpoint, coin).is_break() {
                break;
            }
        }
        Ok(())
    }
}
