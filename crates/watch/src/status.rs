//! The figures themselves.

use serde::{Deserialize, Serialize};

use crate::strip::Strip;

/// Everything that a node shows of itself at one moment. The figures are read one after the other while the node goes on,
/// so that two of them may be some milliseconds apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The program and its run.
    pub node: NodeFigures,
    /// What it is doing.
    pub phase: Phase,
    /// The same in words.
    pub message: String,
    /// How far it is.
    pub sync: Sync,
    /// How fast it is, over the last seconds.
    pub rates: Rates,
    /// The download window and what lies around it.
    pub strip: Strip,
    /// The memory for blocks on their way.
    pub credits: Credits,
    /// What waits in each stage.
    pub queues: Queues,
    /// How long the stages take for what they do.
    pub latencies: Vec<Latency>,
    /// Bytes to and from all peers, and what is known of others.
    pub traffic: Traffic,
    /// Every connection, by id.
    pub peers: Vec<Peer>,
    /// The last peers that left, latest first.
    pub left: Vec<Left>,
    /// The ends of the header tree's branches, highest first; [`Status::MOST_TIPS`] of them at most.
    pub tips: Vec<Tip>,
    /// How many there are in all.
    pub tips_in_all: usize,
    /// The coins in memory and how they go to disk.
    pub coins: Coins,
    /// Bytes on disk.
    pub disk: Disk,
    /// What happened since the start.
    pub events: Events,
    /// What the process takes of the machine.
    pub process: Process,
    /// What the operator should see.
    pub warnings: Vec<String>,
}

impl Status {
    /// Of the branches so many are shown.
    pub const MOST_TIPS: usize = 32;

    /// A node that is not there yet, busy with something.
    pub fn starting(node: NodeFigures, message: &str) -> Self {
        Self {
            node,
            phase: Phase::Starting,
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// Peers whose handshake is done.
    pub fn ready_peers(&self) -> usize {
        let ready = |peer: &&Peer| peer.state != PeerState::Handshake;
        self.peers.iter().filter(ready).count()
    }

    /// Blocks that the validated tip is behind the best header.
    pub fn behind(&self) -> u32 {
        self.sync.headers.saturating_sub(self.sync.tip)
    }
}

/// The program and its run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFigures {
    /// Version of the program.
    pub version: String,
    /// As it introduces itself to peers.
    pub user_agent: String,
    /// Network, by the name of its directory.
    pub network: String,
    /// A number that no other run has.
    pub run: u64,
    /// Unix time, in milliseconds.
    pub time: u64,
    /// Milliseconds since the process began.
    pub uptime: u64,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Loading what is on disk.
    #[default]
    Starting,
    /// It has nobody to sync from.
    Connecting,
    /// Finding the best header.
    Headers,
    /// Downloading blocks, and validating behind.
    Blocks,
    /// All blocks are there, and not all are validated.
    Validating,
    /// At the tip.
    Synced,
    /// Something that may pass keeps it from going on.
    Paused,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Connecting,
        Self::Headers,
        Self::Blocks,
        Self::Validating,
        Self::Synced,
        Self::Paused,
    ];

    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connecting => "connecting",
            Self::Headers => "headers",
            Self::Blocks => "blocks",
            Self::Validating => "validating",
            Self::Synced => "synced",
            Self::Paused => "paused",
        }
    }
}

/// How far a node is. Heights are those of the last block that is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sync {
    /// Height of the best header.
    pub headers: u32,
    /// Its hash.
    pub best_hash: String,
    /// Height that the chain is believed to have: ours, or what peers say if that can be true.
    pub target: u32,
    /// Height of a chain of headers whose work is being weighed, if one is.
    pub presync: Option<u32>,
    /// Up to here every block is stored.
    pub stored: u32,
    /// Height of the validated tip, as `getblockcount`.
    pub tip: u32,
    /// Its hash, as `getbestblockhash`.
    pub tip_hash: String,
    /// Its time, in seconds since the Unix epoch.
    pub tip_time: u32,
    /// Up to here blocks are connected, some of them ahead of their scripts' verification.
    pub connected: u32,
    /// Up to here coins are on disk.
    pub flushed: u32,
    /// By Core's rule, as in `getblockchaininfo`.
    pub initial_block_download: bool,
    /// Share of the chain's bytes that is validated, between 0 and 1. It never falls but by a reorganization.
    pub progress: f64,
    /// Bytes of blocks that are validated.
    pub bytes_validated: u64,
    /// Bytes of blocks that are stored and not validated.
    pub bytes_waiting: u64,
    /// Bytes of blocks still to be downloaded; an estimate.
    pub bytes_missing: u64,
    /// Blocks still to be downloaded.
    pub blocks_missing: u64,
    /// Seconds until all is validated, if it goes on like this; `None` if that cannot be told.
    pub eta: Option<u64>,
    /// What the time left depends on.
    pub limit: Limit,
}

/// Which half of a sync takes longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// It cannot be told, or nothing is left to do.
    #[default]
    None,
    /// Bytes come slower than they are validated.
    Download,
    /// Bytes are validated slower than they come.
    Validation,
}

/// How fast a node is: each figure for one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// Blocks stored.
    pub blocks_stored: f64,
    /// Their bytes.
    pub bytes_stored: f64,
    /// Blocks validated.
    pub blocks_validated: f64,
    /// Their bytes.
    pub bytes_validated: f64,
    /// Their transactions.
    pub transactions: f64,
    /// Bytes received from peers.
    pub received: f64,
    /// Bytes sent to peers.
    pub sent: f64,
}

/// The memory for blocks on their way, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credits {
    /// All that there is.
    pub capacity: u64,
    /// Taken by blocks that were asked for.
    pub asked: u64,
    /// Taken by blocks that came and are not stored.
    pub held: u64,
    /// The most that was taken by asking.
    pub peak: u64,
}

/// What waits in each stage, in blocks unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queues {
    /// Messages that wait for the driver.
    pub messages: u64,
    /// For a check.
    pub check: u64,
    /// For the writer.
    pub write: u64,
    /// Headers that wait for the writer.
    pub headers: u64,
    /// Written, and kept in memory until connected.
    pub kept: u64,
    /// Read and prepared ahead of connecting.
    pub ready: u64,
    /// Connected, and their scripts not verified.
    pub lead: u64,
    /// Connected, and not all scripts begun.
    pub scripts: u64,
    /// Milliseconds that the driver took to answer for this status.
    pub driver_answer_ms: f64,
}

/// How long something took, each time since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// What took so long: [`Latency::ARRIVAL`], or the name of a stage.
    pub of: String,
    /// Bounds in seconds, rising.
    pub bounds: Vec<f64>,
    /// How many took no longer than each bound and longer than the one before, and how many longer than all.
    pub counts: Vec<u64>,
    /// Seconds that all took together.
    pub seconds: f64,
}

impl Latency {
    /// From the request for a block to its arrival.
    pub const ARRIVAL: &str = "arrival";
}

/// Bytes to and from all peers, and what is known of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    /// Bytes received since the start.
    pub received: u64,
    /// Bytes sent since the start.
    pub sent: u64,
    /// Connections are allowed.
    pub active: bool,
    /// The peer from which headers are being fetched.
    pub header_sync: Option<u64>,
    /// Addresses that the address manager knows.
    pub known_addresses: u64,
    /// Subnets that are banned.
    pub banned: u64,
}

/// What is to be said of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// Not known to each other yet.
    #[default]
    Handshake,
    /// Nothing is asked of it.
    Idle,
    /// It owes us blocks, and they come.
    Busy,
    /// What it owes is late.
    Late,
    /// It was silent for so long that its blocks were given to others.
    Silent,
}

impl PeerState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Handshake,
        Self::Idle,
        Self::Busy,
        Self::Late,
        Self::Silent,
    ];

    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Silent => "silent",
        }
    }
}

/// One connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Peer {
    /// Identifies the connection; never used twice in a run.
    pub id: u64,
    /// `address:port`, or the name that the user gave.
    pub addr: String,
    /// How it joined, in the words of `getpeerinfo`: inbound, manual, outbound-full-relay, ...
    pub kind: String,
    /// How its bytes are framed.
    pub transport: String,
    /// What is to be said of it.
    pub state: PeerState,
    /// Its protocol version.
    pub version: u32,
    /// Its software.
    pub user_agent: String,
    /// What it offers.
    pub services: Vec<String>,
    /// Milliseconds of the last round trip.
    pub ping: Option<f64>,
    /// Milliseconds of the shortest round trip.
    pub min_ping: Option<f64>,
    /// Measured speed of block delivery, bytes a second.
    pub speed: Option<f64>,
    /// Blocks that it owes.
    pub in_flight: u64,
    /// Milliseconds for which the oldest of them has been asked for.
    pub oldest: Option<u64>,
    /// Blocks that it delivered and that we stored.
    pub blocks: u64,
    /// Bytes received from it.
    pub received: u64,
    /// Bytes sent to it.
    pub sent: u64,
    /// Unix time, in seconds, at which it connected.
    pub since: u64,
    /// Height of the best header that it is known to have.
    pub height: Option<u32>,
}

/// A peer that is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Left {
    /// The connection.
    pub id: u64,
    /// The other end, if a connection ever stood.
    pub addr: String,
    /// How it joined.
    pub kind: String,
    /// Unix time, in seconds, at which it left.
    pub at: u64,
    /// Why.
    pub why: String,
}

/// The end of a branch of the header tree, as in `getchaintips`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tip {
    /// Hash of its last header.
    pub hash: String,
    /// Its height.
    pub height: u32,
    /// Blocks that are not part of the active chain.
    pub branch: u32,
    /// Core's word for it.
    pub status: String,
}

/// The coins in memory and how they go to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coins {
    /// Bytes of coins in memory.
    pub memory: u64,
    /// The most that they may be.
    pub budget: u64,
    /// Changed coins that are not on their way to the disk.
    pub dirty: u64,
    /// A flush is running.
    pub flushing: bool,
    /// Changes that the running or last flush has written.
    pub written: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Seconds that they took together.
    pub flush_seconds: f64,
    /// Seconds that the last one took.
    pub last_flush_seconds: f64,
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Blocks in the block files.
    pub block_count: u64,
    /// Block files.
    pub blocks: u64,
    /// Undo files.
    pub undo: u64,
    /// Coins.
    pub coins: u64,
    /// Free to us on that file system; 0 if unknown.
    pub free: u64,
    /// Size of that file system; 0 if unknown.
    pub size: u64,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Events {
    /// Blocks stored.
    pub blocks_stored: u64,
    /// Their bytes.
    pub bytes_stored: u64,
    /// Blocks that became part of the validated chain.
    pub blocks_validated: u64,
    /// Their bytes.
    pub bytes_validated: u64,
    /// Their transactions.
    pub transactions_validated: u64,
    /// Headers received.
    pub headers_received: u64,
    /// Headers refused.
    pub headers_refused: u64,
    /// Blocks refused.
    pub blocks_refused: u64,
    /// Blocks that came and were of no use.
    pub blocks_ignored: u64,
    /// Blocks at the window's front that were asked of a second peer.
    pub hedged: u64,
    /// Blocks that were taken from a silent peer and given to others.
    pub reassigned: u64,
    /// Reorganizations.
    pub reorganizations: u64,
    /// Blocks that the deepest of them took back.
    pub deepest_reorganization: u32,
    /// Connections that came to stand.
    pub connected: u64,
    /// Attempts to connect that failed.
    pub connect_failed: u64,
    /// Connections that ended.
    pub disconnected: u64,
    /// Peers that were refused or thrown out.
    pub refused: u64,
}

/// What the process takes of the machine; all 0 where the system does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Bytes of memory.
    pub resident: u64,
    /// Open files and sockets.
    pub open_files: u64,
    /// Seconds of processor time since the start.
    pub cpu_seconds: f64,
    /// The same by thread, the threads of one stage together.
    pub threads: Vec<Threads>,
}

/// The threads of one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Threads {
    /// Name of the stage.
    pub stage: String,
    /// How many they are.
    pub count: u64,
    /// Seconds of processor time since the start.
    pub cpu_seconds: f64,
}
