use std::collections::BTreeMap;
use std::time::Duration;

use tipward_primitives::{Height, Timestamp};

/// The state of the network side at one moment.
#[derive(Clone, Debug, Default)]
pub struct NetworkSnapshot {
    /// Every connection, oldest first.
    pub peers: Vec<PeerInfo>,
    /// Bytes received over all connections since the start.
    pub total_received: u64,
    /// Bytes sent over all connections since the start.
    pub total_sent: u64,
    /// Limit on what is uploaded.
    pub upload_target: UploadTarget,
    /// Connections are allowed.
    pub network_active: bool,
    /// Version message's user agent, e.g. `/tipward:0.1.0/`.
    pub user_agent: String,
    /// Highest protocol version spoken.
    pub protocol_version: u32,
    /// Service bits that we announce.
    pub local_services: u64,
    /// Transactions are asked of peers.
    pub relays_transactions: bool,
    /// Median of what outbound peers' clocks differ from ours, in seconds.
    pub time_offset: i64,
    /// What is reachable how: one entry per [`NetworkName`] that can be dialled.
    pub reach: Vec<NetworkReach>,
    /// Addresses at which we believe to be reachable.
    pub local_addresses: Vec<LocalAddress>,
    /// Nodes added by `--addnode`, `--connect` or `addnode`, in the order in which they were added.
    pub added_nodes: Vec<AddedNode>,
}

/// One connection: what `getpeerinfo` says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerInfo {
    /// Identifies the connection; never used twice in a run.
    pub id: u64,
    /// `address:port` of the other end, or the name that was connected to.
    pub addr: String,
    /// `address:port` of our end, if known.
    pub addr_bind: Option<String>,
    /// `address:port` at which the peer says that it sees us.
    pub addr_local: Option<String>,
    /// Network of the other end.
    pub network: NetworkName,
    /// Service bits that it announced.
    pub services: u64,
    /// Transactions are relayed to it.
    pub relays_transactions: bool,
    /// When something was last sent.
    pub last_send: Option<Timestamp>,
    /// When something was last received.
    pub last_recv: Option<Timestamp>,
    /// When it last gave a valid transaction.
    pub last_transaction: Option<Timestamp>,
    /// When it last gave a block that we asked for.
    pub last_block: Option<Timestamp>,
    /// Bytes sent, frames included.
    pub bytes_sent: u64,
    /// Bytes received, frames included.
    pub bytes_received: u64,
    /// Bytes sent by command.
    pub bytes_sent_per_message: BTreeMap<String, u64>,
    /// Bytes received by command; unknown commands under `*other*`.
    pub bytes_received_per_message: BTreeMap<String, u64>,
    /// When the connection came to stand.
    pub connected: Timestamp,
    /// How much its clock differed from ours at the handshake, in seconds.
    pub time_offset: i64,
    /// Last measured round trip.
    pub ping_time: Option<Duration>,
    /// Shortest measured round trip.
    pub min_ping: Option<Duration>,
    /// How long a ping has been unanswered.
    pub ping_wait: Option<Duration>,
    /// Its protocol version; 0 before its version message.
    pub version: u32,
    /// Its user agent; unprintable characters already removed.
    pub user_agent: String,
    /// It connected to us.
    pub inbound: bool,
    /// We asked it for high-bandwidth compact blocks (BIP152).
    pub high_bandwidth_to: bool,
    /// It asked us for high-bandwidth compact blocks (BIP152).
    pub high_bandwidth_from: bool,
    /// Height that a low-work header sync with it has reached, if one runs.
    pub presynced_headers: Option<Height>,
    /// Highest header that we know it to have in common with us.
    pub synced_headers: Option<Height>,
    /// Highest block that we know it to have in common with us.
    pub synced_blocks: Option<Height>,
    /// Heights of the blocks being asked of it, in the order of the requests.
    pub in_flight: Vec<Height>,
    /// Addresses are gossiped with it.
    pub addr_relay_enabled: bool,
    /// Addresses taken from it.
    pub addr_processed: u64,
    /// Addresses dropped for coming too fast.
    pub addr_rate_limited: u64,
    /// Permissions that the user gave it, named as in Core (`noban`, ...).
    pub permissions: Vec<String>,
    /// Lowest fee rate that it wants to hear of, in satoshi per 1000 virtual bytes (BIP133).
    pub min_fee_filter: u64,
    /// Why the connection exists.
    pub connection_type: ConnectionType,
    /// How bytes are framed.
    pub transport: TransportType,
    /// Session id of a version 2 transport (BIP324), in hexadecimal; empty if there is none.
    pub session_id: String,
}

impl PeerInfo {
    /// A connection of which nothing is known but who, why and since when.
    pub fn new(
        id: u64,
        addr: impl Into<String>,
        network: NetworkName,
        connection_type: ConnectionType,
        connected: Timestamp,
    ) -> Self {
        Self {
            id,
            addr: addr.into(),
            addr_bind: None,
            addr_local: None,
            network,
            services: 0,
            relays_transactions: false,
            last_send: None,
            last_recv: None,
            last_transaction: None,
            last_block: None,
            bytes_sent: 0,
            bytes_received: 0,
            bytes_sent_per_message: BTreeMap::new(),
            bytes_received_per_message: BTreeMap::new(),
            connected,
            time_offset: 0,
            ping_time: None,
            min_ping: None,
            ping_wait: None,
            version: 0,
            user_agent: String::new(),
            inbound: connection_type == ConnectionType::Inbound,
            high_bandwidth_to: false,
            high_bandwidth_from: false,
            presynced_headers: None,
            synced_headers: None,
            synced_blocks: None,
            in_flight: Vec::new(),
            addr_relay_enabled: false,
            addr_processed: 0,
            addr_rate_limited: 0,
            permissions: Vec::new(),
            min_fee_filter: 0,
            connection_type,
            transport: TransportType::V1,
            session_id: String::new(),
        }
    }
}

/// Why a connection exists, in Core's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionType {
    /// They connected to us.
    Inbound,
    /// Named by the user.
    Manual,
    /// Ours: is there still a node at this address?
    Feeler,
    /// Ours: relays everything.
    OutboundFullRelay,
    /// Ours: blocks only.
    BlockRelayOnly,
    /// Ours: fetches addresses.
    AddrFetch,
}

impl ConnectionType {
    /// Name in `getpeerinfo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Manual => "manual",
            Self::Feeler => "feeler",
            Self::OutboundFullRelay => "outbound-full-relay",
            Self::BlockRelayOnly => "block-relay-only",
            Self::AddrFetch => "addr-fetch",
        }
    }
}

/// How bytes are framed on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportType {
    /// Not known yet.
    Detecting,
    /// Plain frames.
    V1,
    /// Encrypted (BIP324).
    V2,
}

impl TransportType {
    /// Name in `getpeerinfo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detecting => "detecting",
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// The kinds of network that an address can belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkName {
    /// An address that nobody can route to: private, local, reserved.
    Unroutable,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Tor, version 3.
    Onion,
    /// I2P.
    I2p,
    /// CJDNS.
    Cjdns,
}

impl NetworkName {
    /// Those that can be dialled, in the order of `getnetworkinfo`.
    pub const REACHABLE: [Self; 5] = [Self::Ipv4, Self::Ipv6, Self::Onion, Self::I2p, Self::Cjdns];

    /// Name in `getpeerinfo` and `getnetworkinfo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unroutable => "not_publicly_routable",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Onion => "onion",
            Self::I2p => "i2p",
            Self::Cjdns => "cjdns",
        }
    }

    /// The network of this name, whatever the case of its letters; `None` for a name that cannot be dialled.
    pub fn parse(name: &str) -> Option<Self> {
        Self::REACHABLE
            .into_iter()
            .find(|n| n.as_str().eq_ignore_ascii_case(name))
    }
}

/// How one network is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkReach {
    /// Which network.
    pub network: NetworkName,
    /// We connect to addresses of it.
    pub reachable: bool,
    /// `host:port` of the proxy that leads to it.
    pub proxy: Option<String>,
    /// Every connection gets credentials of its own from the proxy.
    pub proxy_randomizes_credentials: bool,
}

/// An address at which we believe to be reachable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// Without port.
    pub address: String,
    /// Port.
    pub port: u16,
    /// How much speaks for it.
    pub score: u32,
}

/// A node that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedNode {
    /// As it was named.
    pub name: String,
    /// `address:port` of the connection to it and whether it is inbound, if there is one.
    pub connection: Option<(String, bool)>,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanInfo {
    /// The address or subnet.
    pub subnet: String,
    /// When it was banned.
    pub created: Timestamp,
    /// When the ban ends.
    pub until: Timestamp,
}

/// An address that the address manager knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// When a node was last seen there.
    pub time: Timestamp,
    /// Service bits.
    pub services: u64,
    /// Without port.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Its network.
    pub network: NetworkName,
}

/// How many addresses of a network the address manager knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressCount {
    /// The network.
    pub network: NetworkName,
    /// Heard of, and not connected to yet.
    pub new: usize,
    /// Connected to at least once.
    pub tried: usize,
}

/// Limit on what is uploaded; all zero means none, which is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadTarget {
    /// Length of a cycle, in seconds.
    pub timeframe: u64,
    /// Bytes that should not be exceeded in one cycle; 0 is no limit.
    pub target: u64,
    /// Bytes left in this cycle.
    pub bytes_left: u64,
    /// Seconds left in this cycle.
    pub time_left: u64,
    /// Old blocks are not served any more in it.
    pub withholds_old_blocks: bool,
}
