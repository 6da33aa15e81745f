//! The set in the store.

mod filter;
mod manifest;
mod page;
mod run;
#[cfg(test)]
mod tests;
mod tree;
pub(crate) mod value;

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use self::page::Entry;
use self::tree::{ReadAhead, Shape, Tree, Version};
use self::value::StoredKey;
use crate::cache::Frozen;
use crate::{CoinsError, OutPointKey, SpentCoins};

/// About what a change takes on disk, in bytes, more rather than less.
const CHANGE_SIZE: u64 = 100;

/// Coins that are looked up at a time, so that the processor waits for all of them at once.
const TOGETHER: usize = 64;

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

/// How a flush ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// All changes are on disk.
    Done,
    /// It was stopped: none is.
    Stopped,
}

/// How a merge ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Nothing is left to merge, until the next flush.
    Done,
    /// It was paused.
    Paused,
}

/// The coins on disk. Clones are the same store.
#[derive(Clone)]
pub struct CoinsDb {
    tree: Arc<Tree>,
    written: Arc<AtomicU64>,
    ahead: Arc<ReadAhead>,
}

impl fmt::Debug for CoinsDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoinsDb({})", self.tree.dir().display())
    }
}

impl CoinsDb {
    /// Opens the store in a folder, or makes one. It has no memory of its own: what it reads, the system keeps as long as it has
    /// room.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written, is in use, or what is in it is damaged or of another version.
    pub fn open(dir: &Path) -> Result<Self, CoinsError> {
        Ok(Self {
            tree: Arc::new(Tree::open(dir, Shape::default())?),
            written: Arc::default(),
            ahead: Arc::default(),
        })
    }

    /// Which block the coins are of.
    pub fn state(&self) -> DbState {
        self.tree.version().state()
    }

    /// Looks a coin up and appends it to `to`; says whether it is there.
    ///
    /// # Errors
    ///
    /// If the store is damaged where the coin would be.
    pub fn get(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        self.snapshot().get(key, to)
    }

    /// Looks many coins up: calls `each` with the number of every key that is there, once its coin was appended to `to`.
    ///
    /// # Errors
    ///
    /// If the store is damaged where a coin would be.
    pub(crate) fn get_all(
        &self,
        keys: &[OutPointKey],
        to: &mut SpentCoins,
        mut each: impl FnMut(usize),
    ) -> Result<(), CoinsError> {
        let snapshot = self.snapshot();
        if snapshot.version.is_empty() {
            return Ok(());
        }
        let mut stored = Vec::with_capacity(TOGETHER);
        for (first, keys) in (0..).step_by(TOGETHER).zip(keys.chunks(TOGETHER)) {
            stored.clear();
            stored.extend(keys.iter().map(StoredKey::of));
            snapshot
                .version
                .get_all(&stored, &self.ahead, |number, value| {
                    snapshot.take(value, to)?;
                    each(first + number);
                    Ok(())
                })?;
        }
        Ok(())
    }

    /// Says whether a coin is there.
    ///
    /// # Errors
    ///
    /// If the store is damaged where the coin would be.
    pub fn has(&self, key: &OutPointKey) -> Result<bool, CoinsError> {
        let version = self.tree.version();
        Ok(version.get(&StoredKey::of(key))?.is_some())
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
        let state = self.state();
        let stands_at = match state {
            DbState::Empty => BlockHash::all_zeros(),
            DbState::At { tip } => tip,
        };
        if from != stands_at || changes.leads_to(to) != to {
            return Err(CoinsError::Order { from, to, state });
        }
        self.written.store(0, Ordering::Relaxed);
        let mut entry = Vec::new();
        let tip = DbState::At { tip: to };
        let done = self.tree.load(tip, changes.changes() as u64, |load| {
            for (outpoint, coin) in changes.layer().sorted_changes() {
                if stop() {
                    return Ok(false);
                }
                entry.clear();
                page::put_entry(&mut entry, &StoredKey::of(outpoint), |to| {
                    if let Some(coin) = coin {
                        value::put_value(to, &coin);
                    }
                });
                load.push(&Entry::of(&entry).expect("put together so"))?;
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

    /// Brings what was written into the shape in which it is read best, until nothing is left to do or `pause` says so: whoever
    /// writes calls it when there is nothing to be written. It changes no coin, and goes on where it was paused.
    ///
    /// # Errors
    ///
    /// If the store cannot be written, or is damaged. Nothing has changed then; it can be called again.
    pub fn merge(&self, pause: impl FnMut() -> bool) -> Result<Merged, CoinsError> {
        Ok(match self.tree.merge(pause)? {
            tree::Merged::Done => Merged::Done,
            tree::Merged::More => Merged::Paused,
        })
    }

    /// Changes that the running or the last [`Self::write`] has written, of [`Frozen::changes`].
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Bytes on disk.
    pub fn disk_size(&self) -> u64 {
        self.tree.version().size()
    }

    /// The coins as they are now, whatever is written later.
    pub fn snapshot(&self) -> CoinsSnapshot {
        CoinsSnapshot {
            version: self.tree.version(),
            tree: Arc::clone(&self.tree),
        }
    }
}

/// The coins as they were at one moment. It keeps the store from giving up space: do not hold it for long.
#[derive(Clone)]
pub struct CoinsSnapshot {
    version: Arc<Version>,
    /// Its lock on the folder.
    tree: Arc<Tree>,
}

impl fmt::Debug for CoinsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoinsSnapshot({})", self.state())
    }
}

impl CoinsSnapshot {
    /// Which block the coins are of.
    pub fn state(&self) -> DbState {
        self.version.state()
    }

    /// Looks a coin up and appends it to `to`; says whether it is there.
    ///
    /// # Errors
    ///
    /// If the store is damaged where the coin would be.
    pub fn get(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, CoinsError> {
        match self.version.get(&StoredKey::of(key))? {
            Some(stored) => self.take(stored, to).map(|()| true),
            None => Ok(false),
        }
    }

    /// Appends the coin that was stored.
    #[inline]
    fn take(&self, stored: &[u8], to: &mut SpentCoins) -> Result<(), CoinsError> {
        value::take_value(stored, to).ok_or_else(|| self.damaged("a value is not a coin"))
    }

    /// Calls `each` with every coin from `first` on (all zero: with every coin), in the order of transaction ids and
    /// indexes, until it says to stop.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or is damaged.
    pub fn for_each(
        &self,
        first: &OutPointKey,
        mut each: impl FnMut(&OutPointKey, crate::Coin<'_>) -> ControlFlow<()>,
    ) -> Result<(), CoinsError> {
        let mut scan = self.version.from(&StoredKey::of(first))?;
        let mut coin = SpentCoins::new();
        while let Some(entry) = scan.entry()? {
            let (key, value) = (entry.key(), entry.value());
            if !value.is_empty() {
                coin.clear();
                let outpoint = value::key_of(key);
                let whole = value::take_value(value, &mut coin);
                let (Some(outpoint), Some(()), Some(coin)) = (outpoint, whole, coin.get(0)) else {
                    return Err(self.damaged("a record is not a coin"));
                };
                if each(&outpoint, coin).is_break() {
                    break;
                }
            }
            scan.advance()?;
        }
        Ok(())
    }

    #[cold]
    fn damaged(&self, what: &str) -> CoinsError {
        CoinsError::damaged(self.tree.dir(), what)
    }
}
