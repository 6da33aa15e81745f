//! The network side as a whole.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::call::{Call, later};
use crate::error::RpcError;
use crate::json::amount;
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::{Command, NetworkSnapshot};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getnetworkinfo",
        category: Category::Network,
        about: "The state of the network side.",
        args: &[],
        result: r#"{
  "version": n,                        (numeric) the release of Bitcoin Core whose interface this is
  "subversion": "text",                (string) its user agent
  "protocolversion": n,                (numeric) the protocol version
  "localservices": "hex",              (string) services that we offer
  "localservicesnames": ["text", ...], (array) their names
  "localrelay": b,                     (boolean) transactions are asked of peers
  "timeoffset": n,                     (numeric) median of the seconds that outbound peers' clocks are ahead of ours
  "networkactive": b,                  (boolean) connections are allowed
  "connections": n,                    (numeric) number of connections
  "connections_in": n,                 (numeric) of them inbound
  "connections_out": n,                (numeric) of them outbound
  "networks": [
    {
      "name": "text",                  (string) ipv4, ipv6, onion, i2p or cjdns
      "limited": b,                    (boolean) we do not connect to it
      "reachable": b,                  (boolean) we connect to it
      "proxy": "text",                 (string) the proxy that leads to it, empty if none
      "proxy_randomize_credentials": b (boolean) every connection gets credentials of its own
    }, ...
  ],
  "relayfee": n,                       (numeric) least fee rate to be relayed; 0, as nothing is
  "incrementalfee": n,                 (numeric) least step of the fee rate for a replacement
  "localaddresses": [
    {
      "address": "text",               (string) an address of ours
      "port": n,                       (numeric) its port
      "score": n                       (numeric) how much speaks for it
    }, ...
  ],
  "warnings": ["text", ...]            (array) what the user should know of
}"#,
        examples: &[&[]],
        run: |call| later(getnetworkinfo(call)),
    },
    Method {
        name: "getnettotals",
        category: Category::Network,
        about: "Bytes received and sent since the start.",
        args: &[],
        result: r#"{
  "totalbytesrecv": n,            (numeric) bytes received
  "totalbytessent": n,            (numeric) bytes sent
  "timemillis": n,                (numeric) the system's time, in milliseconds since the Unix epoch
  "uploadtarget": {
    "timeframe": n,               (numeric) length of a cycle in seconds
    "target": n,                  (numeric) bytes that a cycle should not exceed; 0 is no limit
    "target_reached": b,          (boolean) they are used up
    "serve_historical_blocks": b, (boolean) old blocks are served
    "bytes_left_in_cycle": n,     (numeric) bytes left
    "time_left_in_cycle": n       (numeric) seconds left
  }
}"#,
        examples: &[&[]],
        run: |call| later(getnettotals(call)),
    },
    Method {
        name: "ping",
        category: Category::Network,
        about: "Pings every peer now; getpeerinfo shows how long the answers took. An answer comes after the effects of \
                all that the peer sent before it, so this measures how busy it is too.",
        args: &[],
        result: "null",
        examples: &[&[]],
        run: |call| later(ping(call)),
    },
    Method {
        name: "setnetworkactive",
        category: Category::Network,
        about: "Allows connections, or ends them all.",
        args: &[Arg {
            names: &["state"],
            kind: Kind::Bool,
            presence: Presence::Required,
            about: "true to allow them.",
        }],
        result: "b    (boolean) whether connections are allowed now",
        examples: &[&["false"]],
        run: |call| later(setnetworkactive(call)),
    },
];

async fn getnetworkinfo(call: Call) -> Result<Value, RpcError> {
    let network = call.node.network().await;
    let inbound = network.peers.iter().filter(|peer| peer.inbound).count();
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("version", INTERFACE_VERSION.into());
    put("subversion", network.user_agent.as_str().into());
    put("protocolversion", network.protocol_version.into());
    put("localservices", services_hex(network.local_services));
    put("localservicesnames", service_names(network.local_services));
    put("localrelay", network.relays_transactions.into());
    put("timeoffset", network.time_offset.into());
    put("networkactive", network.network_active.into());
    put("connections", network.peers.len().into());
    put("connections_in", inbound.into());
    put("connections_out", (network.peers.len() - inbound).into());
    put("networks", networks(&network));
    put("relayfee", amount(0));
    put("incrementalfee", amount(0));
    put(
        "localaddresses",
        network
            .local_addresses
            .iter()
            .map(|local| json!({ "address": local.address, "port": local.port, "score": local.score }))
            .collect(),
    );
    put("warnings", call.node.warnings().into());
    Ok(Value::Object(info))
}

fn networks(network: &NetworkSnapshot) -> Value {
    network
        .reach
        .iter()
        .map(|reach| {
            json!({
                "name": reach.network.as_str(),
                "limited": !reach.reachable,
                "reachable": reach.reachable,
                "proxy": reach.proxy.as_deref().unwrap_or_default(),
                "proxy_randomize_credentials": reach.proxy_randomizes_credentials,
            })
        })
        .collect()
}

async fn getnettotals(call: Call) -> Result<Value, RpcError> {
    let network = call.node.network().await;
    let upload = network.upload_target;
    let reached = upload.target > 0 && upload.bytes_left == 0;
    // The system's time even if the node's is mocked, as in Core.
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
    Ok(json!({
        "totalbytesrecv": network.total_received,
        "totalbytessent": network.total_sent,
        "timemillis": millis,
        "uploadtarget": {
            "timeframe": upload.timeframe,
            "target": upload.target,
            "target_reached": reached,
            "serve_historical_blocks": !upload.withholds_old_blocks,
            "bytes_left_in_cycle": upload.bytes_left,
            "time_left_in_cycle": upload.time_left,
        },
    }))
}

async fn ping(call: Call) -> Result<Value, RpcError> {
    super::command(&call, Command::PingAll).await?;
    Ok(Value::Null)
}

async fn setnetworkactive(call: Call) -> Result<Value, RpcError> {
    let active = call.bool(0).unwrap_or_default();
    super::command(&call, Command::SetNetworkActive(active)).await?;
    Ok(call.node.network().await.network_active.into())
}

/// The release of Bitcoin Core whose calls ours are shaped as (31.0).
///
/// Clients compare this number with Core releases to learn which calls and fields they may expect (`bitcoin-cli -netinfo`
/// and electrs refuse old ones), so a number of our own would mislead them. Who we are stands in `subversion`.
const INTERFACE_VERSION: u32 = 310_000;

pub(super) fn services_hex(services: u64) -> Value {
    format!("{services:016x}").into()
}

/// Core's names of the service bits that are set.
pub(super) fn service_names(services: u64) -> Value {
    (0..u64::BITS)
        .filter(|bit| services & (1 << bit) != 0)
        .map(|bit| match bit {
            0 => "NETWORK".into(),
            2 => "BLOOM".into(),
            3 => "WITNESS".into(),
            6 => "COMPACT_FILTERS".into(),
            10 => "NETWORK_LIMITED".into(),
            11 => "P2P_V2".into(),
            unknown => format!("UNKNOWN[2^{unknown}]"),
        })
        .collect()
}
