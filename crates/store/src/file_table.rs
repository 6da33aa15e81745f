use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tipward_primitives::Height;

/// What is in each file of one kind, for who decides which of them are not needed any more. It may be read from any thread.
#[derive(Clone, Debug, Default)]
pub struct FileTable(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<u32, FileUse>,
    /// The one that is appended to.
    open: u32,
    bytes: u64,
}

/// What is in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileUse {
    /// Its number.
    pub number: u32,
    /// Its length.
    pub bytes: u64,
    /// The greatest height of all blocks that it is about.
    pub top: Height,
    /// Number of its first record in the log.
    pub(crate) first_record: u64,
}

impl FileTable {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_open(&self, number: u32) {
        self.inner().open = number;
    }

    /// A frame of a block of this height ends at `end` and has this record in the log.
    pub(crate) fn note(&self, number: u32, end: u64, height: Height, record: u64) {
        let mut inner = self.inner();
        let file = inner.files.entry(number).or_insert(FileUse {
            number,
            bytes: 0,
            top: 0,
            first_record: record,
        });
        let more = end.saturating_sub(file.bytes);
        file.bytes += more;
        file.top = file.top.max(height);
        inner.bytes += more;
    }

    pub(crate) fn get(&self, number: u32) -> Option<FileUse> {
        self.inner().files.get(&number).copied()
    }

    pub(crate) fn remove(&self, number: u32) {
        let mut inner = self.inner();
        if let Some(file) = inner.files.remove(&number) {
            inner.bytes -= file.bytes;
        }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.inner().bytes
    }

    /// The files, in order, that nothing more is written to and that hold nothing above `height`.
    pub fn finished_up_to(&self, height: Height) -> Vec<FileUse> {
        let inner = self.inner();
        let finished = inner.files.range(..inner.open).map(|(_, file)| *file);
        finished.filter(|file| file.top <= height).collect()
    }
}
