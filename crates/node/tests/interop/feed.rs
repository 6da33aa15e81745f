//! Blocks as files: those of a Bitcoin Core data directory into tipward, and tipward's export into Bitcoin Core.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tipward_primitives::RawBlock;
use tipward_primitives::bitcoin::consensus::serialize;
use tipward_primitives::bitcoin::{Address, Network, ScriptBuf};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, write_block_file};

use super::bitcoind::{Bitcoind, executable};
use super::process::eventually;
use super::tipward::Tipward;

/// One of sixteen addresses that anybody can spend from; another one makes another block of the same height.
fn address(number: u8) -> String {
    let anyone = ScriptBuf::from_bytes(vec![0x51 + number % 16]);
    Address::p2wsh(&anyone, Network::Regtest).to_string()
}

/// A chain of blocks that spend, in a file; the hash of its tip.
fn chain_that_spends(file: &Path) -> String {
    let mut generator = ChainGenerator::new(ChainOptions {
        blocks: 140,
        ..ChainOptions::default()
    });
    let (magic, genesis) = {
        let params = generator.params();
        (params.magic, serialize(&params.genesis))
    };
    // Without it, a bitcoind that begins with this file takes the first block for one without a parent.
    let genesis = RawBlock::new(genesis.into()).expect("a block");
    let blocks = std::iter::once(genesis).chain(generator.by_ref());
    write_block_file(file, magic, blocks).expect("a file");
    generator.tip_hash().to_string()
}

/// Puts blocks on top of 140, with a branch of ten that lost.
fn mine_with_a_branch(daemon: &Bitcoind) {
    daemon.call("generatetoaddress", json!([10, address(0)]));
    let replaced = daemon.call("getblockhash", json!([141]));
    daemon.call("invalidateblock", json!([replaced]));
    daemon.call("generatetoaddress", json!([70, address(1)]));
    assert_eq!(daemon.height(), 210);
}

/// Runs a command of tipward's that must work; what it says.
fn tipward(datadir: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tipward"))
        .args(["--network", "regtest", "--datadir"])
        .arg(datadir)
        .args(args)
        .output()
        .expect("tipward starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn coins(call: impl Fn(&str, Value) -> Value) -> Value {
    call("gettxoutsetinfo", json!(["muhash"]))["muhash"].clone()
}

#[test]
fn the_block_files_of_bitcoind_are_imported_and_an_export_loads_into_bitcoind() {
    let Some(exe) =
        executable("the_block_files_of_bitcoind_are_imported_and_an_export_loads_into_bitcoind")
    else {
        return;
    };
    let lab = TempDir::new().expect("a temporary directory");
    let made = lab.path().join("made.dat");
    let beginning = chain_that_spends(&made);
    // Core's default is to encode its block files with a random key.
    for encoded in [true, false] {
        let xor = format!("-blocksxor={}", u8::from(encoded));
        let load = format!("-loadblock={}", made.display());
        let core = Bitcoind::start(&exe, "regtest", &[], &[&xor, &load]);
        eventually("bitcoind's tip", beginning.clone(), || core.tip());
        mine_with_a_branch(&core);
        let (tip, core_coins) = (core.tip(), coins(|m, p| core.call(m, p)));
        let core_dir = core.stop_and_keep();
        let key = std::fs::read(core_dir.path().join("regtest/blocks/xor.dat")).expect("a key");
        assert_eq!(key.iter().any(|byte| *byte != 0), encoded);

        // The data directory as it is, and a single block file of it.
        let block_file = core_dir.path().join("regtest/blocks/blk00000.dat");
        for path in [core_dir.path(), &block_file] {
            let dir = TempDir::new().expect("a temporary directory");
            let path = path.to_str().expect("a path in UTF-8");
            let told = tipward(dir.path(), &["import", path]);
            assert!(told.contains("Imported 220 blocks"), "{told}");
            assert!(told.contains(&format!("{tip} at height 210")), "{told}");
            let told = tipward(dir.path(), &["verify", "--level", "4"]);
            assert!(told.contains("All is well"), "{told}");
        }

        let dir = TempDir::new().expect("a temporary directory");
        let path = core_dir.path().to_str().expect("a path in UTF-8");
        tipward(dir.path(), &["import", path]);
        let export = dir.path().join("bootstrap.dat");
        let export = export.to_str().expect("a path in UTF-8");
        tipward(dir.path(), &["export", "--blocks", export]);

        let node = Tipward::start_in(dir, "regtest", &[], &[]);
        assert_eq!((node.tip(), node.height()), (tip.clone(), 210));
        assert_eq!(coins(|m, p| node.call(m, p)), core_coins);

        let load = format!("-loadblock={export}");
        let fresh = Bitcoind::start(&exe, "regtest", &[], &[&load]);
        let what = "the tip of a bitcoind that loads the export";
        eventually(what, tip.clone(), || fresh.tip());
        assert_eq!(coins(|m, p| fresh.call(m, p)), core_coins);
        fresh.stop();
        node.stop();
    }
}
