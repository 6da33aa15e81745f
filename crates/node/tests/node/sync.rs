//! A node syncs mainnet's first blocks from local peers, whatever some of them do.

use std::path::Path;

use serde_json::json;

use crate::harness::*;

/// Mainnet's block 2000.
const BLOCK_2000: &str = "00000000dfd5d65c9d8561b4b8f60a63018fe3933ecb131fb37f905f87da951a";
/// Mainnet's block 4312, the last of the test data.
const BLOCK_4312: &str = "00000000a9da635727dce622d78361b153ce3334e6a60d4377fad529abfc7863";

/// Four honest peers, each sending so many bytes a second.
fn four_peers(file: &Path, rate: &str) -> Vec<Peer> {
    (0..4)
        .map(|_| Peer::start("main", &[file], &["--rate", rate]))
        .collect()
}

fn assert_synced(node: &Node) {
    node.wait_for_height(4312);
    assert_eq!(node.tip(), BLOCK_4312);
    assert_eq!(node.call("getblockhash", json!([2000])), json!(BLOCK_2000));
}

#[test]
fn four_peers_deliver_the_chain_in_fair_parts() {
    let Some(file) = mainnet_blocks() else { return };
    let dir = temp_dir();
    let peers = four_peers(&file, "50000");
    let mut node = NodeOptions::new("main").connect(&peers).start(dir.path());
    assert_synced(&node);
    let line = node.wait_for_line(BLOCK_2000);
    assert!(
        node.log()
            .lines()
            .any(|line| line.contains("Height = 2000, POW = 8594360698833")),
        "{line}"
    );
    let delivered: Vec<u64> = node
        .peers()
        .iter()
        .map(|peer| peer["bytesrecv_per_msg"]["block"].as_u64().unwrap_or(0))
        .collect();
    let all: u64 = delivered.iter().sum();
    assert_eq!(delivered.len(), 4);
    assert!(
        delivered.iter().all(|bytes| *bytes * 20 >= all),
        "one had less than a twentieth: {delivered:?}"
    );
    let netdir = node.netdir.clone();
    node.stop();
    assert_stored_once(&netdir, 4313);
}

#[test]
fn peers_that_die_stall_or_lie_hold_nothing_up() {
    let Some(file) = mainnet_blocks() else { return };
    let dir = temp_dir();
    let mut honest = four_peers(&file, "200000");
    let stalling = Peer::start("main", &[&file], &["--stall-after", "0"]);
    let tenths: Vec<String> = (10..4300).step_by(10).map(|h| h.to_string()).collect();
    let tenths: Vec<&str> = tenths.iter().map(String::as_str).collect();
    let lies = [&["--rate", "200000", "--corrupt-block"], &tenths[..]].concat();
    let lying = Peer::start("main", &[&file], &lies);
    let mut node = NodeOptions::new("main").connect(&honest).start(dir.path());
    // These two once only: a node goes on trying a peer that it was told to stay connected to.
    for peer in [&stalling, &lying] {
        node.call("addnode", json!([peer.addr.to_string(), "onetry"]));
    }
    node.wait_for_height(1000);
    honest[0].kill();
    honest[1].kill();
    assert_synced(&node);
    let refused = node.wait_for_line("bad-txnmrklroot");
    assert!(refused.contains("refused"), "{refused}");
    for (peer, why) in [(&lying, "bad-txnmrklroot"), (&stalling, "not answered")] {
        let addr = peer.addr.to_string();
        wait_for("its end", || {
            let gone = node.peers().iter().all(|left| left["addr"] != json!(addr));
            gone.then_some(())
        });
        let log = node.log();
        let parting = log
            .lines()
            .find(|line| line.contains("Disconnecting") && line.contains(&addr));
        assert!(
            parting.is_some_and(|line| line.contains(why)),
            "{parting:?}"
        );
    }
    let netdir = node.netdir.clone();
    node.stop();
    assert_stored_once(&netdir, 4313);
}

#[test]
fn a_node_at_the_tip_starts_again_and_downloads_nothing() {
    let Some(file) = mainnet_blocks() else { return };
    let dir = temp_dir();
    let peers = vec![Peer::mainnet(&file)];
    let options = NodeOptions::new("main").connect(&peers);
    let node = options.start(dir.path());
    assert_synced(&node);
    node.stop();
    let mut node = options.start(dir.path());
    assert_eq!(node.height(), 4312);
    let ready = node.wait_for_line("Ready after");
    println!("{ready}");
    // The handshake is done and everything that follows from it has been asked for when the answer to the first ping
    // is in.
    wait_for("a pong", || {
        node.peers()
            .iter()
            .find(|peer| peer["pingtime"].is_number())
            .map(|_| ())
    });
    for peer in node.peers() {
        assert!(peer["bytesrecv_per_msg"]["block"].is_null(), "{peer}");
    }
    let netdir = node.netdir.clone();
    node.stop();
    assert_stored_once(&netdir, 4313);
}

#[test]
fn a_node_that_is_killed_fifty_times_continues_each_time() {
    let Some(file) = mainnet_blocks() else { return };
    let dir = temp_dir();
    // Together about five seconds for the whole, so that the kills fall all over it.
    let peers = four_peers(&file, "60000");
    let options = NodeOptions::new("main").connect(&peers);
    let mut last = 0;
    for round in 0..50_u64 {
        let node = options.spawn(dir.path());
        // Not random, but spread as if: from before the lock is taken to well into the download.
        let wait = (round * 7919) % 400;
        std::thread::sleep(std::time::Duration::from_millis(wait));
        node.kill();
        let stored = stored_blocks_so_far(dir.path());
        assert!(
            stored >= last,
            "round {round}: {stored} blocks after {last}"
        );
        last = stored;
    }
    let node = options.start(dir.path());
    assert_synced(&node);
    let netdir = node.netdir.clone();
    node.stop();
    assert_stored_once(&netdir, 4313);
}

/// Whole blocks in the files: what a crash cut off in the middle does not count.
fn stored_blocks_so_far(datadir: &Path) -> usize {
    let file = datadir.join("main/blocks/blk00000.dat");
    let bytes = std::fs::read(file).unwrap_or_default();
    let mut rest = &bytes[..];
    let mut count = 0;
    while rest.len() > 88 && rest[..4] != [0; 4] {
        let size = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let Some(next) = rest.get(8 + size..) else {
            break;
        };
        rest = next;
        count += 1;
    }
    count
}
