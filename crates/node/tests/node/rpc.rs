//! What JSON-RPC changes in a running node, and who may reach it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;
use tipward_rpc::Credentials;
use tipward_rpc::client::{CallError, Client, Login};

use crate::harness::*;

#[test]
fn a_ban_ends_a_connection_refuses_the_next_and_outlives_a_kill() {
    let dir = temp_dir();
    let options = NodeOptions::new("regtest");
    let banned_dir = temp_dir();
    let node = options
        .clone()
        .args(&["--bind", "127.0.0.1:0", "--connect", "0", "--listen", "on"])
        .start(dir.path());
    let addr = node.p2p_addr();
    let other = options
        .clone()
        .args(&["--connect", &addr.to_string()])
        .start(banned_dir.path());
    wait_for("the connection", || {
        (!node.peers().is_empty()).then_some(())
    });
    node.call("setban", json!(["127.0.0.0/8", "add", 3600]));
    wait_for("its end", || node.peers().is_empty().then_some(()));
    let again = node.try_call("setban", json!(["127.0.0.0/8", "add"]));
    assert!(again.unwrap_err().contains("already banned"));
    for (params, words) in [
        (json!(["127.0.0.1", "add"]), "already banned"),
        (
            json!(["127.0.0.1", "remove"]),
            "not previously manually banned",
        ),
        (json!(["127.0.0.1/42", "add"]), "Invalid IP/Subnet"),
        (json!(["nonsense", "add"]), "Invalid IP/Subnet"),
    ] {
        let refusal = node.try_call("setban", params.clone()).unwrap_err();
        assert!(refusal.contains(words), "{params}: {refusal}");
    }
    node.kill();

    let node = options.args(&["--connect", "0"]).start(dir.path());
    let bans = node.call("listbanned", json!([]));
    assert_eq!(bans[0]["address"], "127.0.0.0/8");
    assert_eq!(bans[0]["ban_duration"], json!(3600));
    node.call("setban", json!(["127.0.0.0/8", "remove"]));
    assert_eq!(node.call("listbanned", json!([])), json!([]));
    node.stop();
    other.stop();
}

#[test]
fn logging_in_detail_begins_and_ends_while_the_node_runs() {
    let dir = temp_dir();
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0", "--debug", "store"])
        .start(dir.path());
    let details = node.call("logging", json!([]));
    assert_eq!(
        (&details["rpc"], &details["store"]),
        (&json!(false), &json!(true))
    );
    node.call("uptime", json!([]));
    let details = node.call("logging", json!([["rpc"], ["store"]]));
    assert_eq!(
        (&details["rpc"], &details["store"]),
        (&json!(true), &json!(false))
    );
    node.call("getblockcount", json!([]));
    node.call("logging", json!([[], ["all"]]));
    node.call("getdifficulty", json!([]));
    let log = node.log();
    assert!(log.contains("getblockcount"), "{log}");
    assert!(
        !log.contains("uptime") && !log.contains("getdifficulty"),
        "{log}"
    );
    node.stop();
}

#[test]
fn rest_and_salted_users_are_there_when_asked_for() {
    const LOGIN: &str = "alice:f7efda5c189b999524f151318c0c86d5$29f6b98eb2593ddbd093718174a19b97b2fae0d51e59fcbe57ca7c8be8145f67";
    let dir = temp_dir();
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0", "--rest", "--rpcauth", LOGIN])
        .args(&[
            "--rpcwhitelist",
            "alice:getblockcount",
            "--rpcwhitelistdefault",
            "off",
        ])
        .start(dir.path());
    let addr = node.rpc_addr();
    let genesis = node.call("getblockhash", json!([0]));
    let path = "/rest/blockhashbyheight/0.json";
    let response = get(addr, path);
    assert!(
        response.ends_with(&format!("{}\n", json!({ "blockhash": genesis }))),
        "{response}"
    );
    let alice = Client {
        addr,
        login: Login::Password(Credentials::new("alice", "correct horse:battery")),
        timeout: Some(PATIENCE),
    };
    assert_eq!(alice.call("getblockcount", &json!([])).unwrap(), json!(0));
    let refused = alice.call("stop", &json!([])).unwrap_err();
    assert!(!matches!(refused, CallError::Rpc(_)), "{refused}");
    node.stop();
}

fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}
