use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::buffer::spare_capacity;

use crate::error::{Context as _, StoreError};
use crate::file_table::FileTable;
use crate::index::Index;
use crate::kind::Kind;
use crate::pruned::Numbers;
use crate::records::Position;
use crate::table::Entry;

/// Reads frames from the files of one kind, from any thread, while the writer appends.
#[derive(Debug)]
pub(crate) struct FrameReader {
    kind: Kind,
    blocks_dir: PathBuf,
    index: Index,
    /// Where the next frame would have been written when the files were opened.
    opened_at: OnceLock<Position>,
    table: FileTable,
    files: Mutex<OpenFiles>,
}

#[derive(Debug, Default)]
struct OpenFiles {
    /// The last used one last.
    files: Vec<(u32, Arc<File>)>,
    /// Those that were deleted to save space: never kept open, or the space would not be free.
    gone: Numbers,
}

/// Files that are kept open for reading.
const OPEN_FILES: usize = 32;

impl FrameReader {
    pub(crate) fn new(kind: Kind, blocks_dir: PathBuf) -> Self {
        Self {
            kind,
            blocks_dir,
            index: Index::new(kind),
            opened_at: OnceLock::new(),
            table: FileTable::default(),
            files: Mutex::default(),
        }
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn table(&self) -> &FileTable {
        &self.table
    }

    fn open_files(&self) -> MutexGuard<'_, OpenFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These files are gone: closes them.
    pub(crate) fn forget(&self, gone: &Numbers) {
        let mut open = self.open_files();
        open.files.retain(|(number, _)| !gone.contains(*number));
        open.gone = gone.clone();
    }

    /// Files were deleted to save space.
    pub(crate) fn has_gone(&self) -> bool {
        !self.open_files().gone.is_empty()
    }

    /// The file was deleted to save space since the entry was looked up.
    pub(crate) fn is_gone(&self, entry: &Entry) -> bool {
        self.open_files().gone.contains(entry.file)
    }

    /// What is written from here on is new.
    pub(crate) fn opened_at(&self, end: Position) {
        self.opened_at.get_or_init(|| end);
    }

    /// The frame was written since the files were opened.
    pub(crate) fn is_new(&self, entry: &Entry) -> bool {
        let opened_at = self.opened_at.get();
        opened_at.is_some_and(|end| (entry.file, entry.offset) >= (end.file, end.offset))
    }

    /// The first `len` bytes behind the frame's head; a frame that is not there is [`StoreError::Damaged`].
    pub(crate) fn read(&self, entry: &Entry, len: usize) -> Result<Vec<u8>, StoreError> {
        let path = || self.kind.file(&self.blocks_dir, entry.file);
        let file = match self.file(entry.file) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(self.damage(entry, "the file is gone"));
            }
            file => file.context(&path(), "open")?,
        };
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let offset = u64::from(entry.offset) + bytes.len() as u64;
            match rustix::io::pread(&file, spare_capacity(&mut bytes), offset) {
                Ok(0) => return Err(self.damage(entry, "the file ends within it")),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e).context(&path(), "read"),
            }
        }
        // The allocator may have given more than was asked for.
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The error that says that a frame is not as it was written, and what repairs it.
    pub(crate) fn damage(&self, entry: &Entry, what: &str) -> StoreError {
        StoreError::Damaged {
            path: self.kind.file(&self.blocks_dir, entry.file),
            offset: u64::from(entry.offset),
            what: what.to_owned(),
            repair: self.kind.repair_option(),
        }
    }

    fn file(&self, number: u32) -> io::Result<Arc<File>> {
        {
            let files = &mut self.open_files().files;
            if let Some(at) = files.iter().rposition(|(n, _)| *n == number) {
                let found = files.remove(at);
                let file = Arc::clone(&found.1);
                files.push(found);
                return Ok(file);
            }
        }
        let file = Arc::new(File::open(self.kind.file(&self.blocks_dir, number))?);
        let mut open = self.open_files();
        if open.gone.contains(number) {
            return Ok(file);
        }
        let files = &mut open.files;
        if files.len() >= OPEN_FILES {
            files.remove(0);
        }
        files.push((number, Arc::clone(&file)));
        Ok(file)
    }
}
