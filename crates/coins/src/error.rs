use std::io;
use std::path::{Path, PathBuf};

use tipward_primitives::BlockHash;

use crate::DbState;

/// Why the coins on disk cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CoinsError {
    /// What is on disk is not what was written.
    #[error(
        "the coins in {path} are damaged ({what}); run with --reindex-chainstate to rebuild them from the blocks"
    )]
    Damaged {
        /// The folder, or the file if it is known.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system failed to read or write.
    #[error("cannot read or write the coins in {path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has the folder open.
    #[error("the coins in {path} are in use by another process")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// Written by a version that keeps coins in a way that this one does not know.
    #[error(
        "the coins in {path} have format {found}, this version knows format {known}; run with --reindex-chainstate to rebuild them from the blocks"
    )]
    Format {
        /// The folder.
        path: PathBuf,
        /// The number that is there.
        found: u8,
        /// The number that this version writes.
        known: u8,
    },
    /// Changes were to be written that do not follow on what is there, or do not lead where they were said to: a mistake of
    /// the caller.
    #[error(
        "changes from block {from} to block {to} cannot be written: they are others, or the coins are {state}"
    )]
    Order {
        /// The block that the changes follow on.
        from: BlockHash,
        /// The block that they lead to.
        to: BlockHash,
        /// What is there.
        state: DbState,
    },
}

impl CoinsError {
    /// The disk is full: what failed can be tried again when there is room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ))
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}
