//! The node in a bitcoind's place: Core's arguments, Core's configuration file.

use serde_json::json;

use crate::harness::*;
use crate::malformed::Target;

#[test]
fn cores_arguments_and_file_are_taken_and_what_means_nothing_is_said() {
    let dir = temp_dir();
    std::fs::write(
        dir.path().join("bitcoin.conf"),
        "regtest=1\n[regtest]\nrest=1\nrpcuser=lab\nrpcpassword=word\ntxindex=1\n[test]\nrest=0\n",
    )
    .unwrap();
    // In both forms side by side, as a wrapper of a wrapper may have it.
    let node = NodeOptions::new("regtest")
        .args(&[
            "-noconnect",
            "-fallbackfee=0.0001",
            "--nolisten",
            "-debug=net",
        ])
        .start(dir.path());
    let log = node.log();
    for notice in [
        "Option -fallbackfee is ignored: there is no wallet",
        "Option -txindex is ignored: there are no indexes",
    ] {
        assert!(log.contains(notice), "{notice}: {log}");
    }
    assert!(!log.contains("Listening on"), "{log}");
    assert!(node.get("/rest/chaininfo.json").is_ok());
    assert_eq!(node.call("getblockcount", json!([])), json!(0));
    node.stop();

    // The client finds the node by the same words.
    let called = finish(
        tipward()
            .args(["-regtest", "-rpcport=1"])
            .arg(format!("-datadir={}", dir.path().display()))
            .args(["cli", "getblockcount"]),
    );
    assert!(called.stderr.contains("127.0.0.1:1"), "{}", called.stderr);
}

#[test]
fn what_core_does_not_know_ends_the_start_with_a_suggestion() {
    let dir = temp_dir();
    let datadir = format!("-datadir={}", dir.path().display());
    for (argument, message) in [
        (
            "-regtst",
            "Error: invalid parameter -regtst: unknown option 'regtst': did you mean 'regtest'?\n",
        ),
        (
            "-whitelist=noban,relay@127.0.0.1",
            "Error: --whitelist: 'noban,relay@127.0.0.1': the permission \"relay\" means nothing to this node, which has no memory pool; name those that it has: noban, download\n",
        ),
        (
            "-onlynet=onion",
            "Error: -onlynet: the node connects to every network that it can: name peers by -connect, or use -proxy\n",
        ),
    ] {
        let ended = finish(tipward().args([&datadir, argument]));
        assert!(!ended.status.success());
        assert_eq!(ended.stderr, message);
    }
}

#[test]
fn peers_are_permitted_what_the_user_says_as_to_core() {
    for (entry, expected) in [
        ("-whitelist=noban@127.0.0.0/8", json!(["noban", "download"])),
        ("-whitelist=127.0.0.1", json!(["noban", "download"])),
        ("-whitelist=in,download@127.0.0.1", json!(["download"])),
        ("-whitelist=out,noban@127.0.0.1", json!([])),
    ] {
        let target = Target::start(&[entry]);
        let mut peer = target.peer();
        assert!(peer.answers());
        assert_eq!(target.node.peers()[0]["permissions"], expected, "{entry}");
    }
}
