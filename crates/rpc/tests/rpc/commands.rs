//! Calls that tell the node to do something.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tipward_primitives::bitcoin::consensus::encode::serialize_hex;
use tipward_primitives::{Network, Params, Timestamp};
use tipward_rpc::{AddressCount, Command, ConnectionType, NetworkName, NodeAddress, Refused};
use tipward_testkit::build::BlockBuilder;

use crate::fake::{FakeNode, HEIGHT, serve};
use crate::http::connect;

#[tokio::test]
async fn commands_reach_the_network_side() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (method, params, result) in [
        ("addnode", json!(["a:1", "add"]), Value::Null),
        ("addnode", json!(["a:1", "remove", false]), Value::Null),
        ("addnode", json!(["a:1", "onetry"]), Value::Null),
        (
            "addconnection",
            json!(["1.2.3.4:5", "block-relay-only", false]),
            json!({ "address": "1.2.3.4:5", "connection_type": "block-relay-only" }),
        ),
        ("disconnectnode", json!(["a:1"]), Value::Null),
        ("disconnectnode", json!(["", 7]), Value::Null),
        ("disconnectnode", json!({ "nodeid": 8 }), Value::Null),
        ("ping", json!([]), Value::Null),
        ("setnetworkactive", json!([true]), json!(true)),
        ("setnetworkactive", json!([false]), json!(false)),
        (
            "addpeeraddress",
            json!(["1.2.3.4", 8333, true]),
            json!({ "success": true }),
        ),
    ] {
        let reply = connection.call(method, params.clone()).await;
        assert_eq!(reply["result"], result, "{method} {params}: {reply}");
    }
    let a = || "a:1".to_string();
    assert_eq!(
        *node.commands.lock().unwrap(),
        [
            Command::AddNode(a()),
            Command::RemoveNode(a()),
            Command::TryNode(a()),
            Command::OpenConnection {
                address: "1.2.3.4:5".into(),
                kind: ConnectionType::BlockRelayOnly
            },
            Command::DisconnectAddress(a()),
            Command::DisconnectId(7),
            Command::DisconnectId(8),
            Command::PingAll,
            Command::SetNetworkActive(true),
            Command::SetNetworkActive(false),
            Command::AddPeerAddress {
                address: "1.2.3.4".into(),
                port: 8333,
                tried: true
            },
        ]
    );
}

#[tokio::test]
async fn what_the_network_side_refuses_has_cores_code() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (refusal, method, params, code) in [
        (Refused::AlreadyAdded, "addnode", json!(["a", "add"]), -23),
        (Refused::NotAdded, "addnode", json!(["a", "remove"]), -24),
        (Refused::NotConnected, "disconnectnode", json!(["a"]), -29),
        (
            Refused::AtCapacity,
            "addconnection",
            json!(["a", "feeler", false]),
            -34,
        ),
        (
            Refused::InvalidAddress,
            "addpeeraddress",
            json!(["a", 1]),
            -30,
        ),
        (Refused::ShuttingDown, "ping", json!([]), -9),
    ] {
        *node.refusal.lock().unwrap() = Some(refusal);
        let reply = connection.call(method, params).await;
        assert_eq!(reply["error"]["code"], json!(code), "{method}");
    }
    for (refusal, error) in [
        (Refused::NewTableFull, "failed-adding-to-new"),
        (Refused::TriedTableFull, "failed-adding-to-tried"),
    ] {
        *node.refusal.lock().unwrap() = Some(refusal);
        let reply = connection
            .call("addpeeraddress", json!(["1.2.3.4", 1]))
            .await;
        assert_eq!(reply["result"], json!({ "error": error, "success": false }));
    }
}

#[tokio::test]
async fn contradictory_arguments_are_refused_before_anything_happens() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (method, params, code) in [
        ("addnode", json!(["a", "other"]), -1),
        ("addnode", json!(["a", "add", true]), -8),
        ("addconnection", json!(["a", "manual", false]), -8),
        ("addconnection", json!(["a", "feeler", true]), -8),
        ("disconnectnode", json!([]), -32602),
        ("disconnectnode", json!(["a", 1]), -32602),
        ("disconnectnode", json!(["", -1]), -29),
        ("addpeeraddress", json!(["1.2.3.4", 65536]), -1),
        ("getnodeaddresses", json!([-1]), -8),
        ("getnodeaddresses", json!([1, "marsnet"]), -8),
        ("setmocktime", json!([-1]), -8),
        ("setmocktime", json!([4_294_967_296_u64]), -8),
        ("getaddednodeinfo", json!(["a"]), -24),
    ] {
        let reply = connection.call(method, params.clone()).await;
        assert_eq!(
            reply["error"]["code"],
            json!(code),
            "{method} {params}: {reply}"
        );
    }
    assert_eq!(*node.commands.lock().unwrap(), []);
}

#[tokio::test]
async fn what_only_tests_should_do_is_refused_elsewhere() {
    let params = Arc::new(Params::new(Network::Bitcoin));
    let node = FakeNode::with_params(params, Timestamp::from_secs(1));
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let reply = connection.call("setmocktime", json!([5])).await;
    assert_eq!(
        reply["error"],
        json!({ "code": -1, "message": "setmocktime is for regression testing (-regtest mode) only" })
    );
    let reply = connection
        .call("addconnection", json!(["a", "feeler", false]))
        .await;
    assert_eq!(reply["error"]["code"], json!(-1));
}

#[tokio::test]
async fn the_clock_is_set_and_stop_is_passed_on() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    assert_eq!(
        connection.call("setmocktime", json!([1234])).await["result"],
        Value::Null
    );
    assert_eq!(*node.time.lock().unwrap(), Timestamp::from_secs(1234));
    assert!(!node.stopped.load(Ordering::SeqCst));
    assert_eq!(
        connection.call("stop", json!([])).await["result"],
        "tipward stopping"
    );
    assert!(node.stopped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn submitted_blocks_get_their_verdict() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let block = node.next_block();
    let hex = serialize_hex(&block);
    let submit = |hex: String| ("submitblock", json!([hex]));

    let (method, params) = submit(hex.clone());
    assert_eq!(
        connection.call(method, params.clone()).await["result"],
        Value::Null
    );
    assert_eq!(connection.call(method, params).await["result"], "duplicate");
    let count = connection.call("getblockcount", json!([])).await;
    assert_eq!(count["result"], json!(HEIGHT + 1));

    let mut broken = node.next_block();
    broken.txdata[0].output[0].value = tipward_primitives::bitcoin::Amount::ZERO;
    let (method, params) = submit(serialize_hex(&broken));
    assert_eq!(
        connection.call(method, params).await["result"],
        "bad-txnmrklroot"
    );

    let params_of = Params::new(Network::Regtest);
    let unknown = BlockBuilder::on(&params_of, &block.header, HEIGHT + 1)
        .extra_nonce(1234)
        .build();
    let orphan = BlockBuilder::on(&params_of, &unknown.header, HEIGHT + 2).build();
    let (method, params) = submit(serialize_hex(&orphan));
    assert_eq!(
        connection.call(method, params).await["result"],
        "prev-blk-not-found"
    );

    for undecodable in ["", "zz", "00", &hex[..100]] {
        let reply = connection.call("submitblock", json!([undecodable])).await;
        assert_eq!(
            reply["error"],
            json!({ "code": -22, "message": "Block decode failed" })
        );
    }
}

#[tokio::test]
async fn a_coinbase_without_its_witness_is_completed() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let mut block = node.next_block();
    assert!(!block.txdata[0].input[0].witness.is_empty());
    block.txdata[0].input[0].witness.clear();
    let reply = connection
        .call("submitblock", json!([serialize_hex(&block)]))
        .await;
    assert_eq!(reply["result"], Value::Null, "{reply}");
}

#[tokio::test]
async fn submitted_headers_need_their_parent() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let params = Params::new(Network::Regtest);
    let first = node.next_block().header;
    let second = BlockBuilder::on(&params, &first, HEIGHT + 1).build().header;

    let reply = connection
        .call("submitheader", json!([serialize_hex(&second)]))
        .await;
    let message = format!("Must submit previous header ({}) first", first.block_hash());
    assert_eq!(reply["error"], json!({ "code": -25, "message": message }));
    for header in [first, second, first] {
        let reply = connection
            .call("submitheader", json!([serialize_hex(&header)]))
            .await;
        assert_eq!(reply["result"], Value::Null, "{reply}");
    }
    let mut unworked = first;
    while unworked.validate_pow(unworked.target()).is_ok() {
        unworked.nonce += 1;
    }
    let reply = connection
        .call("submitheader", json!([serialize_hex(&unworked)]))
        .await;
    assert_eq!(
        reply["error"],
        json!({ "code": -25, "message": "high-hash" })
    );
    let reply = connection.call("submitheader", json!(["00"])).await;
    assert_eq!(
        reply["error"],
        json!({ "code": -22, "message": "Block header decode failed" })
    );
}

#[tokio::test]
async fn known_addresses_are_counted_by_network() {
    let node = FakeNode::new();
    *node.address_counts.lock().unwrap() = vec![
        AddressCount {
            network: NetworkName::Ipv4,
            new: 5,
            tried: 2,
        },
        AddressCount {
            network: NetworkName::Onion,
            new: 1,
            tried: 0,
        },
    ];
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let reply = connection.call("getaddrmaninfo", json!([])).await;
    let none = json!({ "new": 0, "tried": 0, "total": 0 });
    assert_eq!(
        reply["result"],
        json!({
            "ipv4": { "new": 5, "tried": 2, "total": 7 },
            "ipv6": none,
            "onion": { "new": 1, "tried": 0, "total": 1 },
            "i2p": none,
            "cjdns": none,
            "all_networks": { "new": 6, "tried": 2, "total": 8 },
        })
    );
}

#[tokio::test]
async fn known_addresses_are_listed() {
    let node = FakeNode::new();
    let address = |address: &str, network| NodeAddress {
        time: Timestamp::from_secs(1_700_000_000),
        services: 9,
        address: address.into(),
        port: 8333,
        network,
    };
    *node.addresses.lock().unwrap() = vec![
        address("1.2.3.4", NetworkName::Ipv4),
        address("::5", NetworkName::Ipv6),
        address("5.6.7.8", NetworkName::Ipv4),
    ];
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (params, count) in [
        (json!([]), 1),
        (json!([2]), 2),
        (json!([0]), 3),
        (json!([0, "IPv4"]), 2),
        (json!({ "network": "onion" }), 0),
    ] {
        let reply = connection.call("getnodeaddresses", params.clone()).await;
        assert_eq!(reply["result"].as_array().unwrap().len(), count, "{params}");
    }
    let reply = connection
        .call("getnodeaddresses", json!([1, "ipv6"]))
        .await;
    assert_eq!(
        reply["result"],
        json!([{ "time": 1_700_000_000, "services": 9, "address": "::5", "port": 8333, "network": "ipv6" }])
    );
}
