//! The messages, as values.

use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::message_blockdata::Inventory;
use bytes::Bytes;
use tipward_primitives::{BlockHash, Header, RawBlock};

use super::command::{Command, OTHER_COMMAND};
use crate::addr::Address;

/// One message.
///
/// Every message that can change what this node does is a variant; anything else is [`Message::Unknown`], which keeps
/// its command for the statistics and nothing of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First message of each side.
    Version(Version),
    /// The handshake is over.
    Verack,
    /// Before `verack`: transactions are announced by wtxid (BIP339).
    WtxidRelay,
    /// Before `verack`: addresses may come as `addrv2` (BIP155).
    SendAddrV2,
    /// New blocks may be announced by `headers` (BIP130).
    SendHeaders,
    /// Compact blocks are understood (BIP152).
    SendCompact(SendCompact),
    /// Transactions below this fee rate, in satoshi per 1000 virtual bytes, are not wanted (BIP133).
    FeeFilter(u64),
    /// A request for addresses.
    GetAddr,
    /// Addresses, those of IPv4 and IPv6 only.
    Addr(Vec<AddrEntry>),
    /// Addresses of any network (BIP155). One of a network that this node does not know is [`Address::UNSPECIFIED`].
    AddrV2(Vec<AddrEntry>),
    /// An announcement.
    Inv(Vec<Inventory>),
    /// A request for blocks or transactions.
    GetData(Vec<Inventory>),
    /// The part of a `getdata` that cannot be answered.
    NotFound(Vec<Inventory>),
    /// A request for headers.
    GetHeaders(Locator),
    /// A request for block hashes, older than `getheaders`.
    GetBlocks(Locator),
    /// Headers, each the child of the one before it.
    Headers(Vec<Header>),
    /// A block, still opaque.
    Block(RawBlock),
    /// A transaction, still opaque.
    Tx(TransactionBytes),
    /// A request for the memory pool's transactions (BIP35).
    MemPool,
    /// Asks for a `pong` with the same number.
    Ping(u64),
    /// Answers a `ping`.
    Pong(u64),
    /// Anything else.
    Unknown {
        /// Its command: at most 12 printable ASCII characters.
        command: String,
        /// Size of its payload in bytes.
        size: usize,
    },
}

/// The first message of each side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Highest protocol version that the sender understands.
    pub protocol: i32,
    /// What the sender offers.
    pub services: ServiceFlags,
    /// The sender's clock, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// What the sender believes the receiver offers.
    pub receiver_services: ServiceFlags,
    /// The receiver's address as the sender sees it.
    pub receiver: Address,
    /// Services in the sender's address field; ignored by everybody.
    pub sender_services: ServiceFlags,
    /// The sender's own address; ignored by everybody, and `[::]:0` nowadays.
    pub sender: Address,
    /// Random number by which a node notices that it is talking to itself.
    pub nonce: u64,
    /// Name and version of the software (BIP14), without characters that could play tricks in a log; at most 256 bytes.
    pub user_agent: String,
    /// Height of the sender's tip.
    pub start_height: i32,
    /// Whether the sender wants transactions announced (BIP37). True if the field is missing.
    pub relay: bool,
}

/// How compact blocks are wanted (BIP152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendCompact {
    /// Announce new blocks by compact blocks, unasked.
    pub high_bandwidth: bool,
    /// Version of the encoding.
    pub version: u64,
}

/// One gossiped address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrEntry {
    /// When it was last seen, in seconds since the Unix epoch.
    pub time: u32,
    /// What the node there offers.
    pub services: ServiceFlags,
    /// The address.
    pub addr: Address,
}

/// Where a chain is to be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locator {
    /// Version of the sender's protocol; ignored by everybody.
    pub protocol: u32,
    /// Hashes of blocks that the sender has, from the tip back to genesis, with growing gaps; at most 101.
    pub hashes: Vec<BlockHash>,
    /// Last block wanted; all zero for as many as fit.
    pub stop: BlockHash,
}

/// A serialized transaction that nobody has looked into. Cloning it shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct TransactionBytes(pub Bytes);

impl std::fmt::Debug for TransactionBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TransactionBytes({} bytes)", self.0.len())
    }
}

impl Message {
    /// The command that it has on the wire; [`OTHER_COMMAND`] if it is not one of the protocol's.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::Verack => "verack",
            Self::WtxidRelay => "wtxidrelay",
            Self::SendAddrV2 => "sendaddrv2",
            Self::SendHeaders => "sendheaders",
            Self::SendCompact(_) => "sendcmpct",
            Self::FeeFilter(_) => "feefilter",
            Self::GetAddr => "getaddr",
            Self::Addr(_) => "addr",
            Self::AddrV2(_) => "addrv2",
            Self::Inv(_) => "inv",
            Self::GetData(_) => "getdata",
            Self::NotFound(_) => "notfound",
            Self::GetHeaders(_) => "getheaders",
            Self::GetBlocks(_) => "getblocks",
            Self::Headers(_) => "headers",
            Self::Block(_) => "block",
            Self::Tx(_) => "tx",
            Self::MemPool => "mempool",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Unknown { command, .. } => Command::new(command).known().unwrap_or(OTHER_COMMAND),
        }
    }
}
