use std::path::Path;
use std::sync::Arc;

use tipward_primitives::{BlockHash, Height, Params};

use crate::error::StoreError;
use crate::file_table::FileUse;
use crate::frame_files::{Frame, FrameFiles, MAX_FRAMES_AT_ONCE};
use crate::frame_reader::FrameReader;
use crate::kind::Kind;
use crate::layout::FRAME_HEAD;
use crate::loaded::{Progress, Repair};
use crate::log::Log;
use crate::pruned::{Numbers, Pruned};
use crate::records::{FrameRecord, IndexRecord, Position};
use crate::recover;

/// Frames of one kind: the files that hold them, the log that says where each lies, and the same in memory. The writing
/// side.
#[derive(Debug)]
pub(crate) struct Framed {
    log: Log<IndexRecord>,
    files: FrameFiles,
    reader: Arc<FrameReader>,
    pruned: Pruned,
    unsynced_bytes: u64,
    /// Something happened since the last sync.
    dirty: bool,
}

/// A frame to append.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFrame<'a> {
    /// Of the block.
    pub(crate) hash: BlockHash,
    /// Of the block.
    pub(crate) height: Height,
    /// Of the block; zero for undo data.
    pub(crate) transactions: u32,
    pub(crate) frame: Frame<'a>,
}

/// What [`Framed::open`] found.
pub(crate) struct OpenedFrames {
    pub(crate) frames: Framed,
    /// Records of the header log that the last sync mark covers.
    pub(crate) synced_headers: u64,
    pub(crate) repairs: Vec<Repair>,
}

impl Framed {
    /// Opens or creates the files of `kind`, and repairs what a crash left; see [`recover::load`].
    pub(crate) fn open(
        kind: Kind,
        blocks_dir: &Path,
        params: &Params,
        file_size: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<OpenedFrames, StoreError> {
        let path = kind.index_log(blocks_dir);
        let (mut log, mut repairs) = Log::open(path, kind.index_log_name(), params.magic)?;
        let reader = FrameReader::new(kind, blocks_dir.to_owned());
        let pruned = Pruned::open(kind, blocks_dir)?;
        reader.forget(pruned.numbers());
        let mut recovered = recover::load(
            kind,
            &mut log,
            blocks_dir,
            params,
            reader.index(),
            pruned.numbers(),
            progress,
        )?;
        // The file behind it was begun, and nothing of it is left.
        while pruned.numbers().contains(recovered.end.file) {
            recovered.end = Position {
                file: recovered.end.file + 1,
                offset: 0,
            };
        }
        let files = FrameFiles::open(kind, blocks_dir, params.magic, recovered.end, file_size)?;
        reader.opened_at(files.end());
        reader.table().note_open(files.end().file);
        repairs.extend(recovered.repairs);
        let frames = Self {
            log,
            files,
            reader: Arc::new(reader),
            pruned,
            unsynced_bytes: 0,
            dirty: recovered.unsynced || !repairs.is_empty(),
        };
        Ok(OpenedFrames {
            frames,
            synced_headers: recovered.synced_headers,
            repairs,
        })
    }

    pub(crate) fn reader(&self) -> &Arc<FrameReader> {
        &self.reader
    }

    pub(crate) fn log(&self) -> &Log<IndexRecord> {
        &self.log
    }

    /// Appends frames in this order. When it fails, frames at the front may be there nevertheless, and the files are as
    /// if only those had been appended; when even that cannot be had, the error is [`StoreError::Stopped`].
    pub(crate) fn append(&mut self, frames: &[NewFrame<'_>]) -> Result<(), StoreError> {
        let mut rest = frames;
        while let Some(first) = rest.first() {
            if !self.files.has_room_for(bytes(first)) {
                self.files.next_file()?;
                self.reader.table().note_open(self.files.end().file);
            }
            let mut run_bytes = 0;
            let run = rest
                .iter()
                .take(MAX_FRAMES_AT_ONCE)
                .take_while(|frame| {
                    run_bytes += bytes(frame);
                    self.files.fits(run_bytes)
                })
                .count()
                // An empty file takes one frame, however large.
                .max(1);
            let (run, behind) = rest.split_at(run);
            self.append_run(run)?;
            rest = behind;
        }
        Ok(())
    }

    /// Appends frames that fit into the open file.
    fn append_run(&mut self, frames: &[NewFrame<'_>]) -> Result<(), StoreError> {
        let start = self.files.end();
        let mut offset = start.offset;
        let records: Vec<FrameRecord> = frames
            .iter()
            .map(|new| {
                let position = Position {
                    file: start.file,
                    offset: offset + FRAME_HEAD as u32,
                };
                let size = new.frame.body();
                offset = position.offset + size;
                let checksum = crc32c::crc32c(new.frame.payload);
                FrameRecord {
                    hash: new.hash,
                    position,
                    size,
                    transactions: new.transactions,
                    checksum: crc32c::crc32c_append(checksum, new.frame.trailer),
                }
            })
            .collect();
        let heights = frames.iter().map(|new| new.height);
        let numbers = self.log.records()..;
        let frames: Vec<Frame<'_>> = frames.iter().map(|new| new.frame).collect();

        self.files.append(&frames)?;
        let logged = self
            .log
            .append(records.iter().copied().map(IndexRecord::Frame));
        if let Err(e) = logged {
            self.files.roll_back(start)?;
            return Err(e);
        }
        for ((record, height), number) in records.iter().zip(heights).zip(numbers) {
            self.reader.index().insert(record);
            self.note(record, height, number);
        }
        self.dirty = true;
        self.unsynced_bytes += u64::from(offset - start.offset);
        Ok(())
    }

    fn note(&self, record: &FrameRecord, height: Height, number: u64) {
        let end = u64::from(record.position.offset) + u64::from(record.size);
        self.reader
            .table()
            .note(record.position.file, end, height, number);
    }

    /// Fills the table of what is in each file. A block that nobody knows is needed for nothing.
    pub(crate) fn learn_heights(
        &mut self,
        height_of: &dyn Fn(&BlockHash) -> Option<Height>,
    ) -> Result<(), StoreError> {
        let mut scan = self.log.scan();
        while let Some((number, record)) = scan.next_record()? {
            if let Some(IndexRecord::Frame(frame)) = record
                && !self.pruned.numbers().contains(frame.position.file)
            {
                self.note(&frame, height_of(&frame.hash).unwrap_or(0), number);
            }
        }
        Ok(())
    }

    /// Whether files were deleted to save space.
    pub(crate) fn pruned(&self) -> &Numbers {
        self.pruned.numbers()
    }

    /// Deletes finished files for good; returns whose frames they held. All that was appended must be synced.
    pub(crate) fn prune(&mut self, files: &[u32]) -> Result<Vec<BlockHash>, StoreError> {
        let table = self.reader.table().clone();
        let files: Vec<FileUse> = files
            .iter()
            .filter(|file| **file < self.files.end().file)
            .filter_map(|file| table.get(*file))
            .collect();
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let mut hashes = Vec::new();
        for file in &files {
            self.hashes_in(file, &mut hashes)?;
        }
        let numbers: Vec<u32> = files.iter().map(|file| file.number).collect();
        self.pruned.announce(&numbers)?;
        // From here on they count as gone, however far this comes.
        let gone = self.pruned.numbers();
        self.reader.index().forget(|file| gone.contains(file));
        self.reader.forget(gone);
        for number in numbers {
            self.pruned.delete(number)?;
            table.remove(number);
        }
        self.pruned.sync()?;
        Ok(hashes)
    }

    fn hashes_in(&self, file: &FileUse, hashes: &mut Vec<BlockHash>) -> Result<(), StoreError> {
        let mut scan = self.log.scan_from(file.first_record);
        while let Some((_, record)) = scan.next_record()? {
            match record {
                Some(IndexRecord::Frame(frame)) if frame.position.file == file.number => {
                    hashes.push(frame.hash);
                }
                Some(IndexRecord::Frame(frame)) if frame.position.file > file.number => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes appended since the last [`Framed::sync`].
    pub(crate) fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes
    }

    /// Something was appended since the last [`Framed::sync`].
    pub(crate) fn dirty(&self) -> bool {
        self.dirty
    }

    /// Makes all that was appended survive power loss, and notes that in the log, along with the number of records of
    /// the header log that are synced.
    pub(crate) fn sync(&mut self, headers: u64) -> Result<(), StoreError> {
        self.files.sync()?;
        self.log.append([IndexRecord::SyncMark {
            end: self.files.end(),
            headers: u32::try_from(headers).unwrap_or(u32::MAX),
        }])?;
        self.log.sync()?;
        self.unsynced_bytes = 0;
        self.dirty = false;
        Ok(())
    }
}

/// Bytes that a frame takes in its file.
fn bytes(new: &NewFrame<'_>) -> u64 {
    FRAME_HEAD as u64 + u64::from(new.frame.body())
}
