//! Chains shaped like the main network's: what Bitcoin Core makes of them.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::bitcoind::{Bitcoind, executable};
use super::process::eventually;
use super::tipward::{Served, Tipward};

/// Writes a chain; returns its tip and the block up to which its scripts can be assumed valid.
fn generate(file: &Path) -> (String, String) {
    let generated = Command::new(env!("CARGO_BIN_EXE_tipward"))
        .args(["generate", "--shape", "mainnet", "--blocks", "4"])
        .args(["--coins", "3k", "--weight", "400000", "--out"])
        .arg(file)
        .status()
        .expect("tipward starts");
    assert!(generated.success());
    let mut note = file.as_os_str().to_owned();
    note.push(".json");
    let note = std::fs::read(note).expect("a note beside the chain");
    let note: serde_json::Value = serde_json::from_slice(&note).expect("the note is JSON");
    let hash = |name: &str| note[name].as_str().expect("a hash").to_owned();
    (hash("tip"), hash("assume_valid"))
}

#[test]
fn bitcoind_takes_a_shaped_chain_from_a_serving_peer_with_and_without_its_scripts() {
    let name = "bitcoind_takes_a_shaped_chain_from_a_serving_peer_with_and_without_its_scripts";
    let Some(exe) = executable(name) else { return };
    let dir = TempDir::new().expect("a temporary directory");
    let file = dir.path().join("chain.dat");
    let (tip, assume_valid) = generate(&file);
    let served = Served::start("regtest", &file);
    for (assume_valid, words) in [
        (
            assume_valid.as_str(),
            "Disabling script verification at block #1 ",
        ),
        ("0", "Enabling script verification at block #1 "),
    ] {
        let option = format!("-assumevalid={assume_valid}");
        let core = Bitcoind::start(&exe, "regtest", &[served.port], &[&option]);
        eventually("bitcoind's tip", tip.clone(), || core.tip());
        let log = core.log();
        assert!(log.contains(words), "{words}: {log}");
        let info = core.call("getblockchaininfo", serde_json::json!([]));
        assert_eq!(info["initialblockdownload"], false);
        core.stop();

        let option = ["--assumevalid", assume_valid];
        let node = Tipward::start("regtest", &[served.port], &option);
        eventually("tipward's tip", tip.clone(), || node.tip());
        node.stop();
    }
}

#[test]
fn a_sync_is_measured_beside_bitcoinds() {
    let Some(exe) = executable("a_sync_is_measured_beside_bitcoinds") else {
        return;
    };
    let dir = TempDir::new().expect("a temporary directory");
    let file = dir.path().join("chain.dat");
    generate(&file);
    let bench = Command::new(env!("CARGO_BIN_EXE_tipward"))
        .args(["bench", "ibd", "--rounds", "1", "--scripts", "both"])
        .arg("--versus")
        .arg(&exe)
        .arg("--blocks")
        .arg(&file)
        .arg("--dir")
        .arg(dir.path())
        .output()
        .expect("tipward starts");
    let out = String::from_utf8_lossy(&bench.stdout);
    assert!(
        bench.status.success(),
        "{}",
        String::from_utf8_lossy(&bench.stderr)
    );
    assert_eq!(out.matches("ratio of the pairs").count(), 2, "{out}");
}
