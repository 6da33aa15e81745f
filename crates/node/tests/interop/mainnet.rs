//! The first 4,313 blocks of mainnet, both ways.

use std::path::PathBuf;

use serde_json::json;

use super::bitcoind::{Bitcoind, executable};
use super::process::eventually;
use super::tipward::{Served, Tipward};

const TIP: &str = "00000000a9da635727dce622d78361b153ce3334e6a60d4377fad529abfc7863";

/// The beginning of the chain has far less work than the default of either node demands.
const TIPWARD_OPTIONS: &[&str] = &["--minimumchainwork", "0"];
const BITCOIND_OPTIONS: &[&str] = &["-minimumchainwork=0"];

fn blocks() -> Option<PathBuf> {
    let dir = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = dir.join("mainnet-blocks-0-4312.dat");
    if file.exists() {
        return Some(file);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is missing",
        file.display()
    );
    eprintln!("skipped: {} is missing", file.display());
    None
}

#[test]
fn bitcoind_syncs_mainnets_beginning_from_tipward_and_tipward_from_bitcoind() {
    let Some(exe) =
        executable("bitcoind_syncs_mainnets_beginning_from_tipward_and_tipward_from_bitcoind")
    else {
        return;
    };
    let Some(blocks) = blocks() else { return };
    let served = Served::start("main", &blocks);
    let first = Tipward::start("main", &[served.port], TIPWARD_OPTIONS);
    eventually("tipward's tip", TIP.to_owned(), || first.tip());

    let core = Bitcoind::start(&exe, "main", &[first.p2p_port], BITCOIND_OPTIONS);
    eventually("bitcoind's tip", TIP.to_owned(), || core.tip());

    let second = Tipward::start("main", &[core.p2p_port], TIPWARD_OPTIONS);
    eventually("the second tipward's tip", TIP.to_owned(), || second.tip());
    assert_eq!(second.height(), 4_312);

    for height in [1, 2000, 4312] {
        let hash = core.call("getblockhash", json!([height]));
        assert_eq!(second.call("getblockhash", json!([height])), hash);
        for (method, params) in [
            ("getblock", json!([hash, 0])),
            ("getblock", json!([hash, 1])),
            ("getblockheader", json!([hash])),
        ] {
            assert_eq!(
                second.call(method, params.clone()),
                core.call(method, params),
                "{method} at {height} is shaped as Core's"
            );
        }
    }
    second.stop();
    first.stop();
}
