//! Makes an index log and its files agree when they are opened.
//!
//! The log is read once, front to back, and compared with the lengths of the files: every record must begin where the
//! one before it ended. What does not fit (a record with a wrong checksum, one that is missing, one that points beyond
//! its file) leaves a gap, and every gap, the one behind the last record included, is searched for blocks. (Undo data
//! does not say of which block it is, so none is found again: a gap is a hole, and what lies behind the last record is
//! cut.) The frames behind the last sync mark are read and compared with their checksums, because power may have been
//! lost before they were on the disk.
//!
//! A file that was deleted to save space (see `pruned.rs`) is no gap: its records stay as they are, because they say how many
//! transactions its blocks had, and only the index in memory lacks them.
//!
//! So block files without a log, or that someone put there, are searched from end to end: that is all that rebuilding
//! the index is.
//!
//! # Correctness
//!
//! - What is put in the index has a whole frame in a file, and was synced, or compared just now.
//! - Repairs are written before anything is appended, and what they are made from (the block files) stays: a crash
//!   during recovery is followed by the same recovery.
//! - On the good path the log is read once and nothing is held but the index in memory.

mod body_reader;
mod lengths;
mod rebuild;

use std::path::Path;

use tipward_primitives::Params;

use self::body_reader::BodyReader;
use self::lengths::FileLengths;
use crate::error::StoreError;
use crate::index::{Filling, Index};
use crate::kind::Kind;
use crate::layout::FRAME_HEAD;
use crate::loaded::{Progress, Repair};
use crate::log::Log;
use crate::pruned::Numbers;
use crate::records::{IndexRecord, Position};

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

/// Fills `index` from the log, repairing both the log and the files. `progress` is told of the search for blocks.
pub(crate) fn load(
    kind: Kind,
    log: &mut Log<IndexRecord>,
    blocks_dir: &Path,
    params: &Params,
    index: &Index,
    pruned: &Numbers,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StoreError> {
    index.reserve(usize::try_from(log.records()).unwrap_or(0));
    let mut recovery = Recovery {
        kind,
        files: FileLengths::read(kind, blocks_dir, pruned.clone())?,
        blocks_dir,
        params,
        repairs: Vec::new(),
        to_search: 0,
        found: None,
        progress,
    };
    let mut good = recovery.read_log(log, index.filling())?;
    recovery.verify_unsynced(&mut good)?;
    recovery.rebuild(log, good, index)
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
    params: &'a Params,
    repairs: Vec<Repair>,
    /// Bytes behind the records that can be believed.
    to_search: u64,
    /// Where the first block that was found lies, and how many were found.
    found: Option<(Position, u64)>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Recovery<'_> {
    /// Reads the log through. What is synced goes to the index at once.
    fn read_log(
        &mut self,
        log: &Log<IndexRecord>,
        mut index: Filling<'_>,
    ) -> Result<Good, StoreError> {
        let mut good = Good::default();
        let mut scan = log.scan();
        while let Some((number, record)) = scan.next_record()? {
            let problem = match &record {
                None => Some("a record has a wrong checksum"),
                Some(IndexRecord::SyncMark { .. }) => None,
                Some(record) => match span(record) {
                    Some(span) if self.files.holds(span.end) => None,
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
                    if let IndexRecord::Frame(frame) = record
                        && !self.is_pruned(&record)
                    {
                        index.insert(&frame);
                    }
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
            if !self.is_pruned(&record) && !reader.is_whole(&record)? {
                self.report_torn(&record);
                good.prefix = number;
                good.end = span(&record).map_or(good.end, |s| s.start);
                let behind = good.unsynced.split_off(at).into_iter().skip(1);
                good.rest.splice(0..0, behind.map(|(_, record)| record));
                break;
            }
        }
        for record in good.rest.split_off(good.rest_synced) {
            if self.is_pruned(&record) || reader.is_whole(&record)? {
                good.rest.push(record);
            } else {
                self.report_torn(&record);
            }
        }
        Ok(())
    }

    /// The record's file was deleted to save space: nothing is wrong with it.
    fn is_pruned(&self, record: &IndexRecord) -> bool {
        span(record).is_some_and(|span| self.files.is_pruned(span.end.file))
    }

    /// Puts what can be read into the index.
    fn insert(&self, index: &Index, record: &IndexRecord) {
        if let IndexRecord::Frame(frame) = record
            && !self.is_pruned(record)
        {
            index.insert(frame);
        }
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
