//! How the process begins and ends, and what it says to an operator who got something wrong.

use std::net::TcpListener;

use serde_json::json;

use crate::harness::*;

/// Runs a node that must not start; its one line on standard error.
fn refusal(args: &[&str], datadir: &std::path::Path) -> String {
    let finished = finish(tipward().arg("--datadir").arg(datadir).args(args));
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", finished.stderr);
    assert!(lines[0].starts_with("Error: "), "{}", finished.stderr);
    lines[0].to_owned()
}

#[test]
fn stop_sigint_and_sigterm_end_the_node_well_and_in_silence() {
    let dir = temp_dir();
    let options = NodeOptions::new("regtest").args(&["--connect", "0"]);
    let node = options.start(dir.path());
    let netdir = node.netdir.clone();
    assert!(netdir.join(".cookie").exists());
    node.stop();
    assert!(!netdir.join(".cookie").exists());
    for signal in ["INT", "TERM"] {
        let node = options.start(dir.path());
        node.signal(signal);
        let (status, stderr) = node.wait();
        assert!(status.success(), "{signal}: {status}");
        assert_eq!(stderr, "");
    }
}

#[test]
fn a_second_node_on_one_directory_is_refused() {
    let dir = temp_dir();
    let options = NodeOptions::new("regtest").args(&["--connect", "0"]);
    let node = options.start(dir.path());
    let error = refusal(
        &[
            "--network",
            "regtest",
            "--connect",
            "0",
            "--rpcbind",
            "127.0.0.1:0",
        ],
        dir.path(),
    );
    assert!(error.contains("in use by another tipward"), "{error}");
    assert_eq!(node.height(), 0);
    node.stop();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let dir = temp_dir();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let common = ["--network", "regtest", "--connect", "0"];
    let error = refusal(
        &[&common[..], &["--server", "off", "--bind", &addr]].concat(),
        dir.path(),
    );
    assert!(error.contains(&addr) && error.contains("--port"), "{error}");
    let error = refusal(&[&common[..], &["--rpcbind", &addr]].concat(), dir.path());
    assert!(
        error.contains(&addr) && error.contains("--rpcport"),
        "{error}"
    );
}

#[test]
fn wrong_options_are_explained_in_one_line() {
    let dir = temp_dir();
    for (args, words) in [
        (&["--conect", "a"] as &[&str], "did you mean '--connect'?"),
        (&["--network", "mainet"], "mainet"),
        (&["--port", "70000"], "70000"),
        (&["--dnsseed", "perhaps"], "must be on or off"),
        (
            &["--proxy", "somewhere"],
            "--proxy: 'somewhere' is no IP address",
        ),
        (
            &["--conf", "/nowhere/tipward.toml"],
            "/nowhere/tipward.toml",
        ),
    ] {
        let error = refusal(args, dir.path());
        assert!(error.contains(words), "{error}");
    }
    std::fs::write(dir.path().join("tipward.toml"), "lisen = true\n").unwrap();
    let error = refusal(&[], dir.path());
    assert!(error.contains("unknown option 'lisen'"), "{error}");
    assert!(error.contains("did you mean 'listen'?"), "{error}");
}

#[test]
fn a_directory_of_another_network_is_refused() {
    let dir = temp_dir();
    NodeOptions::new("regtest")
        .args(&["--connect", "0"])
        .start(dir.path())
        .stop();
    std::fs::rename(dir.path().join("regtest"), dir.path().join("testnet4")).unwrap();
    let error = refusal(
        &["--network", "testnet4", "--connect", "0", "--server", "off"],
        dir.path(),
    );
    assert!(error.contains("regtest"), "{error}");
}

#[test]
fn the_node_stops_at_the_height_it_was_told() {
    let Some(file) = mainnet_blocks() else { return };
    let dir = temp_dir();
    let peers = [Peer::mainnet(&file)];
    let options = NodeOptions::new("main")
        .connect(&peers)
        .args(&["--stopatheight", "500"]);
    let (status, stderr) = options.spawn(dir.path()).wait();
    assert!(status.success(), "{status}: {stderr}");
    assert_eq!(stderr, "");
    // Blocks that were on their way may have been stored as well; a restart with the same option stops at once.
    let (status, _) = options.spawn(dir.path()).wait();
    assert!(status.success());
    let node = NodeOptions::new("main")
        .args(&["--connect", "0"])
        .start(dir.path());
    assert!(node.height() >= 500);
    node.stop();
}

#[test]
fn a_mocked_clock_moves_every_timer() {
    let dir = temp_dir();
    let blocks = dir.path().join("blocks.dat");
    std::fs::write(&blocks, []).unwrap();
    let peers = [Peer::start("regtest", &[&blocks], &[])];
    let node = NodeOptions::new("regtest")
        .connect(&peers)
        .start(dir.path());
    let pings = |node: &Node| node.peers().first()?["bytessent_per_msg"]["ping"].as_u64();
    let first = wait_for("the first ping", || pings(&node));
    let now = node.call("getnetworkinfo", json!([]));
    assert!(now.is_object());
    let time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // Past the interval between two pings.
    node.call("setmocktime", json!([time + 150]));
    wait_for("the next ping", || (pings(&node)? > first).then_some(()));
    node.call("setmocktime", json!([0]));
    node.stop();
}

#[test]
fn help_teaches() {
    let help = finish(tipward().arg("--help"));
    assert!(help.status.success());
    assert_eq!(help.stderr, "");
    for words in [
        "--connect",
        "--network",
        "Examples:",
        "serve",
        "cli",
        "demo",
    ] {
        assert!(help.stdout.contains(words), "{words}");
    }
    let version = finish(tipward().arg("--version"));
    assert_eq!(
        version.stdout.trim(),
        concat!("tipward ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_client_prints_results_and_exits_with_the_nodes_error() {
    let dir = temp_dir();
    let port = {
        // Free a moment ago is as good as it gets for a port that two processes must agree on.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0", "--rpcport", &port])
        .args(&["--rpcbind", &format!("127.0.0.1:{port}")])
        .start(dir.path());
    let cli = |args: &[&str]| {
        finish(
            tipward()
                .args(["--network", "regtest", "--datadir"])
                .arg(dir.path())
                .args(["cli", "--rpcport", &port])
                .args(args),
        )
    };
    let count = cli(&["getblockcount"]);
    assert_eq!((count.stdout.as_str(), count.stderr.as_str()), ("0\n", ""));
    let error = cli(&["getblockhash", "7"]);
    assert_eq!(error.status.code(), Some(8));
    assert!(
        error.stderr.contains("Block height out of range"),
        "{}",
        error.stderr
    );
    node.stop();
    let gone = cli(&["getblockcount"]);
    assert!(!gone.status.success());
    assert_eq!(gone.stdout, "");
}
