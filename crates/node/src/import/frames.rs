//! Finds where blocks lie in a file, and reads no more of it than that takes.
//!
//! A frame is the network's magic, a size, and as many bytes, which begin with a header that has the proof of work that
//! it claims. Whatever lies between frames is passed over, as Bitcoin Core does: the search goes on with the next bytes
//! that are the magic. If a frame is not followed by another one, it may be torn, and the next may begin within it; so the
//! search goes on inside it, and both are given out: whether a block is whole is for its checks to say.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use bitcoin::consensus::Decodable as _;
use tipward_consensus::header::check_proof_of_work;
use tipward_primitives::{Header, MAX_BLOCK_SERIALIZED_SIZE, Params, RawBlock};

use super::source::Source;

/// Bytes before a block: magic and size.
const FRAME_HEAD: u64 = 8;
/// Bytes of a frame that are looked at.
const HEAD: usize = FRAME_HEAD as usize + RawBlock::HEADER_SIZE;
/// Bytes that are read at once: few where blocks are large and passed over, many where they are small or garbage is
/// searched.
const LEAST_WINDOW: usize = 4 << 10;
const MOST_WINDOW: usize = 1 << 20;

/// A block in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) header: Header,
    /// Of the block, behind the frame's head.
    pub(super) offset: u64,
    pub(super) size: u32,
}

/// What a file held besides whole frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Leftovers {
    /// Bytes that are part of no frame.
    pub(super) skipped: u64,
    /// Where a frame begins that the file ends within.
    pub(super) truncated: Option<u64>,
}

/// Goes through a file, front to back.
pub(super) struct Frames<'a> {
    source: &'a Source,
    params: &'a Params,
    file: File,
    len: u64,
    at: u64,
    /// All before this is part of a frame, or counted as skipped.
    covered: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Bytes that the next read takes.
    stride: usize,
    leftovers: Leftovers,
}

impl<'a> Frames<'a> {
    pub(super) fn open(source: &'a Source, params: &'a Params) -> io::Result<Self> {
        let file = File::open(&source.path)?;
        Ok(Self {
            len: file.metadata()?.len(),
            source,
            params,
            file,
            at: 0,
            covered: 0,
            window: Vec::new(),
            window_at: 0,
            stride: LEAST_WINDOW,
            leftovers: Leftovers::default(),
        })
    }

    /// How far the search is.
    pub(super) fn position(&self) -> u64 {
        self.at.min(self.len)
    }

    /// What was passed over so far.
    pub(super) fn leftovers(&self) -> Leftovers {
        self.leftovers
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        while self.at + HEAD as u64 <= self.len {
            let Some(frame) = self.frame_here()? else {
                self.at = self.next_magic(self.at + 1)?;
                continue;
            };
            let end = frame.offset + u64::from(frame.size);
            if end > self.len {
                // Behind a torn block others may follow, and the first of them may begin within it.
                self.leftovers.truncated.get_or_insert(self.at);
                self.at = self.next_magic(self.at + 1)?;
                continue;
            }
            self.leftovers.skipped += self.at.saturating_sub(self.covered);
            self.covered = self.covered.max(end);
            self.leftovers.truncated = None;
            self.at = if self.is_followed(end)? {
                end
            } else {
                frame.offset + RawBlock::HEADER_SIZE as u64
            };
            return Ok(Some(frame));
        }
        if self.covered < self.len && !self.is_empty_from(self.covered)? {
            self.leftovers.skipped += self.len - self.covered;
        }
        self.covered = self.len;
        self.at = self.len;
        Ok(None)
    }

    /// Whether nothing was ever written from `at` on: Bitcoin Core makes its last file larger than what it holds.
    fn is_empty_from(&mut self, mut at: u64) -> io::Result<bool> {
        self.window.resize(MOST_WINDOW, 0);
        self.window_at = self.len;
        while at < self.len {
            let left = usize::try_from(self.len - at).unwrap_or(usize::MAX);
            let window = &mut self.window[..left.min(MOST_WINDOW)];
            self.file.read_exact_at(window, at)?;
            if window.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += window.len() as u64;
        }
        Ok(true)
    }

    fn frame_here(&mut self) -> io::Result<Option<Frame>> {
        let (magic, params) = (self.params.magic, self.params);
        let offset = self.at + FRAME_HEAD;
        let head = self.bytes(self.at, HEAD)?;
        let ([m0, m1, m2, m3, s0, s1, s2, s3], mut header) = split(head);
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        let sizes = RawBlock::HEADER_SIZE..=MAX_BLOCK_SERIALIZED_SIZE;
        if [m0, m1, m2, m3] != magic || !sizes.contains(&(size as usize)) {
            return Ok(None);
        }
        let header = Header::consensus_decode(&mut header).ok();
        let has_work = |h: &Header| check_proof_of_work(params, h.block_hash(), h.bits).is_ok();
        Ok(header.filter(has_work).map(|header| Frame {
            header,
            offset,
            size,
        }))
    }

    /// Whether another frame may begin at `end`, or the file ends there.
    fn is_followed(&mut self, end: u64) -> io::Result<bool> {
        let magic = self.params.magic;
        Ok(end + 4 > self.len || self.bytes(end, 4)? == magic)
    }

    /// The first offset from `from` on at which the magic lies; the end of the file if there is none.
    fn next_magic(&mut self, from: u64) -> io::Result<u64> {
        let magic = self.params.magic;
        let mut at = from;
        while at + 4 <= self.len {
            let window_end = self.window_at + self.window.len() as u64;
            if at < self.window_at || at + 4 > window_end {
                self.fill(at, 4)?;
            }
            let rest = &self.window[(at - self.window_at) as usize..];
            match rest.windows(4).position(|w| w == magic) {
                Some(found) => return Ok(at + found as u64),
                // The last three bytes may begin one.
                None => at += rest.len() as u64 - 3,
            }
        }
        Ok(self.len)
    }

    /// Bytes of the file, decoded; `at + len` is within it.
    fn bytes(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let window_end = self.window_at + self.window.len() as u64;
        if at < self.window_at || at + len as u64 > window_end {
            self.fill(at, len)?;
        }
        let from = (at - self.window_at) as usize;
        Ok(&self.window[from..from + len])
    }

    fn fill(&mut self, at: u64, least: usize) -> io::Result<()> {
        let window_end = self.window_at + self.window.len() as u64;
        let goes_on = (self.window_at..=window_end).contains(&at);
        self.stride = if goes_on {
            (self.stride * 2).min(MOST_WINDOW)
        } else {
            LEAST_WINDOW
        };
        let left = usize::try_from(self.len - at).unwrap_or(usize::MAX);
        self.window.resize(self.stride.max(least).min(left), 0);
        self.window_at = at;
        self.file.read_exact_at(&mut self.window, at)?;
        self.source.decode(at, &mut self.window);
        Ok(())
    }
}

fn split(head: &[u8]) -> ([u8; 8], &[u8]) {
    let (frame, header) = head
        .split_first_chunk::<8>()
        .expect("88 bytes begin with 8");
    (*frame, header)
}

#[cfg(test)]
mod tests;
