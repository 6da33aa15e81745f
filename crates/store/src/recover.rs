//! Makes an index log and its files agree when they are opened. Written for block files; undo files are alike, except for
//! what is said of them.
//!
//! The log is read once, front to back, and compared with the lengths of the block files: every record must begin
//! where the one before it ended. What does not fit (a record with a wrong checksum, one that is missing, one that
//! points beyond its file) leaves a gap, and every gap, the one behind the last record included, is searched for
//! blocks in the block files (undo data does not say of which block it is, so none is found again: a gap is a hole, and
//! what lies behind the last record is cut). The frames behind the last sync mark are read and compared with their checksums, because
//! power may have been lost before they were on the disk.
//!
//! # Correctness
//!
//! - What is put in the index has a whole frame in a block file, and was synced, or compared just now.
//! - Repairs are written before anything is appended, and what they are made from (the block files) stays: a crash
//!   during recovery is followed by the same recovery.
//! - On the good path the log is read once and nothing is held but the index in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, StoreError};
use crate::find;
use crate::index::Index;
use crate::kind::Kind;
use crate::layout::FRAME_HEAD;
use crate::loaded::Repair;
use crate::log::Log;
use crate::records::{FrameRecord, IndexRecord, Position};

/// What recovery came to.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Where the next frame goes.
    pub(crate) end: Position,
    /// Records of the header log that the last sync mark covers.
    pub(crate) synced_headers: u64,
    /// Something lies behind the last sync mark.
    pub(crate) unsynced: bool,
    pub(crate) repairs: Vec<Repair>,
}

/// Fills `index` from the log, repairing both the log and the block files.
pub(crate) fn load(
    kind: Kind,
    log: &mut Log<IndexRecord>,
    blocks_dir: &Path,
    magic: [u8; 4],
    index: &Index,
) -> Result<Recovered, StoreError> {
    index.reserve(usize::try_from(log.records()).unwrap_or(0));
    let mut recovery = Recovery {
        kind,
        files: FileLengths::read(kind, blocks_dir)?,
        blocks_dir,
        magic,
        repairs: Vec::new(),
    };
    let mut good = recovery.read_log(log, index)?;
    recovery.verify_unsynced(&mut good)?;
    recovery.rebuild(log, good, index)
}

/// Lengths of the files of one kind that exist.
#[derive(Debug)]
struct FileLengths(BTreeMap<u32, u64>);

impl FileLengths {
    fn read(kind: Kind, blocks_dir: &Path) -> Result<Self, StoreError> {
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
        Ok(Self(lengths))
    }

    /// Length of a file; zero if it is missing. No frame lies beyond what a `u32` holds.
    fn of(&self, file: u32) -> u32 {
        let len = self.0.get(&file).copied().unwrap_or(0);
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    fn last(&self) -> Option<u32> {
        self.0.keys().next_back().copied()
    }

    /// Whether nothing lies between two ends of frames but ends of files.
    fn nothing_between(&self, mut from: Position, to: Position) -> bool {
        if to.file > from.file && Some(to.file) > self.last() {
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
}

/// Bytes of a file that a record speaks for, frame head included.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: Position,
    end: Position,
}

/// `None` for a sync mark, and for what cannot be.
fn span(record: &IndexRecord) -> Option<Span> {
    let (file, start, end) = match record {
        IndexRecord::Frame(f) => (
            f.position.file,
            f.position.offset.checked_sub(FRAME_HEAD as u32)?,
            f.position.offset.checked_add(f.size)?,
        ),
        IndexRecord::Hole { start, size } => {
            (start.file, start.offset, start.offset.checked_add(*size)?)
        }
        IndexRecord::SyncMark { .. } => return None,
    };
    let at = |offset| Position { file, offset };
    Some(Span {
        start: at(start),
        end: at(end),
    })
}

/// What the log says, as far as it can be believed.
#[derive(Debug, Default)]
struct Good {
    /// So many records from the start of the log are whole and leave no gap.
    prefix: u64,
    /// Where the prefix ends in the block files.
    end: Position,
    /// The end of the prefix: records behind the last sync mark, with the record's number.
    unsynced: Vec<(u64, IndexRecord)>,
    /// Whole records behind the prefix.
    rest: Vec<IndexRecord>,
    /// How many of `rest` are covered by a sync mark.
    rest_synced: usize,
    synced_headers: u64,
}

struct Recovery<'a> {
    kind: Kind,
    files: FileLengths,
    blocks_dir: &'a Path,
    magic: [u8; 4],
    repairs: Vec<Repair>,
}

impl Recovery<'_> {
    /// Reads the log through. What is synced goes to the index at once.
    fn read_log(&mut self, log: &Log<IndexRecord>, index: &Index) -> Result<Good, StoreError> {
        let mut good = Good::default();
        let mut scan = log.scan();
        while let Some((number, record)) = scan.next_record()? {
            let problem = match &record {
                None => Some("a record has a wrong checksum"),
                Some(IndexRecord::SyncMark { .. }) => None,
                Some(record) => match span(record) {
                    Some(span) if span.end.offset <= self.files.of(span.end.file) => None,
                    _ => Some("a record points beyond the end of its file"),
                },
            };
            if let Some(problem) = problem {
                self.repair(
                    log.path(),
                    Log::<IndexRecord>::offset(number),
                    format!("{problem}; dropped it"),
                );
                continue;
            }
            let Some(record) = record else { continue };
            if let IndexRecord::SyncMark { headers, .. } = record {
                good.synced_headers = u64::from(headers);
                good.rest_synced = good.rest.len();
                for (_, record) in good.unsynced.drain(..) {
                    insert(index, &record);
                }
            }
            if number == good.prefix {
                self.extend_prefix(&mut good, record, log.path());
            } else if span(&record).is_some() {
                good.rest.push(record);
            }
        }
        Ok(good)
    }

    fn extend_prefix(&mut self, good: &mut Good, record: IndexRecord, log_path: &Path) {
        if let Some(span) = span(&record) {
            if !self.files.nothing_between(good.end, span.start) {
                let offset = Log::<IndexRecord>::offset(good.prefix);
                let what = "the record does not begin where the one before it ends";
                self.repair(log_path, offset, what.to_owned());
                good.rest.push(record);
                return;
            }
            good.unsynced.push((good.prefix, record));
            good.end = span.end;
        }
        good.prefix += 1;
    }

    /// Reads the blocks behind the last sync mark.
    fn verify_unsynced(&mut self, good: &mut Good) -> Result<(), StoreError> {
        let mut reader = BodyReader::new(self.kind, self.blocks_dir);
        for at in 0..good.unsynced.len() {
            let (number, record) = good.unsynced[at];
            if !reader.is_whole(&record)? {
                self.report_torn(&record);
                good.prefix = number;
                good.end = span(&record).map_or(good.end, |s| s.start);
                let behind = good.unsynced.split_off(at).into_iter().skip(1);
                good.rest.splice(0..0, behind.map(|(_, record)| record));
                break;
            }
        }
        for record in good.rest.split_off(good.rest_synced) {
            if reader.is_whole(&record)? {
                good.rest.push(record);
            } else {
                self.report_torn(&record);
            }
        }
        Ok(())
    }

    /// Searches the gaps, and writes the log and the index as they should be.
    fn rebuild(
        mut self,
        log: &mut Log<IndexRecord>,
        good: Good,
        index: &Index,
    ) -> Result<Recovered, StoreError> {
        let mut end = good.end;
        let mut new = Vec::new();
        let simple = good.rest.is_empty();
        for record in &good.rest {
            let Some(span) = span(record) else { continue };
            if span.start < end {
                continue;
            }
            self.fill_gap(&mut end, span.start, &mut new)?;
            new.push(*record);
            end = span.end;
        }
        self.fill_tail(&mut end, &mut new)?;

        let unsynced = !good.unsynced.is_empty() || !new.is_empty();
        if simple {
            if log.records() > good.prefix {
                log.truncate(good.prefix)?;
            }
            if !new.is_empty() {
                log.append(&new)?;
            }
        } else {
            let mut all = Vec::new();
            let mut scan = log.scan();
            while let Some((number, Some(record))) = scan.next_record()? {
                if number == good.prefix {
                    break;
                }
                all.push(record);
            }
            all.extend(&new);
            log.replace(&all)?;
        }
        for record in good.unsynced.iter().map(|(_, record)| record).chain(&new) {
            insert(index, record);
        }
        Ok(Recovered {
            end,
            synced_headers: good.synced_headers,
            unsynced,
            repairs: self.repairs,
        })
    }

    /// Searches the bytes from `end` to `to`, which the log does not speak for but which lie before others it does.
    fn fill_gap(
        &mut self,
        end: &mut Position,
        to: Position,
        new: &mut Vec<IndexRecord>,
    ) -> Result<(), StoreError> {
        while *end < to {
            let file_end = if end.file == to.file {
                to.offset
            } else {
                self.files.of(end.file)
            };
            self.find_frames(end, file_end, new)?;
            if end.offset < file_end {
                let size = file_end - end.offset;
                self.repair(
                    &self.kind.file(self.blocks_dir, end.file),
                    u64::from(end.offset),
                    match self.kind {
                        Kind::Blocks => {
                            format!("{size} bytes hold no whole block; left them as a hole")
                        }
                        Kind::Undo => format!(
                            "{size} bytes of undo data of blocks that are not known any more; left them as a hole \
                             (should a block need them, --reindex-chainstate makes them anew)"
                        ),
                    },
                );
                new.push(IndexRecord::Hole { start: *end, size });
                end.offset = file_end;
            }
            if end.file < to.file {
                // Missing files in between are many only if someone deleted them: go to the next that exists.
                let file = self
                    .files
                    .0
                    .range(end.file + 1..=to.file)
                    .next()
                    .map_or(to.file, |(&number, _)| number);
                *end = Position { file, offset: 0 };
            }
        }
        Ok(())
    }

    /// Searches what lies behind the last record. What is no block at the end of the last file is cut when that file is
    /// opened for writing.
    fn fill_tail(
        &mut self,
        end: &mut Position,
        new: &mut Vec<IndexRecord>,
    ) -> Result<(), StoreError> {
        let last = self.files.last().unwrap_or(0);
        if last > end.file {
            let to = Position {
                file: last,
                offset: 0,
            };
            self.fill_gap(end, to, new)?;
        }
        if last < end.file {
            return Ok(());
        }
        let file_end = self.files.of(last);
        self.find_frames(end, file_end, new)?;
        if end.offset < file_end {
            let size = file_end - end.offset;
            self.repair(
                &self.kind.file(self.blocks_dir, last),
                u64::from(end.offset),
                match self.kind {
                    Kind::Blocks => format!("{size} bytes of a torn block at the end; cut them"),
                    Kind::Undo => {
                        format!("{size} bytes of undo data that the index does not have; cut them")
                    }
                },
            );
        }
        Ok(())
    }

    fn find_frames(
        &mut self,
        end: &mut Position,
        to: u32,
        new: &mut Vec<IndexRecord>,
    ) -> Result<(), StoreError> {
        if end.offset >= to || self.kind == Kind::Undo {
            return Ok(());
        }
        let path = self.kind.file(self.blocks_dir, end.file);
        let (found, found_end) = find::blocks(&path, self.magic, *end, to)?;
        if !found.is_empty() {
            self.repair(
                &path,
                u64::from(end.offset),
                format!(
                    "{} blocks that the index did not have; put them into it",
                    found.len()
                ),
            );
        }
        new.extend(found.into_iter().map(IndexRecord::Frame));
        end.offset = found_end;
        Ok(())
    }

    fn report_torn(&mut self, record: &IndexRecord) {
        if let IndexRecord::Frame(frame) = record {
            self.repair(
                &self.kind.file(self.blocks_dir, frame.position.file),
                u64::from(frame.position.offset),
                format!(
                    "{} {} did not reach the disk whole; dropped it",
                    self.kind.noun(),
                    frame.hash
                ),
            );
        }
    }

    fn repair(&mut self, path: &Path, offset: u64, what: String) {
        self.repairs.push(Repair {
            path: path.to_owned(),
            offset,
            what,
        });
    }
}

fn insert(index: &Index, record: &IndexRecord) {
    if let IndexRecord::Frame(frame) = record {
        index.insert(frame);
    }
}

/// Compares frames with their checksums; keeps the last file open.
struct BodyReader<'a> {
    kind: Kind,
    blocks_dir: &'a Path,
    file: Option<(u32, File, PathBuf)>,
    bytes: Vec<u8>,
}

impl<'a> BodyReader<'a> {
    fn new(kind: Kind, blocks_dir: &'a Path) -> Self {
        Self {
            kind,
            blocks_dir,
            file: None,
            bytes: Vec::new(),
        }
    }

    /// The record's frame was found to lie within its file before.
    fn is_whole(&mut self, record: &IndexRecord) -> Result<bool, StoreError> {
        let IndexRecord::Frame(FrameRecord {
            position,
            size,
            checksum,
            ..
        }) = record
        else {
            return Ok(true);
        };
        if self.file.as_ref().is_none_or(|(n, ..)| *n != position.file) {
            let path = self.kind.file(self.blocks_dir, position.file);
            let file = File::open(&path).context(&path, "open")?;
            self.file = Some((position.file, file, path));
        }
        let Some((_, file, path)) = &self.file else {
            return Ok(false);
        };
        self.bytes.resize(*size as usize, 0);
        file.read_exact_at(&mut self.bytes, u64::from(position.offset))
            .context(path, "read")?;
        Ok(crc32c::crc32c(&self.bytes) == *checksum)
    }
}
