//! The v1 frame: magic, command, size, checksum, payload.
//!
//! # How a block gets from the socket into one buffer
//! The decoder owns the buffer that the socket is read into ([`FrameDecoder::buffer`]). As long as messages are small,
//! that is a chunk of [`CHUNK`] bytes which takes whatever the socket has, often many messages at once; each payload is
//! then a slice of it. When a header announces a payload that does not fit, the few bytes of it that have come already
//! move to a buffer of its own, and from then on the socket is read straight into that one, no further than the
//! payload's end. When it is complete, it is frozen into [`Bytes`]: nobody ever copies it.
//!
//! A header can announce 4 MB and nothing may follow. So a payload's buffer starts at [`FIRST_RESERVE`] and doubles as
//! it fills: a peer makes us hold at most twice what it sent, plus that. (Vectors of this size grow by moving pages, not
//! bytes, where the allocator can.)
//!
//! The checksum is computed as bytes arrive, while they are in the cache, so that it is ready with the last one. A block's
//! is not: its header commits to every byte of it, and whoever checks that compares the checksum only if it does not hold
//! ([`RawBlock::came_as_sent`]). That saves a third of all hashing.

use bytes::buf::Limit;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tipward_primitives::{Checksum, RawBlock};

use super::encode::checksum;
use super::{Command, MAX_PAYLOAD_SIZE, WireError};

/// Bytes of a frame's header.
pub const HEADER_SIZE: usize = 24;

/// Bytes that are read at once while messages are small.
const CHUNK: usize = 32 * 1024;

/// Bytes reserved for a large payload when its header has come.
const FIRST_RESERVE: usize = 256 * 1024;

/// A frame whose magic, size, command and, but for a block, checksum are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub command: Command,
    /// The payload.
    pub payload: Bytes,
    /// The payload's checksum, as the frame announces it.
    pub checksum: Checksum,
}

impl Frame {
    /// Bytes on the wire, header included.
    pub fn size(&self) -> usize {
        HEADER_SIZE + self.payload.len()
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct FrameDecoder {
    magic: [u8; 4],
    buf: BytesMut,
    /// The frame whose payload is on its way. `buf` then starts with that payload.
    pending: Option<Pending>,
    failed: Option<WireError>,
}

#[derive(Debug)]
struct Pending {
    command: Command,
    size: usize,
    announced: Checksum,
    /// `None` for a block.
    hasher: Option<Sha256>,
    /// How many bytes of the payload are in `hasher`.
    hashed: usize,
    /// `buf` holds nothing but this payload.
    own_buffer: bool,
}

impl FrameDecoder {
    /// A decoder for a network with these first four bytes.
    pub fn new(magic: [u8; 4]) -> Self {
        Self {
            magic,
            buf: BytesMut::new(),
            pending: None,
            failed: None,
        }
    }

    /// Where the next bytes from the socket go. It always has room, and never more than the decoder can use; append
    /// what the socket has, then ask for [`FrameDecoder::next_frame`] until there is none.
    ///
    /// ```
    /// # use bytes::BufMut as _;
    /// # let mut decoder = tipward_p2p::wire::FrameDecoder::new(*b"\xf9\xbe\xb4\xd9");
    /// // With tokio: `socket.read_buf(&mut decoder.buffer()).await?`
    /// decoder.buffer().put_slice(b"\xf9\xbe\xb4\xd9");
    /// assert_eq!(decoder.next_frame(), Ok(None));
    /// ```
    pub fn buffer(&mut self) -> Limit<&mut BytesMut> {
        let room = match &self.pending {
            Some(pending) if pending.own_buffer => {
                let missing = pending.size - self.buf.len();
                if self.buf.len() == self.buf.capacity() {
                    let more = self.buf.len().max(FIRST_RESERVE);
                    self.buf.reserve(more.min(missing));
                }
                missing
            }
            // Whole frames have been cut off the front already, so what is left is less than a chunk.
            _ => {
                if self.buf.capacity() - self.buf.len() < CHUNK / 8 {
                    self.buf.reserve(CHUNK);
                }
                usize::MAX
            }
        };
        let room = room.min(self.buf.capacity() - self.buf.len());
        (&mut self.buf).limit(room)
    }

    /// Bytes of an unfinished message that have come so far, header included.
    pub fn partial(&self) -> usize {
        self.buf.len() + self.pending.as_ref().map_or(0, |_| HEADER_SIZE)
    }

    /// The next complete frame, if there is one.
    ///
    /// # Errors
    /// See [`WireError::consequence`]: after an error that can be ignored, the next call goes on behind the bad frame.
    /// After any other every call gives the same error again, for the stream cannot be followed any more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.pending.is_none() {
            let Some(header) = self.buf.first_chunk::<HEADER_SIZE>() else {
                return Ok(None);
            };
            let pending = Pending::parse(self.magic, header).inspect_err(|error| {
                self.failed = Some(error.clone());
            })?;
            self.buf.advance(HEADER_SIZE);
            self.pending = Some(pending);
        }
        let Some(pending) = &mut self.pending else {
            return Ok(None);
        };

        let arrived = self.buf.len().min(pending.size);
        if let Some(hasher) = &mut pending.hasher {
            hasher.update(&self.buf[pending.hashed..arrived]);
        }
        pending.hashed = arrived;
        if arrived < pending.size {
            if !pending.own_buffer && pending.size > CHUNK / 8 {
                let mut own = BytesMut::with_capacity(pending.size.min(FIRST_RESERVE.max(arrived)));
                own.extend_from_slice(&self.buf);
                self.buf = own;
                pending.own_buffer = true;
            }
            return Ok(None);
        }

        let payload = self.buf.split_to(pending.size).freeze();
        let Some(pending) = self.pending.take() else {
            return Ok(None);
        };
        if pending.own_buffer {
            self.buf = BytesMut::new();
        }
        pending.finish(payload).map(Some)
    }
}

impl Pending {
    fn parse(magic: [u8; 4], header: &[u8; HEADER_SIZE]) -> Result<Self, WireError> {
        let mut fields = &header[..];
        let mut start = [0; 4];
        fields.copy_to_slice(&mut start);
        let mut command = [0; 12];
        fields.copy_to_slice(&mut command);
        let command = Command::from_bytes(command);
        let size = fields.get_u32_le();
        let mut announced = [0; 4];
        fields.copy_to_slice(&mut announced);

        if start != magic {
            return Err(WireError::WrongMagic(start));
        }
        if size as usize > MAX_PAYLOAD_SIZE {
            return Err(WireError::Oversized {
                command: command.to_string(),
                size,
            });
        }
        let is_block = command.known() == Some("block") && size as usize >= RawBlock::HEADER_SIZE;
        Ok(Self {
            command,
            size: size as usize,
            announced,
            hasher: (!is_block).then(Sha256::new),
            hashed: 0,
            own_buffer: false,
        })
    }

    fn finish(self, payload: Bytes) -> Result<Frame, WireError> {
        let actual = self.hasher.map(|hasher| checksum(hasher.finalize().into()));
        if let Some(actual) = actual
            && actual != self.announced
        {
            return Err(WireError::WrongChecksum {
                command: self.command.to_string(),
                size: self.size,
                actual,
                announced: self.announced,
            });
        }
        if !self.command.is_valid() {
            return Err(WireError::InvalidCommand {
                command: self.command.to_string(),
                size: self.size,
            });
        }
        Ok(Frame {
            command: self.command,
            payload,
            checksum: self.announced,
        })
    }
}
