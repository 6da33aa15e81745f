//! How a node finds its peers: by DNS seeds, through a proxy, as the user names them.

use std::path::PathBuf;

use serde_json::json;
use tipward_testkit::generate::{ChainGenerator, ChainOptions};

use crate::dns_server::DnsServer;
use crate::harness::*;
use crate::socks_server::SocksServer;

/// A chain of 120 blocks in a file.
fn chain(dir: &std::path::Path) -> PathBuf {
    let path = dir.join("chain.dat");
    let mut generator = ChainGenerator::new(ChainOptions {
        blocks: 120,
        ..ChainOptions::default()
    });
    let magic = generator.params().magic;
    let blocks: Vec<_> = generator.by_ref().collect();
    tipward_testkit::generate::write_block_file(&path, magic, blocks).unwrap();
    path
}

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";

#[test]
fn a_proxy_resolves_names_reaches_onions_and_keeps_connections_apart() {
    let dir = temp_dir();
    let file = chain(dir.path());
    let peer = Peer::start("regtest", &[&file], &[]);
    let proxy = SocksServer::start(peer.addr);
    let targets = [
        "seed.example:1234",
        ONION,
        "203.0.113.9:18444",
        "[2001:db9::1]:5",
    ];
    let mut options = NodeOptions::new("regtest").args(&["--proxy", &proxy.addr.to_string()]);
    for target in targets {
        options = options.args(&["--connect", target]);
    }
    let node = options.start(dir.path());
    node.wait_for_height(120);
    let expected = [
        "seed.example:1234".to_owned(),
        format!("{ONION}:18444"),
        "203.0.113.9:18444".to_owned(),
        "[2001:db9::1]:5".to_owned(),
    ];
    let asked = wait_for("four connections", || {
        let asked = proxy.asked();
        let all = expected
            .iter()
            .all(|target| asked.iter().any(|asked| asked.target == *target));
        all.then_some(asked)
    });
    for (i, one) in asked.iter().enumerate() {
        let credentials = one.credentials.as_ref().unwrap();
        for other in &asked[..i] {
            assert_ne!(Some(credentials), other.credentials.as_ref());
        }
    }
    node.stop();
}

#[test]
fn an_onion_proxy_is_used_for_onions_only() {
    let dir = temp_dir();
    let file = chain(dir.path());
    let peers = [Peer::start("regtest", &[&file], &[])];
    let proxy = SocksServer::start(peers[0].addr);
    let node = NodeOptions::new("regtest")
        .connect(&peers)
        .args(&["--connect", ONION, "--onion", &proxy.addr.to_string()])
        .args(&["--proxyrandomize", "off"])
        .start(dir.path());
    node.wait_for_height(120);
    let asked = wait_for("the onion", || proxy.asked().first().cloned());
    assert_eq!(asked.target, format!("{ONION}:18444"));
    assert_eq!(asked.credentials, None);
    let through_proxy = proxy.asked();
    assert!(
        through_proxy
            .iter()
            .all(|asked| asked.target.contains("onion"))
    );
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_given_by_the_user_are_looked_up() {
    let dir = temp_dir();
    let file = chain(dir.path());
    let peer = Peer::start("regtest", &[&file], &[]);
    let dns = DnsServer::start(&[("peer.test", &["127.0.0.1"])]).await;
    let node = NodeOptions::new("regtest")
        .args(&["--dnsserver", &dns.addr.to_string()])
        .args(&["--connect", &format!("peer.test:{}", peer.addr.port())])
        .start(dir.path());
    node.wait_for_height(120);
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn dns_seeds_are_asked_and_a_dead_one_costs_nothing() {
    let dir = temp_dir();
    // Addresses of class E, which no host has (RFC1112): what counts is that they come to be known. The names with the
    // service bits are asked for, and only one of the two seeds has one.
    let addrs = ["240.1.0.1", "241.2.0.2", "242.3.0.3"];
    let dns = DnsServer::start(&[("x9.good.test", &addrs)]).await;
    let mut node = NodeOptions::new("regtest")
        .args(&["--dnsserver", &dns.addr.to_string(), "--listen", "off"])
        .args(&["--dnsseedname", "dead.test", "--dnsseedname", "good.test"])
        .start(dir.path());
    let line = node.wait_for_line("Peers available: 3 ");
    assert!(line.contains("good.test"), "{line}");
    let known = wait_for("the addresses", || {
        let known = node.call("getnodeaddresses", json!([0]));
        let known = known.as_array()?.clone();
        (known.len() == 3).then_some(known)
    });
    assert!(known.iter().all(|entry| entry["network"] == "ipv4"));
    let counts = node.call("getaddrmaninfo", json!([]));
    assert_eq!(counts["ipv4"]["total"], 3);
    assert_eq!(counts["all_networks"], counts["ipv4"]);
    node.stop();
}

#[test]
fn a_node_serves_another_the_whole_chain() {
    let dir = temp_dir();
    let file = chain(dir.path());
    let peers = [Peer::start("regtest", &[&file], &[])];
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let bind = format!("127.0.0.1:{port}");
    let first = NodeOptions::new("regtest")
        .connect(&peers)
        .args(&["--bind", &bind])
        .start(&dir.path().join("first"));
    first.wait_for_height(120);
    let second = NodeOptions::new("regtest")
        .args(&["--connect", &bind])
        .start(&dir.path().join("second"));
    second.wait_for_height(120);
    assert_eq!(first.tip(), second.tip());
    assert!(
        first
            .peers()
            .iter()
            .any(|peer| peer["inbound"] == json!(true))
    );
    second.stop();
    first.stop();
}
