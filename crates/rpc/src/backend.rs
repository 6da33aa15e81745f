//! What the RPC room needs of a node: [`Backend`] and the plain values that cross it.
//!
//! Everything here is either already at hand (the view of the chain, the clock) or asked for and awaited ([`Answer`]):
//! no method of this trait may wait for a block to be validated, but for those whose whole point is the verdict
//! ([`Backend::submit_block`], [`Backend::submit_header`], [`Backend::test_block`], [`Backend::judge_block`]). The node may
//! therefore answer the others from its network driver with one message there and one back.

mod coins;
mod network;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tipward_chain::{ChainView, Fault};
use tipward_consensus::{Reject, ScriptFlags};
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::{BlockHash, Header, Height, RawBlock, Timestamp};
use tipward_store::StoreError;
use tokio::sync::watch;

pub use coins::{BlockUndo, CoinRef, CoinSet, CoinValue};
pub use network::{
    AddedNode, AddressCount, BanInfo, ConnectionType, LocalAddress, NetworkName, NetworkReach,
    NetworkSnapshot, NodeAddress, PeerInfo, TransportType, UploadTarget,
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

    /// Reads the coins that a block spends, on the disk as [`Self::read_block`] does. `Ok(None)` if there is no undo data:
    /// the block was never part of the active chain, or it is the genesis block.
    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault>;

    /// Looks for an unspent output; gives the tip at which it was looked for, too.
    fn coin(&self, outpoint: OutPoint) -> Answer<Result<(TipRef, Option<CoinValue>), Fault>>;

    /// All coins after the newest block that is validated now.
    fn coin_set(&self) -> Answer<Result<Box<dyn CoinSet>, Fault>>;

    /// Bytes that the block and undo files take on disk.
    fn size_on_disk(&self) -> u64;

    /// How old blocks are deleted to save space; `None` if they are not.
    fn pruning(&self) -> Option<Pruning>;

    /// Deletes the files that hold nothing above a height. The answer comes when [`Self::view`] shows it.
    fn prune(&self, height: Height) -> Answer<Result<(), Fault>>;

    /// Warnings that the user should see, newest last; empty if all is well.
    fn warnings(&self) -> Vec<String>;

    /// The node's time: the wall clock, or what `setmocktime` said.
    fn now(&self) -> Timestamp;

    /// How long the process has been running, on the real clock.
    fn uptime(&self) -> Duration;

    /// The log file, if one is written.
    fn log_path(&self) -> Option<PathBuf>;

    /// What is published by ZMQ.
    fn zmq_notifications(&self) -> Vec<ZmqNotification>;

    /// The parts of the node that can be logged in more detail, by name in alphabetical order, and whether they are.
    fn log_details(&self) -> Vec<(&'static str, bool)>;

    /// Logs a part of the node (`all` or `1` for every part) in more detail, or no longer. False if there is no such part.
    fn set_log_detail(&self, part: &str, detailed: bool) -> bool;

    /// The bans that are in force, ordered by address.
    fn bans(&self) -> Answer<Vec<BanInfo>>;

    /// The state of the network side: peers, totals, local addresses, added nodes. What a peer sent before its last
    /// pong is seen in it.
    fn network(&self) -> Answer<NetworkSnapshot>;

    /// Up to `count` known addresses, shuffled, of one network or of all; `None` for all of them.
    fn node_addresses(
        &self,
        count: Option<usize>,
        network: Option<NetworkName>,
    ) -> Answer<Vec<NodeAddress>>;

    /// How many addresses of each network are known; a network that is not named has none.
    fn address_counts(&self) -> Answer<Vec<AddressCount>>;

    /// Tells the network side to do something; the answer comes when it has been taken up.
    fn command(&self, command: Command) -> Answer<Result<(), Refused>>;

    /// Offers a header to the header tree. A header whose parent is unknown is refused with
    /// [`tipward_consensus::RejectKind::MissingPrev`].
    fn submit_header(&self, header: Header) -> Answer<Result<(), SubmitError>>;

    /// Offers a block; the answer is the verdict, scripts included.
    fn submit_block(&self, block: RawBlock) -> Answer<SubmitBlockOutcome>;

    /// Checks all of a block that stands on the tip, as if it were connected, and changes nothing. Its proof of work need
    /// not be there.
    fn test_block(&self, block: RawBlock) -> Answer<Result<(), SubmitError>>;

    /// Runs all scripts of a block with the coins that it spends, under the rules given, and checks a signet's block
    /// solution. Blocks the thread until it is done.
    fn check_scripts(
        &self,
        block: &RawBlock,
        spent: &BlockUndo,
        flags: ScriptFlags,
    ) -> Result<(), SubmitError>;

    /// Has the user's word on a block that is in the header tree override our own. The answer comes when the active
    /// chain follows it.
    fn judge_block(&self, hash: BlockHash, judgement: Judgement) -> Answer<Result<(), Fault>>;

    /// Asks one peer for a block whose header is known and which is not stored. The answer comes when it has been asked.
    fn fetch_block(&self, hash: BlockHash, peer: u64) -> Answer<Result<(), FetchRefused>>;

    /// Waits until all that the node had accepted when this was called can be seen through this trait.
    fn sync(&self) -> Answer<()>;

    /// Stops the node's clock at a number of seconds since the Unix epoch, or lets it run again. The answer comes when
    /// every timer follows. Called on regtest only.
    fn set_mock_time(&self, time: Option<u32>) -> Answer<()>;

    /// Begins an orderly shutdown; returns at once.
    fn stop(&self);
}

/// Something that is published by ZMQ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZmqNotification {
    /// What: `pubhashblock` and the like.
    pub kind: &'static str,
    /// Where.
    pub address: String,
    /// Messages that may wait for a subscriber.
    pub high_water_mark: u32,
}

/// How old blocks are deleted to save space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// Bytes that block and undo files may take; `None` if blocks are deleted by order only.
    pub target: Option<u64>,
    /// Nothing is deleted from a shorter chain.
    pub after_height: Height,
    /// So many blocks below the tip are kept in any case.
    pub kept: Height,
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
    /// Ban an address, or a subnet such as `1.2.3.0/24`, and end the connections with it.
    Ban {
        /// The address or subnet.
        subnet: String,
        /// When the ban ends, in seconds since the Unix epoch.
        until: u64,
    },
    /// Lift the ban of exactly this address or subnet.
    Unban(String),
    /// Lift all bans.
    ClearBans,
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
    /// [`Command::Ban`] or [`Command::Unban`] of what is neither an address nor a subnet.
    #[error("not an address or subnet")]
    InvalidSubnet,
    /// [`Command::Ban`] of what is banned.
    #[error("already banned")]
    AlreadyBanned,
    /// [`Command::Unban`] of what is not banned.
    #[error("not banned")]
    NotBanned,
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// What the user says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is invalid, and all that builds on it (`invalidateblock`). Of no effect on the genesis block.
    Invalid,
    /// Whatever said that it, a block before it or a block after it is invalid is forgotten (`reconsiderblock`).
    Reconsider,
    /// Of chains with the same work, one that holds it comes first (`preciousblock`).
    Precious,
}

/// Why a peer was not asked for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchRefused {
    /// There is no such peer, or it has not shaken hands yet.
    #[error("no such peer")]
    NoSuchPeer,
    /// The peer does not serve witnesses.
    #[error("the peer does not serve witnesses")]
    NoWitness,
    /// That peer has been asked for that block already.
    #[error("already requested from this peer")]
    AlreadyRequested,
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// Why a submitted header, or a block that was to be tested, was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
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
    /// It keeps every rule, and it is part of the active chain now.
    Accepted,
    /// We had it, and do not know it as invalid.
    Duplicate,
    /// Stored, but it is not part of the active chain, so that not everything was checked.
    Inconclusive,
    /// It breaks a rule, be it one that shows only when it is connected; or it is known as invalid
    /// ([`tipward_consensus::RejectKind::CachedInvalid`]).
    Refused(Reject),
    /// Our own failure.
    Failed(Fault),
}
