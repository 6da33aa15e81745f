//! Searches what the log does not speak for, and writes the log as it should be.

use super::{Good, Recovered, Recovery, span};
use crate::error::{Context as _, StoreError};
use crate::find::Search;
use crate::index::Index;
use crate::kind::Kind;
use crate::loaded::Progress;
use crate::log::Log;
use crate::records::{FrameRecord, IndexRecord, Position};

impl Recovery<'_> {
    /// Fills the gaps and the tail, and writes the log and the index as they should be.
    pub(super) fn rebuild(
        mut self,
        log: &mut Log<IndexRecord>,
        good: Good,
        index: &Index,
    ) -> Result<Recovered, StoreError> {
        for (_, record) in &good.unsynced {
            self.insert(index, record);
        }
        self.to_search = self.files.bytes_behind(good.end);
        let mut end = good.end;
        let before = self.repairs.len();
        if !good.rest.is_empty() {
            let filled = self.fill_gaps(&mut end, &good, index)?;
            let mut all = Vec::new();
            let mut scan = log.scan();
            while let Some((number, Some(record))) = scan.next_record()? {
                if number == good.prefix {
                    break;
                }
                all.push(record);
            }
            all.extend(filled);
            log.replace(&all)?;
        } else if log.records() > good.prefix {
            log.truncate(good.prefix)?;
        }
        self.fill_tail(&mut end, log, good.synced_headers, index)?;
        if let Some((from, blocks)) = self.found {
            let what = format!(
                "{blocks} blocks, from here on, that the index did not have; put them into it"
            );
            self.repair_at(from, what);
        }
        Ok(Recovered {
            end,
            synced_headers: good.synced_headers,
            unsynced: !good.unsynced.is_empty() || self.repairs.len() > before,
            repairs: self.repairs,
        })
    }

    /// The whole records behind the prefix, and between them what was found in the gaps.
    fn fill_gaps(
        &mut self,
        end: &mut Position,
        good: &Good,
        index: &Index,
    ) -> Result<Vec<IndexRecord>, StoreError> {
        let mut filled = Vec::new();
        for record in &good.rest {
            let Some(span) = span(record) else { continue };
            if span.start < *end {
                continue;
            }
            while end.file < span.start.file {
                self.search(end, self.files.of(end.file), &mut filled, index)?;
                self.close(end, &mut filled);
                // Missing files in between are many only if someone deleted them.
                *end = self.files.next_file(*end, span.start.file);
            }
            self.search(end, span.start.offset, &mut filled, index)?;
            self.note_hole(end, span.start.offset, &mut filled);
            filled.push(*record);
            self.insert(index, record);
            *end = span.end;
        }
        Ok(filled)
    }

    /// Searches what lies behind the last record. File by file, what is found is written down and synced, so that the
    /// search of many files goes on where it was interrupted. What is no frame at the end of the last file is cut when
    /// that file is opened for writing.
    fn fill_tail(
        &mut self,
        end: &mut Position,
        log: &mut Log<IndexRecord>,
        synced_headers: u64,
        index: &Index,
    ) -> Result<(), StoreError> {
        let Some(last) = self.files.last().filter(|&last| last >= end.file) else {
            return Ok(());
        };
        loop {
            let file_end = self.files.of(end.file);
            let mut found = Vec::new();
            self.search(end, file_end, &mut found, index)?;
            if end.file < last {
                self.close(end, &mut found);
            }
            if !found.is_empty() {
                log.append(&found)?;
            }
            if end.file == last {
                break;
            }
            if !found.is_empty() {
                self.sync_file(end.file)?;
                log.append([IndexRecord::SyncMark {
                    end: *end,
                    headers: u32::try_from(synced_headers).unwrap_or(u32::MAX),
                }])?;
                log.sync()?;
            }
            *end = self.files.next_file(*end, last);
        }
        let file_end = self.files.of(last);
        if end.offset < file_end {
            let size = file_end - end.offset;
            let what = match self.kind {
                Kind::Blocks => format!("{size} bytes at the end hold no whole block; cut them"),
                Kind::Undo => {
                    format!("{size} bytes of undo data that the index does not have; cut them")
                }
            };
            self.repair_at(*end, what);
        }
        Ok(())
    }

    /// Looks for blocks from `end` to the offset `to` of the same file. What lies between them becomes holes; `end`
    /// comes to where the last one ends.
    fn search(
        &mut self,
        end: &mut Position,
        to: u32,
        found: &mut Vec<IndexRecord>,
        index: &Index,
    ) -> Result<(), StoreError> {
        if end.offset >= to {
            return Ok(());
        }
        // Undo data does not say whose it is.
        if self.kind == Kind::Blocks {
            let path = self.kind.file(self.blocks_dir, end.file);
            let begin = *end;
            let left = self.files.bytes_behind(begin);
            let mut search = Search::new(path, self.params, begin, to)?;
            while let Some(block) = search.next_block()? {
                // One copy of a block is enough.
                if index.candidates(&block.hash).is_empty() {
                    self.take_in(end, block, found, index);
                }
                (self.progress)(Progress {
                    done: self.to_search - left + u64::from(end.offset - begin.offset),
                    total: self.to_search,
                });
            }
        }
        Ok(())
    }

    fn take_in(
        &mut self,
        end: &mut Position,
        block: FrameRecord,
        found: &mut Vec<IndexRecord>,
        index: &Index,
    ) {
        let record = IndexRecord::Frame(block);
        let Some(span) = span(&record) else { return };
        self.note_hole(end, span.start.offset, found);
        self.insert(index, &record);
        found.push(record);
        *end = span.end;
        self.found.get_or_insert((span.start, 0)).1 += 1;
    }

    /// Makes a hole of what is left of a file that is not the last.
    fn close(&mut self, end: &mut Position, found: &mut Vec<IndexRecord>) {
        self.note_hole(end, self.files.of(end.file), found);
    }

    /// Makes a hole from `end` to the offset `to` of the same file, if there is anything between.
    fn note_hole(&mut self, end: &mut Position, to: u32, found: &mut Vec<IndexRecord>) {
        if end.offset >= to {
            return;
        }
        let size = to - end.offset;
        let what = match self.kind {
            Kind::Blocks => format!("{size} bytes hold no whole block; left them as a hole"),
            Kind::Undo => format!(
                "{size} bytes of undo data of blocks that are not known any more; left them as a hole (should a block \
                 need them, starting with --reindex-chainstate makes them anew)"
            ),
        };
        self.repair_at(*end, what);
        found.push(IndexRecord::Hole { start: *end, size });
        end.offset = to;
    }

    fn repair_at(&mut self, at: Position, what: String) {
        let path = self.kind.file(self.blocks_dir, at.file);
        self.repair(&path, u64::from(at.offset), what);
    }

    fn sync_file(&self, number: u32) -> Result<(), StoreError> {
        let path = self.kind.file(self.blocks_dir, number);
        let file = std::fs::File::open(&path).context(&path, "open")?;
        file.sync_all().context(&path, "sync")
    }
}
