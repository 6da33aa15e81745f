//! A node that deletes old blocks stays below its limit, and serves, reorganizes and restarts as it should.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::*;

pub(crate) const BLOCKS: u64 = 1200;

/// Blocks that are kept in any case.
const KEPT: u64 = 288;

pub(crate) const MIB: u64 = 1 << 20;

/// The chain, and a limit in MiB that holds 288 of its blocks and far from all of them.
pub(crate) fn chain(dir: &Path) -> (PathBuf, u64) {
    let file = dir.join("chain.dat");
    let made = finish(tipward().args(["generate", "--out"]).arg(&file).args([
        "--blocks",
        &BLOCKS.to_string(),
        "--transactions",
        "12",
        "--seed",
        "5",
    ]));
    assert!(made.status.success(), "{}", made.stderr);
    let bytes = std::fs::metadata(&file).unwrap().len();
    let limit = (bytes * KEPT / BLOCKS * 2).div_ceil(MIB);
    assert!(bytes > limit * MIB * 3 / 2, "{bytes} bytes, {limit} MiB");
    (file, limit)
}

fn pruning(peers: &[Peer], limit: u64) -> NodeOptions {
    let limit = limit.to_string();
    let options = NodeOptions::new("regtest").args(&["--fastprune", "--prune", &limit]);
    match peers {
        [] => options.args(&["--connect", "0"]),
        peers => options.connect(peers),
    }
}

/// Bytes that each block file and undo file takes on the disk, with what the file system has set aside for it.
fn sizes_on_disk(netdir: &Path) -> HashMap<PathBuf, u64> {
    let Ok(entries) = std::fs::read_dir(netdir.join("blocks")) else {
        return HashMap::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "dat"))
        // A file may go while it is looked at.
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some((entry.path(), meta.len().max(meta.blocks() * 512)))
        })
        .collect()
}

/// What they took together at one moment, or somewhat less. One look from file to file may see a file that is deleted before
/// another one is made, and that one too; between two looks there was what both have seen.
fn on_disk(netdir: &Path) -> u64 {
    let (before, after) = (sizes_on_disk(netdir), sizes_on_disk(netdir));
    before
        .iter()
        .filter_map(|(path, size)| Some(*size.min(after.get(path)?)))
        .sum()
}

fn info(node: &Node) -> Value {
    node.call("getblockchaininfo", json!([]))
}

fn hash_at(node: &Node, height: u64) -> Value {
    node.call("getblockhash", json!([height]))
}

/// The most that was ever seen on the disk while `work` went on.
pub(crate) fn most_on_disk(netdir: &Path, work: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(on_disk(netdir));
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        });
        work();
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    })
}

#[test]
fn the_disk_stays_below_the_limit_throughout_the_sync_and_the_last_blocks_can_be_had() {
    let lab = temp_dir();
    let (file, limit) = chain(lab.path());
    let peers = [
        Peer::start("regtest", &[&file], &[]),
        Peer::start("regtest", &[&file], &[]),
    ];
    let dir = temp_dir();
    let node = pruning(&peers, limit).start(dir.path());
    let most = most_on_disk(&node.netdir, || node.wait_for_height(BLOCKS));
    assert!(
        most <= limit * MIB,
        "{most} bytes with a limit of {limit} MiB"
    );
    println!("at most {most} of {} bytes", limit * MIB);

    // More may be deleted while they are asked for.
    let (told, first, blocks) = loop {
        let told = info(&node);
        let first = told["pruneheight"].as_u64().unwrap();
        let block = |height| node.try_call("getblock", json!([hash_at(&node, height), 3]));
        let blocks: Vec<_> = (first..=BLOCKS).map(block).collect();
        if info(&node)["pruneheight"] == first {
            break (told, first, blocks);
        }
    };
    assert!(first > 1 && first <= BLOCKS - KEPT + 1, "{told}");
    assert_eq!(told["automatic_pruning"], true);
    assert_eq!(told["prune_target_size"], limit * MIB);
    assert!(told["size_on_disk"].as_u64().unwrap() <= limit * MIB);
    for (height, block) in (first..).zip(blocks) {
        assert_eq!(block.unwrap()["height"], height);
    }
    let gone = hash_at(&node, first - 1);
    let refused = node.try_call("getblock", json!([gone])).unwrap_err();
    assert!(
        refused.contains("Block not available (pruned data)"),
        "{refused}"
    );
    let network = node.call("getnetworkinfo", json!([]));
    let services = network["localservicesnames"].to_string();
    assert!(
        services.contains("NETWORK_LIMITED") && !services.contains("\"NETWORK\""),
        "{services}"
    );

    // A reorganization as deep as blocks are kept, there and back.
    let tip = node.tip();
    let deep = hash_at(&node, BLOCKS - KEPT + 1);
    node.call("invalidateblock", json!([deep]));
    assert_eq!(node.height(), BLOCKS - KEPT);
    node.call("reconsiderblock", json!([deep]));
    node.wait_for_tip(&tip);
    let refused = node.try_call("invalidateblock", json!([gone])).unwrap_err();
    assert!(refused.contains("pruned data"), "{refused}");
    node.stop();

    // What is gone is known after a restart, and only with the option does it start at all.
    let node = pruning(&[], limit).start(dir.path());
    assert_eq!(node.tip(), tip);
    // More may have been deleted: coins were flushed.
    assert!(info(&node)["pruneheight"].as_u64().unwrap() >= first);
    assert!(!node.log().contains("Repaired"), "{}", node.log());
    node.stop();
    let start = |args: &[&str]| {
        let options = ["--network", "regtest", "--connect", "0", "--server", "off"];
        let mut command = tipward();
        command.arg("--datadir").arg(dir.path());
        let finished = finish(command.args(options).args(args));
        assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
        finished.stderr
    };
    let refused = start(&[]);
    assert!(
        refused.contains("--prune") && refused.contains("--reindex"),
        "{refused}"
    );
    let refused = start(&["--reindex-chainstate"]);
    assert!(refused.contains("--reindex instead"), "{refused}");

    // All over again, by its own wish.
    let node = NodeOptions::new("regtest")
        .connect(&peers)
        .args(&["--reindex"])
        .start(dir.path());
    node.wait_for_height(BLOCKS);
    assert_eq!(info(&node)["pruned"], false);
    node.call("getblock", json!([gone]));
    node.stop();
}

#[test]
fn a_node_that_is_killed_while_it_deletes_ends_with_the_same_coins_and_the_same_blocks() {
    let lab = temp_dir();
    let (file, limit) = chain(lab.path());
    let peer = || Peer::start("regtest", &[&file], &["--rate", "2000000"]);
    let peers = [peer(), peer()];
    let coins = |node: &Node| node.call("gettxoutsetinfo", json!(["muhash"]))["muhash"].clone();
    let undisturbed = {
        let dir = temp_dir();
        let node = NodeOptions::new("regtest")
            .connect(&peers)
            .start(dir.path());
        node.wait_for_height(BLOCKS);
        let coins = coins(&node);
        node.stop();
        coins
    };
    let dir = temp_dir();
    let options = pruning(&peers, limit);
    let netdir = dir.path().join("regtest");
    let mut killed_while_pruned = 0;
    for round in 0..60_u64 {
        let node = options.spawn(dir.path());
        // Not random, but spread as if.
        std::thread::sleep(Duration::from_millis(50 + (round * 7919) % 400));
        node.kill();
        killed_while_pruned += u32::from(netdir.join("blocks/blk.pruned").exists());
        assert!(on_disk(&netdir) <= limit * MIB);
    }
    println!("{killed_while_pruned} of 60 ends with deleted blocks");
    let node = options.start(dir.path());
    node.wait_for_height(BLOCKS);
    assert_eq!(coins(&node), undisturbed);
    let first = info(&node)["pruneheight"].as_u64().unwrap();
    assert!(first > 1 && first <= BLOCKS - KEPT + 1);
    for height in first..=BLOCKS {
        node.call("getblock", json!([hash_at(&node, height), 3]));
    }
    assert!(on_disk(&netdir) <= limit * MIB);
    node.stop();
}

#[test]
fn by_order_blocks_are_deleted_up_to_a_height() {
    let lab = temp_dir();
    let (file, _) = chain(lab.path());
    let peers = [Peer::start("regtest", &[&file], &[])];
    let dir = temp_dir();
    let node = pruning(&peers, 1).start(dir.path());
    node.wait_for_height(BLOCKS);
    let told = info(&node);
    assert_eq!(
        (&told["pruneheight"], &told["automatic_pruning"]),
        (&json!(0), &json!(false))
    );
    let before = on_disk(&node.netdir);
    let last = node.call("pruneblockchain", json!([500])).as_u64().unwrap();
    assert!((300..=500).contains(&last), "{last}");
    assert_eq!(info(&node)["pruneheight"], last + 1);
    assert!(on_disk(&node.netdir) < before);
    let again = node.call("pruneblockchain", json!([500]));
    assert_eq!(again, last);
    let all = node
        .call("pruneblockchain", json!([BLOCKS]))
        .as_u64()
        .unwrap();
    assert!(all <= BLOCKS - KEPT);
    node.stop();
}

#[test]
fn limits_that_cannot_hold_are_refused_with_the_reason() {
    let dir = temp_dir();
    for (args, words) in [
        (&["--prune", "549"] as &[&str], "at least 550 MiB"),
        (&["--prune", "-1"], "cannot be negative"),
        (
            &["--prune", "550", "--reindex-chainstate"],
            "--reindex instead",
        ),
        (&["--fastprune", "--network", "signet"], "regtest only"),
    ] {
        let finished = finish(tipward().arg("--datadir").arg(dir.path()).args(args));
        assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
    }
}
