//! What the RPC room needs of a node: [`Backend`] and the plain values that cross it.
//!
//! Everything here is either already at hand (the view of the chain, the clock) or asked for and awaited ([`Answer`]):
//! no method of this trait may wait for a block to be validated, but for [`Backend::submit_block`] and
//! [`Backend::submit_header`], whose whole point is the verdict. The node may therefore answer from its network driver
//! with one message there and one back.

mod network;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tipward_chain::{ChainView, Fault};
use tipward_consensus::Reject;
use tipward_primitives::{BlockHash, Header, Height, RawBlock, Timestamp};
use tipward_store::StoreError;
use tokio::sync::watch;

pub use network::{
    AddedNode, ConnectionType, LocalAddress, NetworkName, NetworkReach, NetworkSnapshot,
    NodeAddress, PeerInfo, TransportType, UploadTarget,
};

/// An answer that comes later. It may be dropped before it is there (the client has gone away).
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A node as seen by its RPC server.
pub trait Backend: Send + Sync + 'static {
    /// The newest published view of the chain. Never waits.
    fn view(&self) -> Arc<ChainView>;

    /// The active chain's tip; its value changes only after [`Self::view`] shows the new tip.
    fn tip(&self) -> watch::Receiver<TipRef>;

    /// Reads a stored block, header first. Blocks the thread on the disk: the server calls it on a thread made for
    /// that. `Ok(None)` if the block is not stored.
    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError>;

    /// Bytes that the block files take on disk.
    fn size_on_disk(&self) -> u64;

    /// Warnings that the user should see, newest last; empty if all is well.
    fn warnings(&self) -> Vec<String>;

    /// The node's time: the wall clock, or what `setmocktime` said.
    fn now(&self) -> Timestamp;

    /// How long the process has been running, on the real clock.
    fn uptime(&self) -> Duration;

    /// The log file, if one is written.
    fn log_path(&self) -> Option<PathBuf>;

    /// The state of the network side: peers, totals, local addresses, added nodes. What a peer sent before its last
    /// pong is seen in it.
    fn network(&self) -> Answer<NetworkSnapshot>;

    /// Up to `count` known addresses, shuffled, of one network or of all; `None` for all of them.
    fn node_addresses(
        &self,
        count: Option<usize>,
        network: Option<NetworkName>,
    ) -> Answer<Vec<NodeAddress>>;

    /// Tells the network side to do something; the answer comes when it has been taken up.
    fn command(&self, command: Command) -> Answer<Result<(), Refused>>;

    /// Offers a header to the header tree. A header whose parent is unknown is refused with
    /// [`tipward_consensus::RejectKind::MissingPrev`].
    fn submit_header(&self, header: Header) -> Answer<Result<(), SubmitHeaderError>>;

    /// Offers a block; the answer is the verdict.
    fn submit_block(&self, block: RawBlock) -> Answer<SubmitBlockOutcome>;

    /// Waits until all that the node had accepted when this was called can be seen through this trait.
    fn sync(&self) -> Answer<()>;

    /// Stops the node's clock at a number of seconds since the Unix epoch, or lets it run again. The answer comes when
    /// every timer follows. Called on regtest only.
    fn set_mock_time(&self, time: Option<u32>) -> Answer<()>;

    /// Begins an orderly shutdown; returns at once.
    fn stop(&self);
}

/// A block of the active chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TipRef {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
}

/// Something for the network side to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Keep a connection to this `host[:port]` (`addnode add`).
    AddNode(String),
    /// Forget an added node, named as it was added (`addnode remove`).
    RemoveNode(String),
    /// Try one manual connection to this `host[:port]` (`addnode onetry`).
    TryNode(String),
    /// Open one connection of a kind to `address:port` (`addconnection`, regtest only).
    OpenConnection {
        /// Where to.
        address: String,
        /// What kind; an outbound one other than manual.
        kind: ConnectionType,
    },
    /// Drop the connection with this id.
    DisconnectId(u64),
    /// Drop the connection to this `address:port`, written as in `getpeerinfo`.
    DisconnectAddress(String),
    /// Ping every peer now.
    PingAll,
    /// Allow or end all network activity.
    SetNetworkActive(bool),
    /// Put an address into the address manager (`addpeeraddress`), with services network and witness, seen now, its
    /// own source.
    AddPeerAddress {
        /// IPv4, IPv6, `.onion`, `.b32.i2p` address without port.
        address: String,
        /// Its port.
        port: u16,
        /// Straight on into the tried table.
        tried: bool,
    },
}

/// Why a [`Command`] was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// [`Command::AddNode`] of a node that was added before.
    #[error("node already added")]
    AlreadyAdded,
    /// [`Command::RemoveNode`] of a node that was not added.
    #[error("node was not added")]
    NotAdded,
    /// No such connection.
    #[error("no such connection")]
    NotConnected,
    /// No room for another connection of this kind.
    #[error("no room for another connection of this kind")]
    AtCapacity,
    /// This is not an address.
    #[error("not an address")]
    InvalidAddress,
    /// The address manager's new table did not take the address.
    #[error("the new table did not take the address")]
    NewTableFull,
    /// The address manager's tried table did not take the address, the new one did.
    #[error("the tried table did not take the address")]
    TriedTableFull,
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// Why a submitted header was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitHeaderError {
    /// It breaks a rule, or its parent is unknown.
    #[error(transparent)]
    Refused(#[from] Reject),
    /// Our own failure.
    #[error(transparent)]
    Failed(#[from] Fault),
}

/// What became of a submitted block.
#[derive(Clone, Debug)]
pub enum SubmitBlockOutcome {
    /// Accepted, and it is part of the active chain now.
    Accepted,
    /// We had it.
    Duplicate,
    /// Accepted, but it is not part of the active chain, so that not everything was checked.
    Inconclusive,
    /// It breaks a rule.
    Refused(Reject),
    /// Our own failure.
    Failed(Fault),
}
