//! A node that has only the last blocks, between two bitcoinds.

use serde_json::json;

use super::bitcoind::{Bitcoind, executable};
use super::process::eventually;
use super::regtest::mine;
use super::tipward::Tipward;

#[test]
fn a_bitcoind_gets_the_last_288_blocks_of_a_node_that_has_no_others() {
    let Some(exe) = executable("a_bitcoind_gets_the_last_288_blocks_of_a_node_that_has_no_others")
    else {
        return;
    };
    let source = Bitcoind::start(&exe, "regtest", &[], &[]);
    mine(&source, 1_000);
    // It stays behind.
    let sink = Bitcoind::start(&exe, "regtest", &[source.p2p_port], &[]);
    eventually("the second bitcoind's tip", source.tip(), || sink.tip());
    sink.call("setnetworkactive", json!([false]));
    mine(&source, 280);

    let node = Tipward::start(
        "regtest",
        &[source.p2p_port],
        &["--fastprune", "--prune", "1"],
    );
    eventually("tipward's tip", source.tip(), || node.tip());
    let last = node.call("pruneblockchain", json!([1_000]));
    assert!(last.as_u64().is_some_and(|last| last > 500), "{last}");
    let seen = source.call("getpeerinfo", json!([]));
    let names = seen
        .as_array()
        .and_then(|peers| peers.last())
        .map(|peer| &peer["servicesnames"]);
    let names = names.map(ToString::to_string).unwrap_or_default();
    assert!(
        names.contains("NETWORK_LIMITED") && !names.contains("\"NETWORK\""),
        "{seen}"
    );
    let tip = source.tip();
    source.stop();

    sink.call("setnetworkactive", json!([true]));
    let addr = format!("127.0.0.1:{}", node.p2p_port);
    sink.call("addnode", json!([addr, "onetry"]));
    eventually("the second bitcoind's tip", tip, || sink.tip());
    node.stop();
}
