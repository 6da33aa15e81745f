//! The answers of every reading method, field by field, in order.
//!
//! `core.json` holds what Bitcoin Core answered to the same calls on the same chain.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tipward_primitives::bitcoin::Block;
use tipward_primitives::{Network, Params, Timestamp};
use tipward_rpc::{
    AddedNode, Backend as _, ConnectionType, LocalAddress, NetworkName, NetworkReach,
    NetworkSnapshot, PeerInfo, TransportType,
};

use crate::fake::{FakeNode, Material, serve};
use crate::http::connect;

/// Members that differ for a reason: Core's disk format, its version, its limits and fees.
const OURS: &[&str] = &[
    "size_on_disk",
    "disk_size",
    "warnings",
    "version",
    "subversion",
    "protocolversion",
    "localservices",
    "localservicesnames",
    "localrelay",
    "networks",
    "relayfee",
    "incrementalfee",
    "networkactive",
    "timemillis",
    "uploadtarget",
    "maxmempool",
    "mempoolminfee",
    "minrelaytxfee",
    "incrementalrelayfee",
    "permitbaremultisig",
    "maxdatacarriersize",
    "limitclustercount",
    "limitclustersize",
    "blockmintxfee",
    "locked",
];

#[tokio::test]
async fn answers_about_the_chain_are_those_of_core() {
    let recorded: Value = serde_json::from_str(include_str!("core.json")).unwrap();
    let node = FakeNode::new();
    let asked = calls(&Material::new(node.view().params()));
    assert_eq!(recorded.as_array().unwrap().len(), asked.len());
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for case in recorded.as_array().unwrap() {
        let method = case["method"].as_str().unwrap();
        let reply = connection.call(method, case["params"].clone()).await;
        assert_eq!(
            comparable(&reply["result"]),
            comparable(&case["result"]),
            "{method} {}",
            case["params"]
        );
    }
}

/// As text, so that the order of members and the digits of numbers count too.
pub(crate) fn comparable(value: &Value) -> String {
    let mut value = value.clone();
    if let Value::Object(members) = &mut value {
        let is_header = members.contains_key("merkleroot");
        for (name, member) in members.iter_mut() {
            if OURS.contains(&name.as_str()) && !is_header {
                *member = json!("(ours)");
            }
        }
    }
    format!("{value:#}")
}

/// What is asked of Core and of us.
pub(crate) fn calls(material: &Material) -> Vec<(&'static str, Value)> {
    let hash = |block: &Block| block.block_hash().to_string();
    let genesis = Params::new(Network::Regtest).genesis_hash.to_string();
    let tip = hash(material.blocks.last().unwrap());
    let middle = hash(&material.blocks[5]);
    let fork = hash(&material.fork);
    vec![
        ("getblockcount", json!([])),
        ("getbestblockhash", json!([])),
        ("getdifficulty", json!([])),
        ("getblockhash", json!([0])),
        ("getblockhash", json!([7])),
        ("getblockheader", json!([genesis])),
        ("getblockheader", json!([middle])),
        ("getblockheader", json!([tip])),
        ("getblockheader", json!([fork])),
        ("getblockheader", json!([hash(&material.header_only)])),
        ("getblockheader", json!([tip, false])),
        ("getblock", json!([genesis])),
        ("getblock", json!([middle, 1])),
        ("getblock", json!([tip, true])),
        ("getblock", json!([fork])),
        ("getblock", json!([middle, 0])),
        ("getblock", json!([genesis, 0])),
        ("getchaintips", json!([])),
        ("getblockchaininfo", json!([])),
        ("waitforblockheight", json!([3])),
        ("getmempoolinfo", json!([])),
        ("getrawmempool", json!([])),
        ("getrawmempool", json!([true])),
        ("getrawmempool", json!([false, true])),
        ("getnettotals", json!([])),
        ("getnetworkinfo", json!([])),
        ("getpeerinfo", json!([])),
        ("getconnectioncount", json!([])),
        ("getaddednodeinfo", json!([])),
        ("getnodeaddresses", json!([])),
        ("getaddrmaninfo", json!([])),
        ("ping", json!([])),
        ("syncwithvalidationinterfacequeue", json!([])),
    ]
}

#[tokio::test]
async fn an_empty_pool_is_shown_in_every_shape() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    for (params, result) in [
        (json!([]), json!([])),
        (json!([true]), json!({})),
        (
            json!([false, true]),
            json!({ "txids": [], "mempool_sequence": 1 }),
        ),
    ] {
        assert_eq!(
            connection.call("getrawmempool", params).await["result"],
            result
        );
    }
    let reply = connection.call("getrawmempool", json!([true, true])).await;
    assert_eq!(reply["error"]["code"], json!(-8));
}

fn peer() -> PeerInfo {
    let mut peer = PeerInfo::new(
        3,
        "1.2.3.4:8333",
        NetworkName::Ipv4,
        ConnectionType::OutboundFullRelay,
        Timestamp::from_secs(100),
    );
    peer.addr_bind = Some("10.0.0.1:5555".into());
    peer.services = 0b1100_0000_1001 | 1 << 40;
    peer.last_recv = Some(Timestamp::from_micros(101_999_999));
    peer.bytes_sent = 126;
    peer.bytes_sent_per_message = BTreeMap::from([("version".into(), 126), ("verack".into(), 0)]);
    peer.ping_time = Some(Duration::from_micros(1500));
    peer.min_ping = Some(Duration::from_micros(7));
    peer.version = 70016;
    peer.user_agent = "/x/".into();
    peer.synced_headers = Some(5);
    peer.in_flight = vec![6, 7];
    peer.min_fee_filter = 1000;
    peer.transport = TransportType::V1;
    peer
}

#[tokio::test]
async fn peers_are_shown_with_every_field_in_cores_order() {
    let node = FakeNode::new();
    node.network.lock().unwrap().peers = vec![peer()];
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let reply = connection.call("getpeerinfo", json!([])).await;
    let expected = json!([{
        "id": 3,
        "addr": "1.2.3.4:8333",
        "addrbind": "10.0.0.1:5555",
        "network": "ipv4",
        "services": "0000010000000c09",
        "servicesnames": ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2", "UNKNOWN[2^40]"],
        "relaytxes": false,
        "last_inv_sequence": 0,
        "inv_to_send": 0,
        "lastsend": 0,
        "lastrecv": 101,
        "last_transaction": 0,
        "last_block": 0,
        "bytessent": 126,
        "bytesrecv": 0,
        "conntime": 100,
        "timeoffset": 0,
        "pingtime": 0.0015,
        "minping": 7e-06,
        "version": 70016,
        "subver": "/x/",
        "inbound": false,
        "bip152_hb_to": false,
        "bip152_hb_from": false,
        "presynced_headers": -1,
        "synced_headers": 5,
        "synced_blocks": -1,
        "inflight": [6, 7],
        "addr_relay_enabled": false,
        "addr_processed": 0,
        "addr_rate_limited": 0,
        "permissions": [],
        "minfeefilter": 0.00001,
        "bytessent_per_msg": { "version": 126 },
        "bytesrecv_per_msg": {},
        "connection_type": "outbound-full-relay",
        "transport_protocol_type": "v1",
        "session_id": "",
    }]);
    let text = |value: &Value| {
        value
            .to_string()
            .replace("7e-06", "7e-6")
            .replace("0.00001000", "0.00001")
    };
    assert_eq!(text(&reply["result"]), text(&expected));
    let count = connection.call("getconnectioncount", json!([])).await;
    assert_eq!(count["result"], json!(1));
}

#[tokio::test]
async fn the_network_side_is_shown() {
    let node = FakeNode::new();
    let mut inbound = peer();
    inbound.inbound = true;
    *node.network.lock().unwrap() = NetworkSnapshot {
        peers: vec![peer(), inbound],
        total_received: 10,
        total_sent: 20,
        network_active: true,
        user_agent: "/tipward:0.1.0/".into(),
        protocol_version: 70016,
        local_services: 9,
        reach: vec![NetworkReach {
            network: NetworkName::Onion,
            reachable: true,
            proxy: Some("127.0.0.1:9050".into()),
            proxy_randomizes_credentials: true,
        }],
        local_addresses: vec![LocalAddress {
            address: "1.1.1.1".into(),
            port: 8333,
            score: 4,
        }],
        added_nodes: vec![
            AddedNode {
                name: "a".into(),
                connection: Some(("1.2.3.4:8333".into(), false)),
            },
            AddedNode {
                name: "b".into(),
                connection: None,
            },
        ],
        ..NetworkSnapshot::default()
    };
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let info = connection.call("getnetworkinfo", json!([])).await["result"].clone();
    assert_eq!(info["connections"], json!(2));
    assert_eq!(info["connections_in"], json!(1));
    assert_eq!(info["connections_out"], json!(1));
    assert_eq!(info["localservicesnames"], json!(["NETWORK", "WITNESS"]));
    assert_eq!(
        info["networks"],
        json!([{
            "name": "onion", "limited": false, "reachable": true, "proxy": "127.0.0.1:9050",
            "proxy_randomize_credentials": true,
        }])
    );
    assert_eq!(
        info["localaddresses"],
        json!([{ "address": "1.1.1.1", "port": 8333, "score": 4 }])
    );
    assert_eq!(info["warnings"], json!(["a warning"]));
    let totals = connection.call("getnettotals", json!([])).await["result"].clone();
    assert_eq!(
        (&totals["totalbytesrecv"], &totals["totalbytessent"]),
        (&json!(10), &json!(20))
    );
    let a = json!({
        "addednode": "a", "connected": true,
        "addresses": [{ "address": "1.2.3.4:8333", "connected": "outbound" }],
    });
    let b = json!({ "addednode": "b", "connected": false, "addresses": [] });
    let all = connection.call("getaddednodeinfo", json!([])).await;
    assert_eq!(all["result"], json!([a, b]));
    let one = connection.call("getaddednodeinfo", json!(["b"])).await;
    assert_eq!(one["result"], json!([b]));
}

#[tokio::test]
async fn the_process_is_shown() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    assert_eq!(
        connection.call("uptime", json!([])).await["result"],
        json!(61)
    );
    let info = connection.call("getrpcinfo", json!([])).await["result"].clone();
    assert_eq!(info["logpath"], "/somewhere/debug.log");
    assert_eq!(info["active_commands"][0]["method"], "getrpcinfo");
    assert!(info["active_commands"][0]["duration"].is_u64());
    let done = connection
        .call("syncwithvalidationinterfacequeue", json!([]))
        .await;
    assert_eq!(done["result"], Value::Null);
}

#[tokio::test]
async fn a_header_without_its_block_is_said_so() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let tips = connection.call("getchaintips", json!([])).await["result"].clone();
    assert_eq!(tips[0]["status"], "headers-only");
    let reply = connection.call("getblock", json!([tips[0]["hash"]])).await;
    assert_eq!(
        reply["error"],
        json!({ "code": -1, "message": "Block not available (not fully downloaded)" })
    );
}
