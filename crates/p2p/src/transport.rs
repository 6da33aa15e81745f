//! The small face between messages and a connection's bytes.
//!
//! A transport is two halves that share nothing, so that one task can read while another writes. Version 1 (plain
//! frames) stands behind it. Version 2 (BIP324) fits the same face: its reader has bytes of its own to send during the
//! key exchange, which [`MessageReader::pending_output`] is for, and its writer holds messages back until that is over.

#[cfg(test)]
mod tests;

use bytes::buf::Limit;
use bytes::{Bytes, BytesMut};

use crate::wire::{
    EncodedFrame, FrameDecoder, Message, WireError, decode_frame, encode_block_frame, encode_frame,
};

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// Its size on the wire in bytes, frame included.
    pub size: usize,
}

/// The reading half of a connection: bytes in, messages out.
pub trait MessageReader: Send {
    /// Where the next bytes from the socket go; see [`FrameDecoder::buffer`]. Call [`MessageReader::next_message`]
    /// until it gives nothing before asking for it again.
    fn buffer(&mut self) -> Limit<&mut BytesMut>;

    /// The next complete message.
    ///
    /// # Errors
    /// See [`WireError::consequence`]: if the error can be ignored, go on; otherwise stop reading.
    fn next_message(&mut self) -> Result<Option<Received>, WireError>;

    /// Bytes of an unfinished message that have come so far.
    fn partial(&self) -> usize;

    /// Bytes that the transport itself wants to send, before anything else.
    fn pending_output(&mut self) -> Option<Bytes> {
        None
    }
}

/// The writing half of a connection: messages in, bytes out.
pub trait MessageWriter: Send {
    /// The bytes of a message.
    fn encode(&mut self, message: &Message) -> EncodedFrame;

    /// The bytes of a `block` message with a payload that comes straight from a file.
    fn encode_block(&mut self, block: Bytes) -> EncodedFrame;
}

/// The reading half of version 1.
#[derive(Debug)]
pub struct V1Reader(FrameDecoder);

impl V1Reader {
    /// A reader for a network with these first four bytes.
    pub fn new(magic: [u8; 4]) -> Self {
        Self(FrameDecoder::new(magic))
    }
}

impl MessageReader for V1Reader {
    fn buffer(&mut self) -> Limit<&mut BytesMut> {
        self.0.buffer()
    }

    fn next_message(&mut self) -> Result<Option<Received>, WireError> {
        let Some(frame) = self.0.next_frame()? else {
            return Ok(None);
        };
        let size = frame.size();
        let message = decode_frame(frame)?;
        Ok(Some(Received { message, size }))
    }

    fn partial(&self) -> usize {
        self.0.partial()
    }
}

/// The writing half of version 1.
#[derive(Clone, Debug)]
pub struct V1Writer {
    magic: [u8; 4],
}

impl V1Writer {
    /// A writer for a network with these first four bytes.
    pub fn new(magic: [u8; 4]) -> Self {
        Self { magic }
    }
}

impl MessageWriter for V1Writer {
    fn encode(&mut self, message: &Message) -> EncodedFrame {
        encode_frame(self.magic, message)
    }

    fn encode_block(&mut self, block: Bytes) -> EncodedFrame {
        encode_block_frame(self.magic, block)
    }
}
