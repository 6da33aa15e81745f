//! The harness `corepc-node`, which test suites start a bitcoind with: it starts the program of ours by one variable, with
//! the arguments that it has for Bitcoin Core, and its client understands the answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use bitcoincore_rpc::bitcoin::Network;
use corepc_node::{Conf, Node, P2P, exe_path};

use crate::node::address;

/// The variable by which the harness finds the program.
const VARIABLE: &str = "BITCOIND_EXE";
/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_bitcoind-stand-in");

/// Runs a test of this file in a process that has the variable; this one's cannot be changed while tests run.
fn with_variable(test: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", test])
        .env(VARIABLE, PROGRAM)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&status.stdout);
    assert!(
        status.status.success() && out.contains("1 passed"),
        "{out}{}",
        String::from_utf8_lossy(&status.stderr)
    );
}

/// The harness's own arguments; it makes a wallet unless told not to.
fn conf() -> Conf<'static> {
    let mut conf = Conf::default();
    conf.wallet = None;
    conf
}

#[test]
fn the_harness_starts_the_node_by_one_variable_and_understands_it() {
    with_variable("corepc::session");
}

#[test]
fn a_data_directory_works_wherever_it_is_copied_to() {
    with_variable("corepc::copied");
}

#[test]
#[ignore = "run by the test above, with the variable set"]
fn session() {
    let exe = exe_path().unwrap();
    assert_eq!(exe, PROGRAM);
    let mut first = conf();
    first.p2p = P2P::Yes;
    first.enable_zmq = true;
    let mut node = Node::with_conf(&exe, &first).unwrap();
    let client = &node.client;
    let made = client.generate_to_address(101, &address()).unwrap();
    let made = made.into_model().unwrap().0;
    let tip = *made.last().unwrap();

    let info = client.get_blockchain_info().unwrap().into_model().unwrap();
    assert_eq!((info.chain, info.blocks), (Network::Regtest, 101));
    assert_eq!(info.best_block_hash, tip);
    let block = client.get_block(made[0]).unwrap();
    assert_eq!(block.block_hash(), made[0]);
    let verbose = client.get_block_verbose_one(tip).unwrap();
    let verbose = verbose.into_model().unwrap();
    assert_eq!((verbose.height, verbose.confirmations), (101, 1));
    let header = client.get_block_header_verbose(&tip).unwrap();
    let header = header.into_model().unwrap();
    assert_eq!(header.previous_block_hash, Some(made[99]));
    let coin = client.get_tx_out(block.txdata[0].compute_txid(), 0);
    assert!(coin.unwrap().into_model().unwrap().coinbase);
    let tips = client.get_chain_tips().unwrap().into_model().unwrap();
    assert_eq!(tips.0.len(), 1);
    client
        .get_deployment_info(&tip)
        .unwrap()
        .into_model()
        .unwrap();
    client.get_mining_info().unwrap().into_model().unwrap();
    client.get_network_info().unwrap().into_model().unwrap();
    assert!(client.get_raw_mempool().unwrap().0.is_empty());
    let published = client.get_zmq_notifications().unwrap();
    let kinds: Vec<_> = published.iter().map(|one| one.type_.as_str()).collect();
    assert_eq!(kinds, ["pubrawblock", "pubrawtx"]);

    // Another one, connected to the first.
    let mut second = conf();
    second.p2p = node.p2p_connect(false).unwrap();
    let mut other = Node::with_conf(&exe, &second).unwrap();
    let waited = other.client.wait_for_block_height(101).unwrap();
    assert_eq!(waited.into_model().unwrap().hash, tip);
    let peers = other.client.get_peer_info().unwrap().0;
    assert_eq!(peers.len(), 1);
    assert!(other.stop().unwrap().success());
    assert!(node.stop().unwrap().success());
}

#[test]
#[ignore = "run by the test above, with the variable set"]
fn copied() {
    let exe = exe_path().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("here"), dir.path().join("there"));
    let start = |dir: &Path| {
        let mut conf = conf();
        conf.staticdir = Some(dir.to_owned());
        Node::with_conf(&exe, &conf).unwrap()
    };
    let mut node = start(&here);
    node.client.generate_to_address(110, &address()).unwrap();
    let set = node.client.get_tx_out_set_info().unwrap();
    let tip = node.client.best_block_hash().unwrap();
    assert!(node.stop().unwrap().success());

    copy(&here, &there);
    fs::remove_dir_all(&here).unwrap();
    let mut node = start(&there);
    assert_eq!(node.client.best_block_hash().unwrap(), tip);
    let copied = node.client.get_tx_out_set_info().unwrap();
    assert_eq!(copied.hash_serialized_3, set.hash_serialized_3);
    node.client.generate_to_address(1, &address()).unwrap();
    assert!(node.stop().unwrap().success());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
