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

/// Where the marker stands: before every coin.
const MARKER: &[u8] = &[0];

/// About what a change takes on disk, in bytes, more rather than less.
const CHANGE_SIZE: u64 = 100;

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
}

impl fmt::Display for DbState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty"),
            Self::At { tip } => write!(f, "of block {tip}"),
        }
    }
}

impl DbState {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        if let Self::At { tip } = self {
            bytes.extend(tip.as_byte_array());
        }
        bytes
    }

    fn of(dir: &Path, marker: Option<engine::Bytes>) -> Result<Self, CoinsError> {
        let Some(marker) = marker else {
            return Ok(Self::Empty);
        };
        let (&found, tip) = marker
            .split_first()
            .ok_or_else(|| CoinsError::damaged(dir, "the marker is empty"))?;
        if found != FORMAT {
            return Err(CoinsError::Format {
                path: dir.to_owned(),
                found,
                known: FORMAT,
            });
        }
        match tip.try_into() {
            _ if tip.is_empty() => Ok(Self::Empty),
            Ok(tip) => Ok(Self::At {
                tip: BlockHash::from_byte_array(tip),
            }),
            Err(_) => Err(CoinsError::damaged(dir, "the marker names no block")),
        }
    }
}

/// How a flush ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// All changes are on disk.
    Done,
    /// It was stopped: none is.
    Stopped,
}

/// The coins on disk. Clones are the same store.
#[derive(Clone)]
pub struct CoinsDb {
    engine: Arc<engine::Engine>,
    written: Arc<AtomicU64>,
    /// No coin was ever written: there is nothing to look for. So it is for long in a first sync.
    empty: Arc<AtomicBool>,
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
            engine: Arc::new(engine::Engine::open(dir, cache_bytes)?),
            written: Arc::default(),
            empty: Arc::default(),
        };
        let empty = db.state()? == DbState::Empty;
        db.empty.store(empty, Ordering::Release);
        if empty {
            // Names the format.
            db.engine.load(0, |load| {
                load.put(MARKER, &DbState::Empty.to_bytes())?;
                Ok(true)
            })?;
        }
        Ok(db)
    }

    /// Which block the coins are of.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn state(&self) -> Result<DbState, CoinsError> {
        DbState::of(self.engine.dir(), self.engine.get(MARKER)?)
    }

    /// Looks a coin up and appends it to `to`; says whether it is there.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn get(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        if self.empty.load(Ordering::Acquire) {
            return Ok(false);
        }
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
        if self.empty.load(Ordering::Acquire) {
            return Ok(false);
        }
        let mut stored_key = Vec::with_capacity(value::MAX_KEY_SIZE);
        value::put_key(&mut stored_key, key);
        Ok(self.engine.get(&stored_key)?.is_some())
    }

    /// Writes changes that lead from the set of block `from` (all zero: the empty set) to that of block `to`, together with
    /// the mark that they are of `to`: all at once. They are on disk when it returns [`Flushed::Done`]. Once `stop` is set
    /// it ends early.
    ///
    /// # Errors
    ///
    /// If the store cannot be written, or is not of block `from`, or these changes were to lead to another block before.
    /// Nothing is written then; it can be called again with the same arguments.
    pub fn write(
        &self,
        changes: &Frozen,
        from: BlockHash,
        to: BlockHash,
        stop: &AtomicBool,
    ) -> Result<Flushed, CoinsError> {
        self.write_unless(changes, from, to, || stop.load(Ordering::Relaxed))
    }

    /// As [`Self::write`], which asks before each change whether to stop.
    pub(crate) fn write_unless(
        &self,
        changes: &Frozen,
        from: BlockHash,
        to: BlockHash,
        mut stop: impl FnMut() -> bool,
    ) -> Result<Flushed, CoinsError> {
        let state = self.state()?;
        let stands_at = match state {
            DbState::Empty => BlockHash::all_zeros(),
            DbState::At { tip } => tip,
        };
        if from != stands_at || changes.leads_to(to) != to {
            return Err(CoinsError::Order { from, to, state });
        }
        self.written.store(0, Ordering::Relaxed);
        self.empty.store(false, Ordering::Release);
        let (mut key, mut stored) = (Vec::new(), Vec::new());
        let size = changes.changes() as u64 * CHANGE_SIZE;
        let done = self.engine.load(size, |load| {
            load.put(MARKER, &DbState::At { tip: to }.to_bytes())?;
            for (outpoint, coin) in changes.layer().sorted_changes() {
                if stop() {
                    return Ok(false);
                }
                key.clear();
                value::put_key(&mut key, outpoint);
                if let Some(coin) = coin {
                    stored.clear();
                    value::put_value(&mut stored, &coin);
                    load.put(&key, &stored)?;
                } else {
                    load.delete(&key)?;
                }
                self.written.fetch_add(1, Ordering::Relaxed);
            }
            Ok(true)
        })?;
        Ok(if done {
            Flushed::Done
        } else {
            Flushed::Stopped
        })
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
        let snapshot = self.engine.snapshot()?;
        let state = DbState::of(self.engine.dir(), snapshot.get(MARKER)?)?;
        Ok(CoinsSnapshot { snapshot, state })
    }
}

/// The coins as they were at one moment. It keeps the store from giving up space: do not hold it for long.
#[derive(Clone)]
pub struct CoinsSnapshot {
    snapshot: engine::Snapshot,
    state: DbState,
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
            .ok_or_else(|| CoinsError::damaged(self.snapshot.dir(), "a value is not a coin"))?;
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
        for pair in self.snapshot.from(&from)? {
            let (key, stored) = pair?;
            if key.as_ref() == MARKER {
                continue;
            }
            coin.clear();
            let outpoint = value::key_of(&key);
            let whole = value::take_value(&stored, &mut coin);
            let (Some(outpoint), Some(()), Some(coin)) = (outpoint, whole, coin.get(0)) else {
                return Err(CoinsError::damaged(
                    self.snapshot.dir(),
                    "a record is not a coin",
                ));
            };
            if each(&outpoint, coin).is_break() {
                break;
            }
        }
        Ok(())
    }
}
