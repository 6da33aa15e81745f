use std::path::{Path, PathBuf};

use crate::layout;

/// What the frames of a series of files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Blocks, in `blk?????.dat` with `index.log`.
    Blocks,
    /// Undo data, in `rev?????.dat` with `undo.log`.
    Undo,
}

impl Kind {
    /// The file with this number.
    pub(crate) fn file(self, blocks_dir: &Path, number: u32) -> PathBuf {
        blocks_dir.join(format!("{}{number:05}.dat", self.prefix()))
    }

    /// The number in the name of a file, if it is one of these.
    pub(crate) fn file_number(self, name: &str) -> Option<u32> {
        let digits = name.strip_prefix(self.prefix())?.strip_suffix(".dat")?;
        let number = digits.parse().ok()?;
        (digits == format!("{number:05}")).then_some(number)
    }

    /// The log that says where each frame lies.
    pub(crate) fn index_log(self, blocks_dir: &Path) -> PathBuf {
        blocks_dir.join(match self {
            Self::Blocks => layout::INDEX_LOG,
            Self::Undo => layout::UNDO_LOG,
        })
    }

    /// Names that log and its version.
    pub(crate) fn index_log_name(self) -> [u8; 8] {
        match self {
            Self::Blocks => layout::INDEX_LOG_NAME,
            Self::Undo => layout::UNDO_LOG_NAME,
        }
    }

    /// What a frame holds, for messages; the block's hash may follow.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Blocks => "block",
            Self::Undo => "undo data of block",
        }
    }

    /// The option with which the node makes damaged or lost frames good again.
    pub(crate) fn repair_option(self) -> &'static str {
        match self {
            Self::Blocks => "--reindex",
            Self::Undo => "--reindex-chainstate",
        }
    }

    /// The file that names those that were deleted to save space.
    pub(crate) fn pruned(self, blocks_dir: &Path) -> PathBuf {
        blocks_dir.join(format!("{}.pruned", self.prefix()))
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Blocks => layout::BLOCK_FILE_PREFIX,
            Self::Undo => layout::UNDO_FILE_PREFIX,
        }
    }
}
