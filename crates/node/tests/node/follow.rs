//! A node follows what a peer announces: new blocks, a fork that loses, a fork that wins.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tipward_primitives::{Network, Params, RawBlock};
use tipward_testkit::build::BlockBuilder;

use crate::harness::*;

/// Blocks of a regtest chain that all stand on `parent`.
fn branch(parent: Option<&RawBlock>, parent_height: u32, length: u32, salt: u64) -> Vec<RawBlock> {
    let params = Params::new(Network::Regtest);
    let mut parent = parent.map_or(params.genesis.header, RawBlock::header);
    (0..length)
        .map(|i| {
            let block = BlockBuilder::on(&params, &parent, parent_height + i)
                .extra_nonce(salt)
                .build_raw();
            parent = block.header();
            block
        })
        .collect()
}

fn append(file: &Path, blocks: &[RawBlock]) {
    use std::io::Write as _;
    let mut bytes = Vec::new();
    for block in blocks {
        bytes.extend(Params::new(Network::Regtest).magic);
        bytes.extend((block.size() as u32).to_le_bytes());
        bytes.extend(block.bytes());
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    file.write_all(&bytes).unwrap();
}

struct Lab {
    _dir: tempfile::TempDir,
    blocks: PathBuf,
    main: Vec<RawBlock>,
    _peer: Peer,
    node: Node,
}

/// A node that has the twenty blocks of its only peer.
fn lab(options: &[&str]) -> Lab {
    let dir = temp_dir();
    let blocks = dir.path().join("blocks.dat");
    let main = branch(None, 0, 20, 0);
    append(&blocks, &main);
    let options: Vec<&str> = ["--follow"].iter().chain(options).copied().collect();
    let peer = Peer::start("regtest", &[&blocks], &options);
    let peers = [peer];
    let node = NodeOptions::new("regtest")
        .connect(&peers)
        .start(dir.path());
    let [peer] = peers;
    node.wait_for_tip(&main[19].block_hash().to_string());
    Lab {
        _dir: dir,
        blocks,
        main,
        _peer: peer,
        node,
    }
}

/// Height, branch length and status of every tip.
fn tips(node: &Node) -> Vec<(u64, u64, String)> {
    let tips = node.call("getchaintips", json!([]));
    let number = |tip: &Value, name: &str| tip[name].as_u64().unwrap();
    let mut tips: Vec<_> = tips
        .as_array()
        .unwrap()
        .iter()
        .map(|tip| {
            let status = tip["status"].as_str().unwrap().to_owned();
            (number(tip, "height"), number(tip, "branchlen"), status)
        })
        .collect();
    tips.sort();
    tips
}

fn tip(height: u64, branch: u64, status: &str) -> (u64, u64, String) {
    (height, branch, status.to_owned())
}

fn follows_blocks_and_forks(mut lab: Lab) {
    let next = branch(lab.main.last(), 20, 1, 0);
    append(&lab.blocks, &next);
    let hash = next[0].block_hash().to_string();
    lab.node.wait_for_tip(&hash);
    lab.node.wait_for_line(&format!("New tip = {hash}"));
    assert_eq!(tips(&lab.node), [tip(21, 0, "active")]);

    // A block beside block 21, with one more on it: the node turns back by one block.
    let fork = branch(lab.main.last(), 20, 2, 1);
    append(&lab.blocks, &fork);
    lab.node.wait_for_tip(&fork[1].block_hash().to_string());
    lab.node.wait_for_line("Reorganization at height 20");
    assert_eq!(
        tips(&lab.node),
        [tip(21, 1, "valid-fork"), tip(22, 0, "active")]
    );

    // A fork from far below, longer than all: by as many blocks as it takes.
    let long = branch(Some(&lab.main[9]), 10, 30, 2);
    append(&lab.blocks, &long);
    lab.node.wait_for_tip(&long[29].block_hash().to_string());
    lab.node.wait_for_line("Reorganization at height 10");
    assert_eq!(
        tips(&lab.node),
        [
            tip(21, 11, "valid-fork"),
            tip(22, 12, "valid-fork"),
            tip(40, 0, "active")
        ]
    );
    assert_eq!(
        lab.node.call("getblockhash", json!([15])),
        json!(long[4].block_hash().to_string())
    );
    lab.node.stop();
}

#[test]
fn blocks_and_forks_announced_by_headers_are_followed() {
    follows_blocks_and_forks(lab(&[]));
}

#[test]
fn blocks_and_forks_announced_by_inv_are_followed() {
    follows_blocks_and_forks(lab(&["--announce", "inv"]));
}

#[test]
fn a_submitted_block_becomes_the_tip_and_its_rival_a_fork() {
    let mut lab = lab(&[]);
    let hex = |block: &RawBlock| {
        let hex: String = block.bytes().iter().map(|b| format!("{b:02x}")).collect();
        json!([hex])
    };
    let next = branch(lab.main.last(), 20, 1, 7);
    assert_eq!(lab.node.call("submitblock", hex(&next[0])), Value::Null);
    assert_eq!(lab.node.tip(), next[0].block_hash().to_string());
    assert_eq!(
        lab.node.call("submitblock", hex(&next[0])),
        json!("duplicate")
    );
    let rival = branch(lab.main.last(), 20, 1, 8);
    assert_eq!(
        lab.node.call("submitblock", hex(&rival[0])),
        json!("inconclusive")
    );
    assert_eq!(lab.node.tip(), next[0].block_hash().to_string());
    lab.node
        .wait_for_line(&format!("New tip = {}", next[0].block_hash()));
    lab.node.stop();
}
