//! Removes what can be made anew from the block files.
//!
//! # Correctness
//!
//! A marker file says what is being removed, until all of it is: when a removal is interrupted, the next one to open
//! the directory goes on with it, and nothing is ever read from a directory of which half is gone. Making anew needs no
//! marker: what is missing is found missing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tipward_primitives::Params;

use crate::error::{Context as _, StoreError};
use crate::kind::Kind;
use crate::layout;
use crate::lock::Lock;
use crate::manifest;
use crate::pruned::is_pruned;

/// What is to be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reindex {
    /// The coin set and the undo data, by connecting the stored blocks again.
    ChainState,
    /// That, and the headers and the index of the blocks, from the block files; what is known of invalid blocks is
    /// forgotten. Blocks whose bytes are damaged are no blocks any more, and are fetched again. Where blocks were deleted to
    /// save space, the others are deleted too.
    All,
}

/// Removes what is to be made anew from `dir`. [`crate::BlockStore::open_with`] then finds the blocks and the headers
/// again; the coin set is the validation pipeline's. Takes the lock on the directory meanwhile. The block files are not
/// touched, unless blocks were deleted to save space: then the chain cannot be made anew from the rest, which is of no use
/// any more and is removed too, and all of it has to be downloaded again.
///
/// # Errors
/// [`Reindex::ChainState`] is refused in a directory that lacks blocks.
pub fn reindex(dir: &Path, params: &Params, what: Reindex) -> Result<(), StoreError> {
    fs::create_dir_all(dir).context(dir, "create the data directory")?;
    let _lock = Lock::take(dir)?;
    manifest::check_or_create(dir, params)?;
    // One that was interrupted may remove more than this one.
    resume(dir)?;
    let blocks_dir = layout::blocks_dir(dir);
    if what == Reindex::ChainState && is_pruned(&blocks_dir) {
        return Err(StoreError::Unusable {
            path: blocks_dir,
            why: "blocks were deleted to save space (--prune), so the coins cannot be made anew from those that are left: \
                  start with --reindex instead, which downloads the whole chain again"
                .to_owned(),
        });
    }
    let marker = layout::reindex_marker(dir);
    manifest::write_by_rename(&marker, what.name().as_bytes())?;
    remove(dir, what)
}

/// Goes on with what was interrupted. The directory is locked.
pub(crate) fn resume(dir: &Path) -> Result<(), StoreError> {
    let marker = layout::reindex_marker(dir);
    let text = match fs::read(&marker) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e).context(&marker, "read"),
    };
    let what = [Reindex::ChainState, Reindex::All]
        .into_iter()
        .find(|what| what.name().as_bytes() == text)
        .ok_or_else(|| StoreError::Unusable {
            path: marker,
            why: "it does not say what to make anew: delete it, and start with --reindex"
                .to_owned(),
        })?;
    remove(dir, what)
}

impl Reindex {
    /// What the marker file says.
    fn name(self) -> &'static str {
        match self {
            Self::ChainState => "chainstate\n",
            Self::All => "all\n",
        }
    }
}

fn remove(dir: &Path, what: Reindex) -> Result<(), StoreError> {
    let blocks_dir = layout::blocks_dir(dir);
    // The directory itself stays: it may be a link to another disk.
    let coins = layout::coins_dir(dir);
    for path in entries(&coins)? {
        remove_any(&path)?;
    }
    let no_use = what == Reindex::All && is_pruned(&blocks_dir);
    for path in entries(&blocks_dir)? {
        let name = path.file_name().and_then(|name| name.to_str());
        let is = |kind: Kind| name.is_some_and(|name| kind.file_number(name).is_some());
        if is(Kind::Undo) || (no_use && is(Kind::Blocks)) {
            remove_any(&path)?;
        }
    }
    remove_any(&Kind::Undo.pruned(&blocks_dir))?;
    remove_any(&Kind::Undo.index_log(&blocks_dir))?;
    if what == Reindex::All {
        remove_any(&Kind::Blocks.index_log(&blocks_dir))?;
        remove_any(&layout::header_log(dir))?;
        remove_any(&layout::mark_log(dir))?;
        // After the files that it speaks of.
        remove_any(&Kind::Blocks.pruned(&blocks_dir))?;
    }
    // All of it before the marker.
    for dir in [&coins, &blocks_dir, dir] {
        if dir.exists() {
            manifest::sync_dir(dir)?;
        }
    }
    remove_any(&layout::reindex_marker(dir))?;
    manifest::sync_dir(dir)
}

/// What is in a directory; nothing if there is no such directory.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).context(dir, "list"),
    };
    entries
        .map(|entry| Ok(entry.context(dir, "list")?.path()))
        .collect()
}

/// Removes a file, or a directory with all in it; that there is none is as good.
fn remove_any(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).context(path, "remove"),
        _ => Ok(()),
    }
}
