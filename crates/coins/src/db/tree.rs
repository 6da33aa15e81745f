//! The coins on disk as a log-structured merge tree of our own, made for what a node does with them.
//!
//! ```text
//!   runs above, newest first:  a flush each, or some merged ones; what is spent is noted     a filter each
//!   last level:                parts, one after another in the order of keys; no notes       no filter
//! ```
//!
//! A look-up asks the filters of the runs, one cache line each, and goes to one page: that of the newest run that has the key,
//! or that of its part of the last level. A flush is one more run. When the runs above have grown to the size of the last level, they
//! are folded into it, part by part, so that little room and little time is needed at once; when they are too many before
//! that, the last ones are joined.
//!
//! # Crashes
//!
//! Files are never changed. They are written and synced, then the manifest that names them takes the place of the one before.
//! What no manifest names is deleted when the coins are opened. Folding one part changes no coin: until all are done, the runs
//! above say the same as what was folded, and may be folded again.
//!
//! # Threads
//!
//! Readers take the present [`Version`] and are never in anybody's way. Who writes also merges, a slice at a time, so that no
//! thread is needed here.

mod ahead;
mod joining;
mod merging;
#[cfg(test)]
mod tests;
mod version;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub(super) use ahead::ReadAhead;
pub(super) use merging::Merged;
pub(super) use version::Version;

use super::DbState;
use super::manifest::{FORMAT, Manifest};
use super::page::Entry;
use super::run::{Run, RunWriter};
use crate::CoinsError;
use merging::Merging;

/// Room on the disk that is left alone, in bytes.
const RESERVE: u64 = 16 << 20;

/// How the tree is kept in shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Bytes of a part of the last level, about.
    pub(super) part: u64,
    /// The runs above are folded when they have so many hundredths of the last level's size.
    pub(super) fold_at: u64,
    /// Runs that are not worth folding until there are more of them, in bytes.
    pub(super) least_fold: u64,
    /// More runs above the last level are joined. Each takes a look-up some 10 ns; with 8 each change would be joined once more.
    pub(super) most_runs: usize,
    /// With so many nothing is written until they are joined.
    pub(super) too_many_runs: usize,
    /// [`RESERVE`], but for tests.
    pub(super) reserve: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            part: 64 << 20,
            fold_at: 100,
            least_fold: 4 << 20,
            most_runs: 16,
            too_many_runs: 32,
            reserve: RESERVE,
        }
    }
}

#[derive(Debug)]
pub(super) struct Tree {
    dir: PathBuf,
    version: RwLock<Arc<Version>>,
    writing: Mutex<Writing>,
    /// Held until the end: no other process opens the folder.
    _lock: File,
}

/// What only the one who writes uses.
#[derive(Debug)]
struct Writing {
    shape: Shape,
    /// The number of the next file.
    next: u64,
    /// What is being merged.
    merging: Option<Merging>,
}

impl Writing {
    fn take_id(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

impl Tree {
    /// Opens the tree in a folder, or makes an empty one.
    pub(super) fn open(dir: &Path, shape: Shape) -> Result<Self, CoinsError> {
        let io = |source| io_error(dir, source);
        fs::create_dir_all(dir).map_err(io)?;
        if Manifest::read(dir)?.is_none() {
            check_is_new(dir)?;
        }
        let lock = File::create(dir.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CoinsError::Locked {
                    path: dir.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        // It may have been another one before the lock was held.
        let manifest = match Manifest::read(dir)? {
            Some(manifest) => manifest,
            None => {
                let empty = Manifest::empty();
                empty.prepare(dir).map_err(io)?;
                Manifest::commit(dir).map_err(io)?;
                empty
            }
        };
        let version = Version::open(dir, &manifest)?;
        delete_others(dir, &manifest).map_err(io)?;
        Ok(Self {
            dir: dir.to_owned(),
            version: RwLock::new(Arc::new(version)),
            writing: Mutex::new(Writing {
                shape,
                next: manifest.next,
                merging: None,
            }),
            _lock: lock,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is there now, whatever is written later.
    pub(super) fn version(&self) -> Arc<Version> {
        let version = self.version.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&version)
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, Writing> {
        // Whatever panicked left files that no manifest names.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what `fill` puts into the load, at most `most` entries in the order of keys, as what leads to `tip`. All of it is
    /// there, and durable, if `fill` says true, and nothing of it otherwise.
    pub(super) fn load(
        &self,
        tip: DbState,
        most: u64,
        fill: impl FnOnce(&mut Load) -> Result<bool, CoinsError>,
    ) -> Result<bool, CoinsError> {
        let mut writing = self.writing();
        while self.version().runs() >= writing.shape.too_many_runs {
            let merged = self.merge_slice(&mut writing, &mut || false);
            if !matches!(merged, Ok(Merged::More)) {
                merged?;
                break;
            }
        }
        self.check_room(&writing, most.saturating_mul(super::CHANGE_SIZE))?;
        let before = self.version();
        let is_first = before.is_empty();
        let id = writing.take_id();
        // A run that becomes the last level needs no filter, and no notes of what is not there.
        let filter = (!is_first).then_some(most);
        let mut load = Load {
            writer: RunWriter::create(&self.dir, id, filter)?,
            keeps_gone: !is_first,
        };
        if !fill(&mut load)? {
            return Ok(false);
        }
        let run = match load.writer.entries() {
            0 => None,
            _ => Some(Arc::new(load.writer.finish()?)),
        };
        self.install(&writing, before.with_run(tip, run))?;
        Ok(true)
    }

    /// Merges for a while, if there is anything to merge: until it is done, or until `pause` says so.
    pub(super) fn merge(&self, mut pause: impl FnMut() -> bool) -> Result<Merged, CoinsError> {
        let mut writing = self.writing();
        self.merge_slice(&mut writing, &mut pause)
    }

    /// Makes a version the one that is there, now and after a crash.
    fn install(&self, writing: &Writing, version: Version) -> Result<(), CoinsError> {
        let io = |source| io_error(&self.dir, source);
        version
            .manifest(writing.next)
            .prepare(&self.dir)
            .map_err(io)?;
        version.keep();
        Manifest::commit(&self.dir).map_err(io)?;
        let mut slot = self.version.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *slot, Arc::new(version));
        before.retire_all_but(&slot);
        Ok(())
    }

    /// That there is room for so many bytes and the reserve.
    fn check_room(&self, writing: &Writing, bytes: u64) -> Result<(), CoinsError> {
        let stat = rustix::fs::statvfs(&self.dir).map_err(|e| io_error(&self.dir, e.into()))?;
        let room = stat.f_bavail.saturating_mul(stat.f_frsize);
        if room < bytes.saturating_add(writing.shape.reserve) {
            return Err(io_error(&self.dir, io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn set_shape(&self, change: impl FnOnce(&mut Shape)) {
        change(&mut self.writing().shape);
    }
}

/// A load that is being filled.
#[derive(Debug)]
pub(super) struct Load {
    writer: RunWriter,
    keeps_gone: bool,
}

impl Load {
    /// Adds an entry. The key is greater than those before.
    pub(super) fn push(&mut self, entry: &Entry<'_>) -> Result<(), CoinsError> {
        if entry.value().is_empty() && !self.keeps_gone {
            return Ok(());
        }
        self.writer.push(entry)
    }
}

/// That there are no coins in a folder without a manifest: it is written before the first of them.
fn check_is_new(dir: &Path) -> Result<(), CoinsError> {
    for entry in fs::read_dir(dir).map_err(|e| io_error(dir, e))? {
        let path = entry.map_err(|e| io_error(dir, e))?.path();
        let ends_with = |extension| path.extension().is_some_and(|e| e == extension);
        if ends_with("run") {
            return Err(CoinsError::damaged(dir, "its manifest is missing"));
        }
        // Of the store that kept coins before this one.
        if ends_with("jnl") || path.is_dir() {
            return Err(CoinsError::Format {
                path: dir.to_owned(),
                found: 1,
                known: FORMAT,
            });
        }
    }
    Ok(())
}

/// Deletes the runs that no manifest names: an end of the process left them.
fn delete_others(dir: &Path, manifest: &Manifest) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_run = path.extension().is_some_and(|e| e == "run");
        let id = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let named = |id: u64| {
            let mut files = manifest.parts.iter().chain(&manifest.runs);
            files.any(|listed| Run::path(dir, listed.id) == path && listed.id == id)
        };
        if is_run && !id.is_some_and(named) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn io_error(dir: &Path, source: io::Error) -> CoinsError {
    CoinsError::Io {
        path: dir.to_owned(),
        source,
    }
}
