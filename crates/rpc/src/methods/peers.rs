//! The peers, one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tipward_primitives::Timestamp;

use super::network::{service_names, services_hex};
use crate::PeerInfo;
use crate::call::{Call, later};
use crate::error::RpcError;
use crate::json::{amount, float};
use crate::spec::{Category, Method};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getpeerinfo",
        category: Category::Network,
        about: "What is known of every connection.",
        args: &[],
        result: r#"[
  {
    "id": n,                            (numeric) number of the connection, never used twice
    "addr": "text",                     (string) address and port of the peer, or the name that was connected to
    "addrbind": "text",                 (string, if known) address and port of our end
    "addrlocal": "text",                (string, if known) our address and port as the peer sees them
    "network": "text",                  (string) ipv4, ipv6, onion, i2p, cjdns or not_publicly_routable
    "services": "hex",                  (string) services that it offers
    "servicesnames": ["text", ...],     (array) their names
    "relaytxes": b,                     (boolean) transactions are relayed to it
    "last_inv_sequence": n,             (numeric) the memory pool's sequence number at the last announcement to it
    "inv_to_send": n,                   (numeric) transactions still to be announced to it
    "lastsend": n,                      (numeric) when something was last sent, in seconds since the Unix epoch
    "lastrecv": n,                      (numeric) when something was last received
    "last_transaction": n,              (numeric) when it last gave a valid transaction
    "last_block": n,                    (numeric) when it last gave a block
    "bytessent": n,                     (numeric) bytes sent
    "bytesrecv": n,                     (numeric) bytes received
    "conntime": n,                      (numeric) when the connection came to stand
    "timeoffset": n,                    (numeric) seconds that its clock was ahead of ours
    "pingtime": n,                      (numeric, if measured) seconds of the last round trip
    "minping": n,                       (numeric, if measured) seconds of the shortest round trip
    "pingwait": n,                      (numeric, if there is one) seconds that a ping has been unanswered
    "version": n,                       (numeric) its protocol version
    "subver": "text",                   (string) its user agent
    "inbound": b,                       (boolean) it connected to us
    "bip152_hb_to": b,                  (boolean) we asked it for high-bandwidth compact blocks
    "bip152_hb_from": b,                (boolean) it asked us for high-bandwidth compact blocks
    "presynced_headers": n,             (numeric) height that a low-work header sync has reached; -1 if none runs
    "synced_headers": n,                (numeric) height of the last header in common; -1 if unknown
    "synced_blocks": n,                 (numeric) height of the last block in common; -1 if unknown
    "inflight": [n, ...],               (array) heights of the blocks that are being asked of it
    "addr_relay_enabled": b,            (boolean) addresses are gossiped with it
    "addr_processed": n,                (numeric) addresses taken from it
    "addr_rate_limited": n,             (numeric) addresses dropped for coming too fast
    "permissions": ["text", ...],       (array) permissions that the user gave it
    "minfeefilter": n,                  (numeric) least fee rate that it wants to hear of, in BTC per 1000 virtual bytes
    "bytessent_per_msg": {...},         (object) bytes sent by message type
    "bytesrecv_per_msg": {...},         (object) bytes received by message type; unknown ones under *other*
    "connection_type": "text",          (string) inbound, manual, outbound-full-relay, block-relay-only, addr-fetch
                                        or feeler
    "transport_protocol_type": "text",  (string) detecting, v1 or v2
    "session_id": "hex"                 (string) id of a v2 session, empty if there is none
  }, ...
]"#,
        examples: &[&[]],
        run: |call| later(getpeerinfo(call)),
    },
    Method {
        name: "getconnectioncount",
        category: Category::Network,
        about: "Number of connections, in both directions.",
        args: &[],
        result: "n    (numeric) the number",
        examples: &[&[]],
        run: |call| later(getconnectioncount(call)),
    },
];

async fn getpeerinfo(call: Call) -> Result<Value, RpcError> {
    let network = call.node.network().await;
    Ok(network.peers.iter().map(peer_json).collect())
}

async fn getconnectioncount(call: Call) -> Result<Value, RpcError> {
    Ok(call.node.network().await.peers.len().into())
}

fn peer_json(peer: &PeerInfo) -> Value {
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("id", peer.id.into());
    put("addr", peer.addr.as_str().into());
    if let Some(addr) = &peer.addr_bind {
        put("addrbind", addr.as_str().into());
    }
    if let Some(addr) = &peer.addr_local {
        put("addrlocal", addr.as_str().into());
    }
    put("network", peer.network.as_str().into());
    put("services", services_hex(peer.services));
    put("servicesnames", service_names(peer.services));
    put("relaytxes", peer.relays_transactions.into());
    // There is no memory pool whose transactions could be announced.
    put("last_inv_sequence", 0.into());
    put("inv_to_send", 0.into());
    put("lastsend", time(peer.last_send));
    put("lastrecv", time(peer.last_recv));
    put("last_transaction", time(peer.last_transaction));
    put("last_block", time(peer.last_block));
    put("bytessent", peer.bytes_sent.into());
    put("bytesrecv", peer.bytes_received.into());
    put("conntime", peer.connected.as_secs().into());
    put("timeoffset", peer.time_offset.into());
    for (name, duration) in [
        ("pingtime", peer.ping_time),
        ("minping", peer.min_ping),
        ("pingwait", peer.ping_wait),
    ] {
        if let Some(duration) = duration.filter(|duration| !duration.is_zero()) {
            put(name, seconds(duration));
        }
    }
    put("version", peer.version.into());
    put("subver", peer.user_agent.as_str().into());
    put("inbound", peer.inbound.into());
    put("bip152_hb_to", peer.high_bandwidth_to.into());
    put("bip152_hb_from", peer.high_bandwidth_from.into());
    for (name, height) in [
        ("presynced_headers", peer.presynced_headers),
        ("synced_headers", peer.synced_headers),
        ("synced_blocks", peer.synced_blocks),
    ] {
        put(name, height.map_or(-1, i64::from).into());
    }
    put("inflight", peer.in_flight.clone().into());
    put("addr_relay_enabled", peer.addr_relay_enabled.into());
    put("addr_processed", peer.addr_processed.into());
    put("addr_rate_limited", peer.addr_rate_limited.into());
    put("permissions", peer.permissions.clone().into());
    put("minfeefilter", amount(peer.min_fee_filter));
    put(
        "bytessent_per_msg",
        per_message(&peer.bytes_sent_per_message),
    );
    put(
        "bytesrecv_per_msg",
        per_message(&peer.bytes_received_per_message),
    );
    put("connection_type", peer.connection_type.as_str().into());
    put("transport_protocol_type", peer.transport.as_str().into());
    put("session_id", peer.session_id.as_str().into());
    Value::Object(info)
}

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(0, Timestamp::as_secs).into()
}

/// In seconds, to the microsecond.
fn seconds(duration: Duration) -> Value {
    float(duration.as_micros() as f64 / 1e6)
}

fn per_message(bytes: &BTreeMap<String, u64>) -> Value {
    bytes
        .iter()
        .filter(|(_, bytes)| **bytes > 0)
        .map(|(command, bytes)| (command.clone(), Value::from(*bytes)))
        .collect()
}
