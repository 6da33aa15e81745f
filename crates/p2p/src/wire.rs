//! Bitcoin's messages and how they stand on the wire.
//!
//! ```text
//! socket -> FrameDecoder::buffer -> next_frame -> decode_frame -> Message
//!                                                                   Message -> encode_frame -> socket
//! ```
//!
//! Every length is checked before anything is reserved for it. What is wrong with a message and what follows from that
//! is a [`WireError`] and its [`Consequence`], as in Bitcoin Core.

mod command;
mod decode;
mod encode;
mod error;
mod frame;
mod message;
mod reader;

#[cfg(test)]
mod tests;

pub use bitcoin::p2p::ServiceFlags;
pub use bitcoin::p2p::message_blockdata::Inventory;
pub use command::{Command, OTHER_COMMAND};
pub use decode::decode_frame;
pub use encode::{EncodedFrame, encode_block_frame, encode_frame};
pub use error::{Consequence, DecodeError, WireError};
pub use frame::{Frame, FrameDecoder, HEADER_SIZE};
pub use message::{AddrEntry, Locator, Message, SendCompact, TransactionBytes, Version};

/// The largest payload that is accepted, in bytes (as in Bitcoin Core). A block of the most weight that consensus allows
/// just fits.
pub const MAX_PAYLOAD_SIZE: usize = 4_000_000;
/// Most headers in one message.
pub const MAX_HEADERS: usize = 2_000;
/// Most entries in an `inv`, `getdata` or `notfound`.
pub const MAX_INV: usize = 50_000;
/// Most addresses in one message.
pub const MAX_ADDR: usize = 1_000;
/// Most block hashes in a locator.
pub const MAX_LOCATOR: usize = 101;
/// Most bytes of a user agent (BIP14).
pub const MAX_USER_AGENT: usize = 256;
