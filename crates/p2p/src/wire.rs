//! Bitcoin's messages and how they stand on the wire.

mod error;
mod message;

pub use bitcoin::p2p::ServiceFlags;
pub use bitcoin::p2p::message_blockdata::Inventory;
pub use error::{Consequence, DecodeError, WireError};
pub use message::{
    AddrEntry, Locator, Message, OTHER_COMMAND, SendCompact, TransactionBytes, Version,
};

/// The largest payload that is accepted, in bytes (as in Bitcoin Core). A block of the most weight that consensus allows
/// just fits.
pub const MAX_PAYLOAD_SIZE: usize = 4_000_000;
