//! The machine's whole vocabulary: [`Input`] in, [`Action`] out.

use tipward_chain::{BlockJob, BlockMark, BlockVerdict, ChainEvent};
use tipward_primitives::{BlockHash, Header, RawBlock, Timestamp};

use crate::addr::Address;
use crate::banman::Subnet;
pub(crate) use crate::conn::{ConnKind, PeerId, Target};
use crate::wire::{Message, WireError};

/// How bytes are framed on a connection. Version 2 (BIP324) will be a further variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Plain frames with a checksum.
    V1,
}

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A connection stands: one that we asked for by [`Action::Connect`], or one that was accepted (its id taken from
    /// `Machine::new_peer_id`).
    Connected {
        /// The connection.
        peer: PeerId,
        /// The other end.
        addr: Address,
        /// Our own end, if known.
        local: Option<Address>,
        /// Why it exists.
        kind: ConnKind,
    },
    /// A connection that we asked for did not come to stand.
    ConnectFailed {
        /// The connection.
        peer: PeerId,
        /// What the system said.
        error: String,
    },
    /// A whole, well-formed message arrived.
    Message {
        /// From whom.
        peer: PeerId,
        /// The message.
        message: Message,
        /// Its size on the wire in bytes, frame included.
        size: usize,
    },
    /// Bytes arrived that are no message; the connection's reader has stopped if they cannot be passed over.
    Malformed {
        /// From whom.
        peer: PeerId,
        /// What was wrong.
        error: WireError,
    },
    /// Part of a message arrived: progress on a large block, for judging who stalls. At most a few times a second.
    Receiving {
        /// From whom.
        peer: PeerId,
        /// Bytes received since the last report.
        bytes: usize,
    },
    /// Bytes left for a peer.
    Sent {
        /// To whom.
        peer: PeerId,
        /// Command of the message.
        command: &'static str,
        /// Its size on the wire in bytes, frame included.
        size: usize,
        /// Bytes still queued for this peer.
        queued: usize,
    },
    /// The connection is gone, whoever closed it. Nothing comes from this peer after it.
    Disconnected {
        /// Who.
        peer: PeerId,
        /// What the system said.
        error: Option<String>,
    },
    /// The verdict on a [`Action::CheckBlock`].
    Verdict(BlockVerdict),
    /// What connecting has come to: the answer to [`Action::Goal`].
    Chain(ChainEvent),
    /// The answer to [`Action::ReadBlock`]: the message is on its way to the peer, or the block could not be read.
    BlockServed {
        /// For whom.
        peer: PeerId,
        /// Which block.
        hash: BlockHash,
        /// Whether it could be read.
        found: bool,
    },
    /// The answer to [`Action::Resolve`].
    Resolved {
        /// The name that was asked for.
        name: String,
        /// The addresses, possibly none.
        addrs: Vec<Address>,
    },
    /// The user, or a program of the user's, wants something.
    Command(Command),
    /// Time passed; sent at the latest when `Machine::next_wakeup` said, and after every change of a mocked clock.
    Tick,
}

/// What a user can tell the machine.
#[derive(Debug)]
pub enum Command {
    /// `addnode add`.
    AddNode(String),
    /// `addnode remove`.
    RemoveNode(String),
    /// `addnode onetry`, and `addconnection` with another kind.
    Connect(String, ConnKind),
    /// `disconnectnode`.
    Disconnect(PeerId),
    /// `ping`: ping every peer now.
    PingAll,
    /// `setnetworkactive`.
    SetNetworkActive(bool),
    /// `setban add`: no connection with these addresses until then; those that stand end.
    Ban {
        /// The addresses.
        subnet: Subnet,
        /// When the ban ends.
        until: Timestamp,
    },
    /// `setban remove`, of exactly this.
    Unban(Subnet),
    /// `clearbanned`.
    ClearBans,
    /// `addpeeraddress`.
    AddPeerAddress {
        /// The address.
        addr: Address,
        /// Straight into the tried table.
        tried: bool,
    },
}

/// Something to do. Actions for one peer must be carried out in order.
#[derive(Debug)]
pub enum Action {
    /// Open a connection.
    Connect {
        /// Its id.
        peer: PeerId,
        /// Where to.
        target: Target,
        /// Why.
        kind: ConnKind,
        /// How.
        transport: Transport,
    },
    /// Close a connection (or give up opening it); [`Input::Disconnected`] answers.
    Disconnect {
        /// Which.
        peer: PeerId,
        /// Why, for the log.
        reason: DisconnectReason,
    },
    /// Send a message.
    Send {
        /// To whom.
        peer: PeerId,
        /// What.
        message: Message,
    },
    /// Stop or go on reading from a peer: its messages wait for something that it sent before.
    SetReading {
        /// Who.
        peer: PeerId,
        /// Whether to read.
        reading: bool,
    },
    /// Check a block's body and store it; [`Input::Verdict`] answers.
    CheckBlock {
        /// What is asked.
        job: BlockJob,
        /// The block.
        block: RawBlock,
    },
    /// The candidate changed: have validation connect the way to the candidate of the chain as it is now, under this
    /// number. Numbers grow; a goal takes the place of the one before it. [`Input::Chain`] answers.
    Goal(u64),
    /// Keep for the next run that a block was found invalid, or that this was taken back; in the order given.
    MarkBlock(BlockHash, BlockMark),
    /// Append headers, parents first, to the header log.
    PersistHeaders(Vec<Header>),
    /// Read a stored block and send it to a peer; [`Input::BlockServed`] answers.
    ReadBlock {
        /// For whom.
        peer: PeerId,
        /// Which block.
        hash: BlockHash,
        /// With its witnesses, or stripped of them.
        witness: bool,
    },
    /// Look a name up.
    Resolve {
        /// The host name.
        name: String,
        /// Port for the addresses found.
        port: u16,
    },
    /// The chain's tip, best header or a block's state changed: publish a new view to readers. Comes before the
    /// actions that let anybody see the change (a pong, an announcement).
    Publish,
    /// Tell people. The driver writes it to the log; the machine has no log sink of its own.
    Log(crate::event::Event),
    /// Our own disk or clock failed for good: stop the node with this error.
    Halt(String),
}

/// Why a connection was closed by us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisconnectReason {
    /// The user said so.
    #[error("asked to by the user")]
    Requested,
    /// Something took too long.
    #[error("timeout: {0}")]
    Timeout(&'static str),
    /// It delivered blocks too slowly to keep the window moving.
    #[error("stalling block download: {0}")]
    Stalling(String),
    /// It broke the protocol.
    #[error("misbehaving: {0}")]
    Misbehaving(String),
    /// It did something that the protocol does not allow, but that honest software has been seen to do: its address is
    /// not discouraged.
    #[error("protocol violation: {0}")]
    Protocol(String),
    /// It is this node itself.
    #[error("connected to self")]
    SelfConnection,
    /// It lacks services that we need.
    #[error("does not offer the expected services")]
    Services,
    /// Its protocol version is too old.
    #[error("obsolete protocol version {0}")]
    ObsoleteVersion(u32),
    /// It made room for another peer.
    #[error("evicted in favour of another peer")]
    Evicted,
    /// There was no room for it.
    #[error("no room for another connection")]
    Full,
    /// Its address is banned or discouraged.
    #[error("banned or discouraged")]
    Banned,
    /// A short connection has served its purpose.
    #[error("done")]
    Done,
    /// It asked for an old block, and we have sent enough for today.
    #[error("historical block serving limit reached")]
    UploadTarget,
    /// It asked for a block that we do not promise to have.
    #[error("asked for a block below the limit of NODE_NETWORK_LIMITED")]
    BeyondLimit,
    /// Its chain is not ours.
    #[error("its chain has less work than ours")]
    BadChain,
}
