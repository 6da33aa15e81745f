//! What the machine shows of itself: plain values for RPC, the progress display and a dashboard.

use std::collections::BTreeMap;
use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Latencies, Timestamp};

use crate::addr::Address;
use crate::io::{ConnKind, PeerId, Transport};
use crate::permissions::Permissions;
pub use crate::upload::UploadSnapshot;
use crate::wire::ServiceFlags;

/// Messages and bytes in both directions, frames included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent, by message type.
    pub sent_by_message: BTreeMap<&'static str, u64>,
    /// Bytes received, by message type. Types that nobody knows are counted together as `*other*`.
    pub received_by_message: BTreeMap<&'static str, u64>,
    /// When bytes last left.
    pub last_send: Option<Timestamp>,
    /// When bytes last came.
    pub last_receive: Option<Timestamp>,
}

/// One peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerSnapshot {
    /// The connection.
    pub id: PeerId,
    /// The other end.
    pub addr: Address,
    /// The other end as the user named it, if the user did.
    pub name: Option<String>,
    /// Our own end.
    pub local: Option<Address>,
    /// Our own address as the peer sees it.
    pub addr_seen: Option<Address>,
    /// Why the connection exists.
    pub kind: ConnKind,
    /// What the user permits it.
    pub permissions: Permissions,
    /// How its bytes are framed.
    pub transport: Transport,
    /// When it came to stand.
    pub connected_at: Timestamp,
    /// Both sides have said `verack`.
    pub handshake_done: bool,
    /// What the peer offers.
    pub services: ServiceFlags,
    /// Highest protocol version that both understand; 0 before its `version` came.
    pub version: u32,
    /// Its software.
    pub user_agent: String,
    /// Height of its tip when it connected, as it said; -1 before its `version` came.
    pub starting_height: i32,
    /// It wants transactions announced.
    pub relays_transactions: bool,
    /// Seconds by which its clock is ahead of ours.
    pub time_offset: i64,
    /// It wants new blocks announced by `headers`.
    pub prefers_headers: bool,
    /// It understands compact blocks (BIP152) of version 2.
    pub provides_compact_blocks: bool,
    /// It wants compact blocks unasked.
    pub wants_compact_blocks: bool,
    /// Lowest fee rate of transactions that it wants, in satoshi per 1000 virtual bytes.
    pub fee_filter: u64,
    /// Bytes both ways.
    pub traffic: Traffic,
    /// Round trip of the last ping.
    pub ping_last: Option<Duration>,
    /// Shortest round trip.
    pub ping_min: Option<Duration>,
    /// How long the ping that is out has been out.
    pub ping_wait: Option<Duration>,
    /// Best header that the peer is known to have.
    pub synced_header: Option<(Height, BlockHash)>,
    /// Last block that we and the peer have in common.
    pub synced_block: Option<Height>,
    /// Height of the peer's chain of headers that is being weighed, if one is.
    pub presync_height: Option<Height>,
    /// Heights of the blocks that it owes, oldest request first.
    pub in_flight: Vec<Height>,
    /// How long the oldest of these requests has been out, and whether any of them is late.
    pub oldest_request: Option<(Duration, bool)>,
    /// It was silent for so long that what it owed was given to others, and has not spoken since.
    pub silent: bool,
    /// Measured speed of block delivery, bytes per second.
    pub block_rate: Option<f64>,
    /// Blocks that it delivered and that we stored.
    pub blocks_delivered: u64,
    /// When it last gave us a block that we stored.
    pub last_block: Option<Timestamp>,
    /// When it last gave us a transaction that we kept.
    pub last_transaction: Option<Timestamp>,
    /// Addresses are gossiped with it.
    pub addr_relay: bool,
    /// Addresses of it that were processed.
    pub addr_processed: u64,
    /// Addresses of it that were dropped because they came too fast.
    pub addr_rate_limited: u64,
    /// Its messages wait for something that it sent before.
    pub reading_stopped: bool,
}

/// A peer that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftPeer {
    /// The connection.
    pub id: PeerId,
    /// The other end, if a connection ever stood.
    pub addr: Option<Address>,
    /// Why it existed.
    pub kind: ConnKind,
    /// When it ended.
    pub at: Timestamp,
    /// Why it ended.
    pub why: String,
}

/// The download window block by block: what is in none of the lists is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowSnapshot {
    /// Height of its first block.
    pub front: Height,
    /// Its width in blocks.
    pub blocks: usize,
    /// Runs of blocks that nobody was asked for, first and last height; at most one for two blocks of the window.
    pub open: Vec<(Height, Height)>,
    /// Requests that are out, by height; of several for one block the first one first. Bounded by the credits.
    pub asked: Vec<AskedBlock>,
    /// Blocks that came and have no verdict.
    pub received: Vec<Height>,
}

/// A request that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedBlock {
    /// Height of the block.
    pub height: Height,
    /// Of whom.
    pub peer: PeerId,
    /// Since when.
    pub waited: Duration,
    /// By the peer's own speed it should have come by now.
    pub late: bool,
}

/// The block download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadSnapshot {
    /// Height of the first block that is not stored on the way to the best header.
    pub window_front: Height,
    /// Width of the window in blocks.
    pub window_blocks: usize,
    /// Blocks of the window that nobody was asked for.
    pub window_open: usize,
    /// Size of the credit pool in bytes.
    pub credits: u64,
    /// Credits held by blocks that were asked for, in bytes.
    pub credits_asked: u64,
    /// Credits held by blocks that are being checked and stored, in bytes.
    pub credits_held: u64,
    /// Most credits that were out when something was asked for, in bytes. A block that was asked for alone is left out: it
    /// may be larger than the pool.
    pub credits_peak: u64,
    /// How long blocks took from the request to their arrival, late ones and those that came twice included.
    pub arrivals: Latencies,
    /// Blocks that nobody was asked for yet, in and beyond the window.
    pub blocks_left: u64,
    /// Nothing is asked for, because our own disk failed a moment ago.
    pub paused: bool,
}

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// The peers whose connections stand, by id.
    pub peers: Vec<PeerSnapshot>,
    /// The last peers that left, latest first.
    pub left: Vec<LeftPeer>,
    /// Bytes of all peers since the start.
    pub totals: Traffic,
    /// What may be sent in a day, and what of it is left.
    pub upload: UploadSnapshot,
    /// What we offer.
    pub local_services: ServiceFlags,
    /// Our own addresses, as far as they are known.
    pub local_addresses: Vec<Address>,
    /// The nodes that the user added, as the user wrote them, each with its connection if there is one.
    pub added_nodes: Vec<(String, Option<PeerId>)>,
    /// Connections are allowed.
    pub network_active: bool,
    /// The peer from which headers are being fetched.
    pub header_sync: Option<PeerId>,
    /// The block download.
    pub download: DownloadSnapshot,
    /// Median difference between the outbound peers' clocks and ours, in seconds.
    pub time_offset: i64,
}
