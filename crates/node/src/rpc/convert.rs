//! From the machine's snapshot to the RPC server's plain values.

use std::collections::BTreeMap;

use tipward_p2p::addr::{AddrNetwork, Address};
use tipward_p2p::addrman::AddrMan;
use tipward_p2p::snapshot::{PeerSnapshot, Snapshot};
use tipward_p2p::wire::AddrEntry;
use tipward_p2p::{ConnKind, NotAsked, Transport};
use tipward_primitives::Timestamp;
use tipward_rpc::{
    AddedNode, AddressCount, ConnectionType, FetchRefused, LocalAddress, NetworkName, NetworkReach,
    NetworkSnapshot, NodeAddress, PeerInfo, TransportType, UploadTarget,
};

use crate::config::PeersConfig;

/// Highest protocol version that we speak.
const PROTOCOL_VERSION: u32 = 70_016;

/// Everything that `getpeerinfo`, `getnetworkinfo`, `getnettotals` and `getaddednodeinfo` show.
pub(super) fn network(snapshot: &Snapshot, config: &PeersConfig) -> NetworkSnapshot {
    NetworkSnapshot {
        peers: snapshot.peers.iter().map(peer).collect(),
        total_received: snapshot.totals.received,
        total_sent: snapshot.totals.sent,
        upload_target: UploadTarget {
            timeframe: snapshot.upload.timeframe.as_secs(),
            target: snapshot.upload.target,
            bytes_left: snapshot.upload.bytes_left,
            time_left: snapshot.upload.time_left.as_secs(),
            withholds_old_blocks: snapshot.upload.withholds_old_blocks,
        },
        network_active: snapshot.network_active,
        user_agent: concat!("/tipward:", env!("CARGO_PKG_VERSION"), "/").to_owned(),
        protocol_version: PROTOCOL_VERSION,
        local_services: snapshot.local_services.to_u64(),
        relays_transactions: false,
        time_offset: snapshot.time_offset,
        reach: NetworkName::REACHABLE
            .into_iter()
            .map(|network| reach(network, config))
            .collect(),
        local_addresses: snapshot
            .local_addresses
            .iter()
            .map(|addr| LocalAddress {
                address: addr.host.to_string(),
                port: addr.port,
                score: 1,
            })
            .collect(),
        added_nodes: snapshot
            .added_nodes
            .iter()
            .map(|(name, peer)| added_node(name, *peer, snapshot))
            .collect(),
    }
}

fn reach(network: NetworkName, config: &PeersConfig) -> NetworkReach {
    let proxy = match network {
        NetworkName::Ipv4 | NetworkName::Ipv6 => config.proxy,
        NetworkName::Onion => config.onion_proxy,
        _ => None,
    };
    NetworkReach {
        network,
        reachable: match network {
            NetworkName::Ipv4 | NetworkName::Ipv6 => true,
            _ => proxy.is_some(),
        },
        proxy: proxy.map(|addr| addr.to_string()),
        proxy_randomizes_credentials: proxy.is_some() && config.proxy_randomize,
    }
}

fn peer(peer: &PeerSnapshot) -> PeerInfo {
    let network = if peer.addr.is_routable() {
        network_name(peer.addr.network())
    } else {
        NetworkName::Unroutable
    };
    PeerInfo {
        addr_bind: text(peer.local),
        addr_local: text(peer.addr_seen),
        services: peer.services.to_u64(),
        relays_transactions: peer.relays_transactions,
        last_send: peer.traffic.last_send,
        last_recv: peer.traffic.last_receive,
        last_transaction: peer.last_transaction,
        last_block: peer.last_block,
        bytes_sent: peer.traffic.sent,
        bytes_received: peer.traffic.received,
        bytes_sent_per_message: by_message(&peer.traffic.sent_by_message),
        bytes_received_per_message: by_message(&peer.traffic.received_by_message),
        time_offset: peer.time_offset,
        ping_time: peer.ping_last,
        min_ping: peer.ping_min,
        ping_wait: peer.ping_wait,
        version: peer.version,
        user_agent: peer.user_agent.clone(),
        high_bandwidth_from: peer.wants_compact_blocks,
        presynced_headers: peer.presync_height,
        synced_headers: peer.synced_header.map(|(height, _)| height),
        synced_blocks: peer.synced_block,
        in_flight: peer.in_flight.clone(),
        addr_relay_enabled: peer.addr_relay,
        addr_processed: peer.addr_processed,
        addr_rate_limited: peer.addr_rate_limited,
        min_fee_filter: peer.fee_filter,
        permissions: peer
            .permissions
            .names()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        transport: match peer.transport {
            Transport::V1 => TransportType::V1,
        },
        ..PeerInfo::new(
            peer.id.0,
            peer_name(peer),
            network,
            connection_type(peer.kind),
            peer.connected_at,
        )
    }
}

/// As the user named it, if the user did: that is how it can be found again.
pub(crate) fn peer_name(peer: &PeerSnapshot) -> String {
    match &peer.name {
        Some(name) => name.clone(),
        None => peer.addr.to_string(),
    }
}

fn text(addr: Option<Address>) -> Option<String> {
    addr.map(|addr| addr.to_string())
}

fn by_message(bytes: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    bytes
        .iter()
        .map(|(command, bytes)| ((*command).to_owned(), *bytes))
        .collect()
}

fn connection_type(kind: ConnKind) -> ConnectionType {
    match kind {
        ConnKind::Inbound => ConnectionType::Inbound,
        ConnKind::OutboundFullRelay => ConnectionType::OutboundFullRelay,
        ConnKind::BlockRelayOnly => ConnectionType::BlockRelayOnly,
        ConnKind::Feeler => ConnectionType::Feeler,
        ConnKind::AddrFetch => ConnectionType::AddrFetch,
        ConnKind::Manual => ConnectionType::Manual,
    }
}

/// The machine's word for a kind of connection.
pub(crate) fn conn_kind(kind: ConnectionType) -> ConnKind {
    match kind {
        ConnectionType::Inbound => ConnKind::Inbound,
        ConnectionType::OutboundFullRelay => ConnKind::OutboundFullRelay,
        ConnectionType::BlockRelayOnly => ConnKind::BlockRelayOnly,
        ConnectionType::Feeler => ConnKind::Feeler,
        ConnectionType::AddrFetch => ConnKind::AddrFetch,
        ConnectionType::Manual => ConnKind::Manual,
    }
}

fn network_name(network: AddrNetwork) -> NetworkName {
    match network {
        AddrNetwork::Ipv4 => NetworkName::Ipv4,
        AddrNetwork::Ipv6 => NetworkName::Ipv6,
        AddrNetwork::Onion => NetworkName::Onion,
        AddrNetwork::I2p => NetworkName::I2p,
        AddrNetwork::Cjdns => NetworkName::Cjdns,
    }
}

fn added_node(name: &str, peer: Option<tipward_p2p::PeerId>, snapshot: &Snapshot) -> AddedNode {
    let connected = snapshot
        .peers
        .iter()
        .find(|other| Some(other.id) == peer)
        .map(|peer| (peer.addr.to_string(), peer.kind == ConnKind::Inbound));
    AddedNode {
        name: name.to_owned(),
        connection: connected,
    }
}

/// One entry of `getnodeaddresses`.
pub(super) fn node_address(entry: &AddrEntry) -> NodeAddress {
    NodeAddress {
        time: Timestamp::from_secs(u64::from(entry.time)),
        services: entry.services.to_u64(),
        address: entry.addr.host.to_string(),
        port: entry.addr.port,
        network: network_name(entry.addr.network()),
    }
}

/// All of `getaddrmaninfo`.
pub(super) fn address_counts(known: &AddrMan) -> Vec<AddressCount> {
    AddrNetwork::ALL
        .into_iter()
        .map(|network| {
            let counts = known.counts(network);
            AddressCount {
                network: network_name(network),
                new: counts.new,
                tried: counts.tried,
            }
        })
        .collect()
}

/// Why a peer was not asked for a block. That the header is not known, or the block stored, the call itself has looked at
/// before; if that has changed meanwhile, there is nothing left to ask for.
pub(super) fn not_asked(why: NotAsked) -> FetchRefused {
    match why {
        NotAsked::NoSuchPeer | NotAsked::NotReady => FetchRefused::NoSuchPeer,
        NotAsked::NoWitnesses => FetchRefused::NoWitness,
        NotAsked::AskedBefore | NotAsked::Downloaded | NotAsked::UnknownHeader => {
            FetchRefused::AlreadyRequested
        }
    }
}
