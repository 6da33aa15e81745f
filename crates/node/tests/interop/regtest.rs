//! Regtest: blocks made by Bitcoin Core, through tipward, to another Bitcoin Core.

use serde_json::json;
use tipward_primitives::bitcoin::{Address, Network, ScriptBuf};

use super::bitcoind::{Bitcoind, executable};
use super::process::eventually;
use super::tipward::Tipward;

/// One of sixteen addresses that anybody can spend from; another one makes another block of the same height.
fn address(number: u8) -> String {
    let anyone = ScriptBuf::from_bytes(vec![0x51 + number % 16]);
    Address::p2wsh(&anyone, Network::Regtest).to_string()
}

pub(crate) fn mine(daemon: &Bitcoind, blocks: u32) {
    mine_to(daemon, blocks, 0);
}

fn mine_to(daemon: &Bitcoind, blocks: u32, number: u8) {
    daemon.call("generatetoaddress", json!([blocks, address(number)]));
}

#[test]
fn a_chain_goes_from_bitcoind_through_tipward_to_another_bitcoind() {
    let Some(exe) = executable("a_chain_goes_from_bitcoind_through_tipward_to_another_bitcoind")
    else {
        return;
    };
    let source = Bitcoind::start(&exe, "regtest", &[], &[]);
    mine(&source, 2_100);

    let node = Tipward::start("regtest", &[source.p2p_port], &[]);
    eventually("tipward's tip", source.tip(), || node.tip());
    source.stop();

    let sink = Bitcoind::start(&exe, "regtest", &[node.p2p_port], &[]);
    eventually("the second bitcoind's tip", node.tip(), || sink.tip());
    assert_eq!(sink.height(), 2_100);

    mine(&sink, 1);
    eventually(
        "tipward follows what the second bitcoind mined",
        sink.tip(),
        || node.tip(),
    );
    node.stop();
}

#[test]
fn tipward_follows_bitcoind_over_a_reorganisation() {
    let Some(exe) = executable("tipward_follows_bitcoind_over_a_reorganisation") else {
        return;
    };
    let source = Bitcoind::start(&exe, "regtest", &[], &[]);
    mine(&source, 20);
    let node = Tipward::start("regtest", &[source.p2p_port], &[]);
    eventually("tipward's tip", source.tip(), || node.tip());

    let replaced = source.call("getblockhash", json!([15]));
    source.call("invalidateblock", json!([replaced]));
    mine_to(&source, 10, 1);
    assert_eq!(source.height(), 24);
    eventually("tipward's tip on the new branch", source.tip(), || {
        node.tip()
    });
    assert_eq!(node.height(), 24);
    let tips = node.call("getchaintips", json!([]));
    let fork = tips
        .as_array()
        .expect("a list")
        .iter()
        .find(|tip| tip["status"] != "active");
    assert_eq!(fork.expect("the old branch")["branchlen"], 6, "{tips}");
    node.stop();
}

#[test]
fn bitcoin_cli_works_against_tipward() {
    let Some(exe) = executable("bitcoin_cli_works_against_tipward") else {
        return;
    };
    let client = std::path::Path::new(&exe).with_file_name("bitcoin-cli");
    if !client.exists() {
        eprintln!("bitcoin_cli_works_against_tipward: skipped, no bitcoin-cli beside BITCOIND_EXE");
        return;
    }
    let node = Tipward::start("regtest", &[], &[]);
    let run = |args: &[&str]| {
        let output = std::process::Command::new(&client)
            .arg("-regtest")
            .arg(format!(
                "-rpccookiefile={}",
                node.dir().join("regtest/.cookie").display()
            ))
            .arg(format!("-rpcport={}", node.rpc_port()))
            .args(args)
            .output()
            .expect("bitcoin-cli starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let genesis = node.call("getblockhash", json!([0]));
    let genesis = genesis.as_str().expect("a hash");
    assert_eq!(run(&["getblockcount"]), (Some(0), "0".to_owned()));
    assert_eq!(run(&["getblockhash", "0"]).1, genesis);
    assert_eq!(run(&["-named", "getblockhash", "height=0"]).1, genesis);
    assert_eq!(
        run(&["getblockhash", "1"]).0,
        Some(8),
        "the exit code is the error's"
    );
    assert_eq!(run(&["-getinfo"]).0, Some(0));
    assert_eq!(run(&["-netinfo"]).0, Some(0));
    assert_eq!(run(&["stop"]).1, "tipward stopping");
}
