use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, as a verb phrase.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error(
        "{} is in use by another tipward{}: stop that one, or choose another --datadir",
        path.display(),
        holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The data directory of the network.
        path: PathBuf,
        /// Process id that the lock file names.
        holder: Option<u32>,
    },
    /// The directory is not one that this node may write to; the message says why and what to do.
    #[error("{}: {why}", path.display())]
    Unusable {
        /// The directory or the file in it.
        path: PathBuf,
        /// Why, and what to do about it.
        why: String,
    },
    /// What a file holds is not what was written.
    #[error("{} is damaged at offset {offset}: {what}; starting with {repair} makes it good", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Byte at which the damaged record begins.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// The option of the command line with which a start repairs it.
        repair: &'static str,
    },
    /// An earlier failure left files in an unknown state, so nothing more is written; a restart recovers.
    #[error("the store stopped writing after a failure: {0}")]
    Stopped(String),
}

impl StoreError {
    /// The disk (or a quota, or a file size limit) is full: the files are as before the call, and the same call may
    /// succeed once there is room.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ),
            _ => false,
        }
    }
}

/// Adds the file and the deed to an operating system's error.
pub(crate) trait Context<T> {
    fn context(self, path: &Path, what: &'static str) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, path: &Path, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io {
            path: path.to_owned(),
            what,
            source: source.into(),
        })
    }
}
