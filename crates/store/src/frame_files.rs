//! The writing end of the block files and the undo files.

use std::fs::{File, OpenOptions};
use std::io::IoSlice;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags};

use crate::error::{Context as _, StoreError};
use crate::kind::Kind;
use crate::layout::FRAME_HEAD;
use crate::manifest::sync_dir;
use crate::records::Position;

/// Space is allocated in steps of this many bytes, so that a file lies in few pieces.
const ALLOCATE: u64 = 16 << 20;

/// The kernel is asked to begin writing out after so many bytes, so that a sync finds little left to do and dirty
/// pages do not pile up.
const WRITE_OUT: u64 = 8 << 20;

/// Slices that one system call takes on Linux.
const MAX_SLICES: usize = 1024;

/// Frames that one system call takes: at most three slices each.
pub(crate) const MAX_FRAMES_AT_ONCE: usize = MAX_SLICES / 3;

/// A frame to append.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// What the size in the frame's head counts.
    pub(crate) payload: &'a [u8],
    /// What follows it, which the size does not count.
    pub(crate) trailer: &'a [u8],
}

impl Frame<'_> {
    /// Bytes behind the frame's head.
    pub(crate) fn body(&self) -> u32 {
        u32::try_from(self.payload.len() + self.trailer.len())
            .expect("a block has at most 4 MB, its undo data at most 250 MB (25,000 scripts of 10,000 bytes)")
    }
}

/// The file of one kind that is being appended to.
#[derive(Debug)]
pub(crate) struct FrameFiles {
    kind: Kind,
    blocks_dir: PathBuf,
    magic: [u8; 4],
    number: u32,
    path: PathBuf,
    file: File,
    end: u64,
    allocated: u64,
    written_out: u64,
    /// The next file is begun when a frame would pass this size.
    most: u64,
}

impl FrameFiles {
    /// Opens the file in which `end` lies, cuts what lies behind, and goes on from there.
    pub(crate) fn open(
        kind: Kind,
        blocks_dir: &Path,
        magic: [u8; 4],
        end: Position,
        most: u64,
    ) -> Result<Self, StoreError> {
        let path = kind.file(blocks_dir, end.file);
        let file = open_or_create(blocks_dir, &path)?;
        let end_offset = u64::from(end.offset);
        file.set_len(end_offset).context(&path, "truncate")?;
        Ok(Self {
            kind,
            blocks_dir: blocks_dir.to_owned(),
            magic,
            number: end.file,
            path,
            file,
            end: end_offset,
            allocated: end_offset,
            written_out: end_offset,
            most,
        })
    }

    /// The end of the last frame.
    pub(crate) fn end(&self) -> Position {
        Position {
            file: self.number,
            offset: u32::try_from(self.end).expect("a file has at most 128 MiB, or one frame"),
        }
    }

    /// Whether frames of `bytes` in all may follow in this file. An empty file takes anything.
    pub(crate) fn has_room_for(&self, bytes: u64) -> bool {
        self.end == 0 || self.fits(bytes)
    }

    /// Whether frames of `bytes` in all end before the size of a file.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.end + bytes <= self.most
    }

    /// Syncs this file and goes on with the next.
    pub(crate) fn next_file(&mut self) -> Result<(), StoreError> {
        let number = self.number + 1;
        let path = self.kind.file(&self.blocks_dir, number);
        let file = open_or_create(&self.blocks_dir, &path)?;
        file.set_len(0).context(&path, "truncate")?;
        self.sync()?;
        self.release();
        self.number = number;
        self.path = path;
        self.file = file;
        self.end = 0;
        self.allocated = 0;
        self.written_out = 0;
        Ok(())
    }

    /// Appends frames with one write. When that fails, the file is as it was before; when even that cannot be had,
    /// the error is [`StoreError::Stopped`].
    pub(crate) fn append(&mut self, frames: &[Frame<'_>]) -> Result<(), StoreError> {
        let heads: Vec<[u8; FRAME_HEAD]> = frames
            .iter()
            .map(|frame| {
                let size = frame.body() - frame.trailer.len() as u32;
                let mut head = [0; FRAME_HEAD];
                head[..4].copy_from_slice(&self.magic);
                head[4..].copy_from_slice(&size.to_le_bytes());
                head
            })
            .collect();
        let mut slices: Vec<IoSlice<'_>> = heads
            .iter()
            .zip(frames)
            .flat_map(|(head, frame)| [&head[..], frame.payload, frame.trailer])
            .filter(|slice| !slice.is_empty())
            .map(IoSlice::new)
            .collect();
        let bytes: u64 = slices.iter().map(|s| s.len() as u64).sum();
        self.allocate(self.end + bytes);

        let before = self.end();
        let mut at = self.end;
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match rustix::io::pwritev(&self.file, &rest[..rest.len().min(MAX_SLICES)], at) {
                Ok(0) => {
                    let error = std::io::Error::from(std::io::ErrorKind::WriteZero);
                    let error = Err(error).context(&self.path, "append to");
                    return self.roll_back(before).and(error);
                }
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => {
                    let error = Err(e).context(&self.path, "append to");
                    return self.roll_back(before).and(error);
                }
            }
        }
        self.end = at;
        self.write_out();
        Ok(())
    }

    /// Cuts what was appended to this file since it ended at `end`.
    pub(crate) fn roll_back(&mut self, end: Position) -> Result<(), StoreError> {
        debug_assert_eq!(end.file, self.number);
        let end = u64::from(end.offset);
        self.file
            .set_len(end)
            .context(&self.path, "truncate")
            .map_err(|e| StoreError::Stopped(e.to_string()))?;
        self.end = end;
        self.allocated = end;
        self.written_out = self.written_out.min(end);
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

    fn allocate(&mut self, end: u64) {
        if end <= self.allocated {
            return;
        }
        let to = (end + ALLOCATE).min(self.most).max(end);
        // Only a hint: a file system that cannot, or has no such room left, is told by the write itself.
        let _ = rustix::fs::fallocate(
            &self.file,
            FallocateFlags::KEEP_SIZE,
            self.allocated,
            to - self.allocated,
        );
        self.allocated = to;
    }

    fn write_out(&mut self) {
        let bytes = self.end - self.written_out;
        if bytes < WRITE_OUT {
            return;
        }
        // Linux begins to write the dirty pages of the range, and keeps them cached because they are in use.
        let _ = rustix::fs::fadvise(
            &self.file,
            self.written_out,
            std::num::NonZeroU64::new(bytes),
            Advice::DontNeed,
        );
        self.written_out = self.end;
    }

    /// Gives allocated space behind the end back.
    fn release(&mut self) {
        if self.allocated > self.end && self.file.set_len(self.end).is_ok() {
            self.allocated = self.end;
        }
    }
}

impl Drop for FrameFiles {
    fn drop(&mut self) {
        self.release();
    }
}

fn open_or_create(blocks_dir: &Path, path: &Path) -> Result<File, StoreError> {
    let new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .context(path, "open")?;
    if new {
        sync_dir(blocks_dir)?;
    }
    Ok(file)
}
