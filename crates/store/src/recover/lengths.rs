use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Context as _, StoreError};
use crate::kind::Kind;
use crate::pruned::Numbers;
use crate::records::Position;

/// Lengths of the files of one kind that exist, and which were deleted to save space.
#[derive(Debug)]
pub(crate) struct FileLengths(BTreeMap<u32, u64>, Numbers);

impl FileLengths {
    pub(crate) fn read(kind: Kind, blocks_dir: &Path, pruned: Numbers) -> Result<Self, StoreError> {
        let mut lengths = BTreeMap::new();
        for entry in std::fs::read_dir(blocks_dir).context(blocks_dir, "list")? {
            let entry = entry.context(blocks_dir, "list")?;
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| kind.file_number(name));
            if let Some(number) = number {
                let len = entry.metadata().context(&entry.path(), "look at")?.len();
                lengths.insert(number, len);
            }
        }
        Ok(Self(lengths, pruned))
    }

    /// The file was deleted to save space.
    pub(crate) fn is_pruned(&self, file: u32) -> bool {
        self.1.contains(file)
    }

    /// Whether the file reaches this far, or reached, as its records say, when it was there.
    pub(crate) fn holds(&self, end: Position) -> bool {
        self.is_pruned(end.file) || end.offset <= self.of(end.file)
    }

    /// Length of a file; zero if it is missing. No frame lies beyond what a `u32` holds.
    pub(crate) fn of(&self, file: u32) -> u32 {
        let len = self.0.get(&file).copied().unwrap_or(0);
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.0.keys().next_back().copied()
    }

    /// Whether nothing lies between two ends of frames but ends of files.
    pub(crate) fn nothing_between(&self, mut from: Position, to: Position) -> bool {
        if to.file > from.file && Some(to.file) > self.last().max(self.1.last()) {
            return false;
        }
        while from.file < to.file && from.offset >= self.of(from.file) {
            from = Position {
                file: from.file + 1,
                offset: 0,
            };
        }
        from == to
    }

    /// The beginning of the next file that exists, or of file `at_most` if there is none before it.
    pub(crate) fn next_file(&self, from: Position, at_most: u32) -> Position {
        let next = self.0.range(from.file + 1..=at_most).next();
        Position {
            file: next.map_or(at_most, |(&number, _)| number),
            offset: 0,
        }
    }

    /// Bytes of all files behind `from`.
    pub(crate) fn bytes_behind(&self, from: Position) -> u64 {
        let all: u64 = self.0.range(from.file..).map(|(_, len)| len).sum();
        all.saturating_sub(u64::from(from.offset))
    }
}
