//! An append-only log of records of one size, each with its checksum.

use std::fs::{File, OpenOptions};
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Context as _, StoreError};
use crate::layout::LOG_HEAD;
use crate::loaded::Repair;
use crate::manifest::sync_dir;

/// What a [`Log`] is made of.
pub(crate) trait Record: Sized {
    /// Bytes of a record, its checksum included.
    const SIZE: usize;
    /// Writes the record to `out`, which is [`Record::SIZE`] - 4 bytes long.
    fn encode(&self, out: &mut [u8]);
    /// Reads what `encode` wrote; `None` if it did not write that.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// The checksum of record number `number`.
fn checksum(number: u64, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), body)
}

/// The first bytes of the log that has this name, on the network with this magic.
fn head(name: [u8; 8], network: [u8; 4]) -> [u8; LOG_HEAD] {
    let mut head = [0; LOG_HEAD];
    head[..8].copy_from_slice(&name);
    head[8..12].copy_from_slice(&network);
    let sum = crc32c::crc32c(&head[..12]);
    head[12..].copy_from_slice(&sum.to_le_bytes());
    head
}

/// A log that is open for appending.
#[derive(Debug)]
pub(crate) struct Log<R> {
    path: PathBuf,
    file: Arc<File>,
    head: [u8; LOG_HEAD],
    /// The file is empty: its head is written along with the first records.
    new: bool,
    records: u64,
    buffer: Vec<u8>,
    kind: PhantomData<R>,
}

impl<R: Record> Log<R> {
    /// Opens or creates the log; cuts a last record that is too short to be one. Does not look at the records. `name`
    /// says which log it is, in which version, `network` is the network's magic.
    pub(crate) fn open(
        path: PathBuf,
        name: [u8; 8],
        network: [u8; 4],
    ) -> Result<(Self, Vec<Repair>), StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .context(&path, "open")?;
        let mut log = Self {
            path,
            file: Arc::new(file),
            head: head(name, network),
            new: false,
            records: 0,
            buffer: Vec::new(),
            kind: PhantomData,
        };
        let repairs = log.settle()?;
        Ok((log, repairs))
    }

    fn settle(&mut self) -> Result<Vec<Repair>, StoreError> {
        let mut repairs = Vec::new();
        let len = self.file.metadata().context(&self.path, "look at")?.len();
        if len == 0 {
            self.new = true;
            if let Some(dir) = self.path.parent() {
                sync_dir(dir)?;
            }
            return Ok(repairs);
        }
        let mut found = [0; LOG_HEAD];
        if len >= LOG_HEAD as u64 {
            self.file
                .read_exact_at(&mut found, 0)
                .context(&self.path, "read")?;
        }
        if found != self.head {
            self.file
                .write_all_at(&self.head, 0)
                .context(&self.path, "write")?;
            repairs.push(self.repair(0, "the head was damaged; wrote it anew"));
        }
        let body = len.saturating_sub(LOG_HEAD as u64);
        self.records = body / R::SIZE as u64;
        let torn = body % R::SIZE as u64;
        if torn > 0 {
            self.truncate(self.records)?;
            let what = format!("a torn record of {torn} bytes at the end; cut it");
            repairs.push(self.repair(Self::offset(self.records), what));
        }
        Ok(repairs)
    }

    /// A repair of this file.
    pub(crate) fn repair(&self, offset: u64, what: impl Into<String>) -> Repair {
        Repair {
            path: self.path.clone(),
            offset,
            what: what.into(),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing was ever written to it.
    pub(crate) fn is_new(&self) -> bool {
        self.new
    }

    /// Number of records.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Byte at which record `number` begins.
    pub(crate) fn offset(number: u64) -> u64 {
        LOG_HEAD as u64 + number * R::SIZE as u64
    }

    /// All records, from the first to what is now the last.
    pub(crate) fn scan(&self) -> Scan<R> {
        self.scan_from(0)
    }

    /// The records from number `next` on.
    pub(crate) fn scan_from(&self, next: u64) -> Scan<R> {
        Scan {
            path: self.path.clone(),
            file: Arc::clone(&self.file),
            next: next.min(self.records),
            end: self.records,
            chunk: Vec::new(),
            at: 0,
            kind: PhantomData,
        }
    }

    /// Drops all records from number `records` on.
    pub(crate) fn truncate(&mut self, records: u64) -> Result<(), StoreError> {
        self.file
            .set_len(Self::offset(records))
            .context(&self.path, "truncate")?;
        self.records = records;
        Ok(())
    }

    /// Appends records with one write. When that fails, the log is as it was before; when even that cannot be had,
    /// the error is [`StoreError::Stopped`].
    pub(crate) fn append(
        &mut self,
        records: impl IntoIterator<Item = impl std::borrow::Borrow<R>>,
    ) -> Result<(), StoreError> {
        self.buffer.clear();
        let mut at = Self::offset(self.records);
        if self.new {
            self.buffer.extend_from_slice(&self.head);
            at = 0;
        }
        let mut number = self.records;
        for record in records {
            encode_to(&mut self.buffer, number, record.borrow());
            number += 1;
        }
        if let Err(e) = self.file.write_all_at(&self.buffer, at) {
            let e = Err(e).context(&self.path, "append to");
            return match self.file.set_len(at) {
                Ok(()) => e,
                Err(_) => e.map_err(|e| StoreError::Stopped(e.to_string())),
            };
        }
        self.new = false;
        self.records = number;
        Ok(())
    }

    /// Makes what was appended survive power loss. A failure is [`StoreError::Stopped`]: the kernel may have forgotten
    /// what it could not write.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file
            .sync_data()
            .context(&self.path, "sync")
            .map_err(|e| StoreError::Stopped(e.to_string()))
    }

    /// Replaces all records at once: after a crash the log is the old one or the new one, whole.
    pub(crate) fn replace(
        &mut self,
        records: impl IntoIterator<Item = impl std::borrow::Borrow<R>>,
    ) -> Result<(), StoreError> {
        let new = self.path.with_extension("new");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&new)
            .context(&new, "create")?;
        let mut buffer = self.head.to_vec();
        let (mut number, mut at) = (0, 0);
        for record in records {
            encode_to(&mut buffer, number, record.borrow());
            number += 1;
            if buffer.len() >= CHUNK {
                file.write_all_at(&buffer, at).context(&new, "write")?;
                at += buffer.len() as u64;
                buffer.clear();
            }
        }
        file.write_all_at(&buffer, at).context(&new, "write")?;
        file.sync_all().context(&new, "sync")?;
        std::fs::rename(&new, &self.path).context(&self.path, "put in place")?;
        if let Some(dir) = self.path.parent() {
            sync_dir(dir)?;
        }
        self.file = Arc::new(file);
        self.new = false;
        self.records = number;
        Ok(())
    }
}

fn encode_to<R: Record>(buffer: &mut Vec<u8>, number: u64, record: &R) {
    let start = buffer.len();
    buffer.resize(start + R::SIZE, 0);
    let (body, sum) = buffer[start..].split_at_mut(R::SIZE - 4);
    record.encode(body);
    sum.copy_from_slice(&checksum(number, body).to_le_bytes());
}

/// Reads the records of a [`Log`] one by one; the log may grow meanwhile.
pub(crate) struct Scan<R> {
    path: PathBuf,
    file: Arc<File>,
    next: u64,
    end: u64,
    chunk: Vec<u8>,
    at: usize,
    kind: PhantomData<R>,
}

/// A record as the file has it.
struct RecordBytes<'a> {
    number: u64,
    /// `None` if the checksum is wrong.
    body: Option<&'a [u8]>,
}

impl<R: Record> Scan<R> {
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn refill(&mut self) -> Result<(), StoreError> {
        let whole = CHUNK / R::SIZE;
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let offset = Log::<R>::offset(self.next);
        self.chunk.resize(whole.min(left) * R::SIZE, 0);
        self.at = 0;
        match self.file.read_exact_at(&mut self.chunk, offset) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(StoreError::Damaged {
                path: self.path.clone(),
                offset,
                what: "the file became shorter while it was read".to_owned(),
                repair: "--reindex",
            }),
            Err(e) => Err(e).context(&self.path, "read"),
        }
    }

    /// The next record with its number; the record is `None` if it is not what was written.
    pub(crate) fn next_record(&mut self) -> Result<Option<(u64, Option<R>)>, StoreError> {
        let next = self.next_bytes()?;
        Ok(next.map(|next| (next.number, next.body.and_then(R::decode))))
    }

    /// The number of the next record whose checksum is wrong, if there is one.
    pub(crate) fn next_damaged(&mut self) -> Result<Option<u64>, StoreError> {
        while let Some(next) = self.next_bytes()? {
            if next.body.is_none() {
                return Ok(Some(next.number));
            }
        }
        Ok(None)
    }

    fn next_bytes(&mut self) -> Result<Option<RecordBytes<'_>>, StoreError> {
        if self.next == self.end {
            return Ok(None);
        }
        if self.at == self.chunk.len() {
            self.refill()?;
        }
        let (body, sum) = self.chunk[self.at..self.at + R::SIZE].split_at(R::SIZE - 4);
        let number = self.next;
        self.at += R::SIZE;
        self.next += 1;
        let whole = checksum(number, body).to_le_bytes() == sum;
        let body = whole.then_some(body);
        Ok(Some(RecordBytes { number, body }))
    }
}
