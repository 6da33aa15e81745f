//! Core's `bitcoin-cli` drives a tipward that was started in a bitcoind's place: with Core's arguments and one
//! `bitcoin.conf` for both.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::bitcoind::{Bitcoind, executable};
use super::process::{Process, eventually, free_port};

/// The client beside the daemon that the user named.
struct Cli<'a> {
    program: PathBuf,
    datadir: &'a Path,
}

impl Cli<'_> {
    /// Runs it to its end: the exit code, what it printed, what it complained of.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(&self.program)
            .arg(format!("-datadir={}", self.datadir.display()))
            .args(args)
            .output()
            .expect("bitcoin-cli starts");
        let text = |bytes| String::from_utf8(bytes).expect("it prints text");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Runs it and expects it to be content.
    fn print(&self, args: &[&str]) -> String {
        let (code, out, error) = self.run(args);
        assert_eq!((code, error.as_str()), (Some(0), ""), "{args:?}: {out}");
        out
    }

    fn json(&self, args: &[&str]) -> Value {
        let out = self.print(args);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }
}

#[test]
fn bitcoin_cli_drives_a_tipward_in_a_bitcoinds_place() {
    let Some(exe) = executable("bitcoin_cli_drives_a_tipward_in_a_bitcoinds_place") else {
        return;
    };
    let program = Path::new(&exe).with_file_name("bitcoin-cli");
    if !program.exists() {
        eprintln!("skipped, no bitcoin-cli beside BITCOIND_EXE");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (rpc_port, p2p_port) = (free_port(), free_port());
    let conf = format!(
        "regtest=1\nserver=1\n[regtest]\nrpcport={rpc_port}\nbind=127.0.0.1:{p2p_port}\nconnect=0\n"
    );
    std::fs::write(dir.path().join("bitcoin.conf"), conf).expect("a file can be written");
    let child = Command::new(env!("CARGO_BIN_EXE_tipward"))
        .arg(format!("-datadir={}", dir.path().display()))
        .args(["-listen=1", "-printtoconsole=0", "-disablewallet"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("tipward starts");
    let mut process = Process(child);
    let cli = Cli {
        program,
        datadir: dir.path(),
    };

    // The cookie, the port and the network are where the client looks for them.
    let info = cli.json(&["-rpcwait", "getblockchaininfo"]);
    assert_eq!(info["chain"], "regtest");
    let descriptor = "raw(51)";
    let made = cli.json(&["generatetodescriptor", "5", descriptor]);
    let tip = made[4].as_str().expect("a hash");
    assert_eq!(cli.print(&["getbestblockhash"]).trim_end(), tip);

    // A peer, for the client's tables.
    let peer = Bitcoind::start(&exe, "regtest", &[p2p_port], &[]);
    eventually("bitcoind has the blocks", tip.to_owned(), || peer.tip());
    eventually("bitcoind's version is known", true, || {
        let peers = cli.json(&["getpeerinfo"]);
        peers[0]["subver"]
            .as_str()
            .is_some_and(|name| name.starts_with("/Satoshi"))
    });

    let getinfo = cli.print(&["-color=never", "-getinfo"]);
    for line in [
        "Chain: regtest",
        "Blocks: 5",
        "Headers: 5",
        "Network: in 1, out 0, total 1",
    ] {
        assert!(getinfo.contains(line), "{line}: {getinfo}");
    }
    let netinfo = cli.print(&["-netinfo", "4"]);
    for words in [
        "70016/tipward:",
        "70016/Satoshi:",
        "in          0       0       1       1",
    ] {
        assert!(netinfo.contains(words), "{words}: {netinfo}");
    }
    assert_eq!(cli.json(&["getblock", tip])["height"], 5);
    let coinbase = &cli.json(&["getblock", tip, "2"])["tx"][0];
    assert_eq!(coinbase["vout"][0]["scriptPubKey"]["hex"], "51");
    let raw = cli.print(&[
        "-named",
        "getblock",
        &format!("blockhash={tip}"),
        "verbosity=0",
    ]);
    assert_eq!(
        raw.trim_end(),
        peer.call("getblock", serde_json::json!([tip, 0]))
    );
    for (method, words) in [
        ("", "== Blockchain =="),
        ("getblock", "getblock \"blockhash\""),
    ] {
        let help = cli.print(&["help", method]);
        assert!(help.contains(words), "{help}");
    }
    let (code, _, error) = cli.run(&["getblockhash", "6"]);
    assert_eq!(code, Some(8), "{error}");
    assert!(error.contains("error code: -8"), "{error}");
    let (code, _, error) = cli.run(&["getbalance"]);
    assert_eq!(code, Some(89), "{error}");

    peer.stop();
    assert!(!cli.print(&["stop"]).is_empty());
    assert!(process.wait(), "tipward ends when told to");
    let (code, _, error) = cli.run(&["getblockcount"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("Could not connect to the server"), "{error}");
}
