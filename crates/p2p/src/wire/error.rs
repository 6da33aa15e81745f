//! What can be wrong with bytes from a peer.

/// What follows from a [`WireError`]; as Bitcoin Core has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The message is passed over and the connection goes on.
    Ignore,
    /// The connection is closed: the stream cannot be followed any further, or the peer needs no second chance.
    Disconnect,
    /// The connection is closed and its address discouraged.
    Misbehaving,
}

/// Bytes from a peer that are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The frame does not start with the network's four bytes.
    #[error("wrong message start {}", hex(.0))]
    WrongMagic([u8; 4]),
    /// The frame announces more than [`super::MAX_PAYLOAD_SIZE`] bytes.
    #[error("message size too large ({command}, {size} bytes)")]
    Oversized {
        /// Command of the frame, printable characters only.
        command: String,
        /// Announced size of the payload in bytes.
        size: u32,
    },
    /// The payload's checksum is not what the frame says.
    #[error("wrong checksum ({command}, {size} bytes), expected {} was {}", hex(.actual), hex(.announced))]
    WrongChecksum {
        /// Command of the frame, printable characters only.
        command: String,
        /// Size of the payload in bytes.
        size: usize,
        /// The first four bytes of the payload's double SHA-256.
        actual: [u8; 4],
        /// What the frame said.
        announced: [u8; 4],
    },
    /// The command has a character that no command may have.
    #[error("invalid message type ({command}, {size} bytes)")]
    InvalidCommand {
        /// Command of the frame, printable characters only.
        command: String,
        /// Size of the payload in bytes.
        size: usize,
    },
    /// The payload is not what the command says.
    #[error("malformed {command} message ({size} bytes): {error}")]
    Malformed {
        /// Command of the frame.
        command: &'static str,
        /// Size of the payload in bytes.
        size: usize,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The payload is a list with more elements than the protocol allows.
    #[error("{command} message size = {count}")]
    TooMany {
        /// Command of the frame.
        command: &'static str,
        /// Announced number of elements.
        count: u64,
    },
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It ends too early.
    #[error("end of data")]
    EndOfData,
    /// A length is not written in the shortest way.
    #[error("non-canonical length")]
    NonCanonicalLength,
    /// A string or a list is longer than it may be.
    #[error("length {0} exceeds the limit")]
    TooLong(u64),
    /// An address's length does not fit its network (BIP155).
    #[error("address of network {network} with length {length}")]
    AddressLength {
        /// Network id.
        network: u8,
        /// Announced length in bytes.
        length: u64,
    },
}

impl WireError {
    /// What follows from it.
    ///
    /// A frame whose magic or size is wrong cannot be passed over: nothing tells where the next one starts. A wrong
    /// checksum or a malformed payload costs only itself, because it may be damage on the way or a message of a newer
    /// protocol. A list beyond the protocol's limit is neither.
    pub fn consequence(&self) -> Consequence {
        match self {
            Self::WrongMagic(_) | Self::Oversized { .. } => Consequence::Disconnect,
            Self::WrongChecksum { .. } | Self::InvalidCommand { .. } | Self::Malformed { .. } => {
                Consequence::Ignore
            }
            // Core closes the connection on a locator that is too long, but does not hold it against the address.
            Self::TooMany { command, .. } if matches!(*command, "getheaders" | "getblocks") => {
                Consequence::Disconnect
            }
            Self::TooMany { .. } => Consequence::Misbehaving,
        }
    }
}

fn hex(bytes: &[u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(*bytes))
}
