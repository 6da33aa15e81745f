//! A node validates everything: its coins are those of Bitcoin Core, whatever happens to the process and to its files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, write_block_file};

use crate::harness::*;

/// What bitcoind's `gettxoutsetinfo muhash` says at mainnet's block 4312.
const MUHASH_4312: &str = "8ddda2747fb03d2bf57e08a23d4cab90f9e062c28bf5822760edc5238128a7e5";

/// Chain of blocks of every kind of script; in the copy, the block at this height has one wrong signature.
const SPOILED: u32 = 150;

fn coins(node: &Node) -> Value {
    node.call("gettxoutsetinfo", json!(["muhash"]))
}

/// A chain with so many coins that a node with little memory for them has to write them out again and again.
fn chain_of_many_coins(dir: &Path, blocks: u32) -> PathBuf {
    let file = dir.join("many-coins.dat");
    let blocks = blocks.to_string();
    let made = finish(tipward().args(["generate", "--out"]).arg(&file).args([
        "--blocks",
        &blocks,
        "--transactions",
        "20",
        "--coinbase-outputs",
        "600",
    ]));
    assert!(made.status.success(), "{}", made.stderr);
    file
}

#[test]
fn the_coins_after_mainnets_first_blocks_are_those_of_bitcoin_core() {
    let Some(file) = mainnet_blocks() else { return };
    let dir = temp_dir();
    let peers = [Peer::mainnet(&file)];
    let node = NodeOptions::new("main")
        .connect(&peers)
        .args(&["--assumevalid", "0"])
        .start(dir.path());
    node.wait_for_height(4312);
    let info = coins(&node);
    assert_eq!(info["height"], json!(4312));
    assert_eq!(info["txouts"], json!(4149));
    assert_eq!(info["total_amount"].to_string(), "215600.00000000");
    assert_eq!(info["muhash"], json!(MUHASH_4312));
    node.stop();
    // And again, from what is on disk alone.
    let node = NodeOptions::new("main")
        .args(&["--connect", "0"])
        .start(dir.path());
    node.wait_for_height(4312);
    assert_eq!(coins(&node)["muhash"], json!(MUHASH_4312));
    node.stop();
}

#[test]
fn a_node_that_is_killed_two_hundred_times_ends_with_the_same_coins() {
    let lab = temp_dir();
    let file = chain_of_many_coins(lab.path(), 600);
    let peer = || Peer::start("regtest", &[&file], &["--rate", "400000"]);
    let peers = [peer(), peer()];
    let undisturbed = {
        let dir = temp_dir();
        let node = NodeOptions::new("regtest")
            .connect(&peers)
            .start(dir.path());
        node.wait_for_height(600);
        let info = coins(&node);
        node.stop();
        info
    };
    let dir = temp_dir();
    let options = NodeOptions::new("regtest")
        .connect(&peers)
        .args(&["--dbcache", "4"]);
    for round in 0..200_u64 {
        let node = options.spawn(dir.path());
        // Not random, but spread as if: from before the lock is taken to well into connecting and flushing.
        std::thread::sleep(std::time::Duration::from_millis((round * 7919) % 330));
        node.kill();
    }
    let node = options.start(dir.path());
    node.wait_for_height(600);
    let info = coins(&node);
    for what in ["bestblock", "txouts", "total_amount", "muhash"] {
        assert_eq!(info[what], undisturbed[what], "{what}");
    }
    node.stop();
}

#[test]
fn a_bad_signature_deep_inside_is_refused_at_its_block_and_the_node_goes_on() {
    let lab = temp_dir();
    let chain = ChainGenerator::new(ChainOptions::mixed(7, 160, 200_000));
    let magic = *chain.params().magic.first_chunk().unwrap();
    let good = lab.path().join("good.dat");
    let bad = lab.path().join("bad.dat");
    write_block_file(&good, magic, chain).unwrap();
    let copied = finish(
        tipward()
            .args(["generate", "--spoil", &SPOILED.to_string(), "--copy"])
            .arg(&good)
            .arg("--out")
            .arg(&bad),
    );
    assert!(copied.status.success(), "{}", copied.stderr);

    let dir = temp_dir();
    let liars = [Peer::start("regtest", &[&bad], &[])];
    let mut node = NodeOptions::new("regtest")
        .connect(&liars)
        .args(&["--assumevalid", "0"])
        .start(dir.path());
    let refused = node.wait_for_line("block-script-verify-flag-failed");
    assert!(refused.contains("150"), "{refused}");
    wait_for("the end of the good part", || {
        (node.height() == u64::from(SPOILED) - 1).then_some(())
    });
    let tips = node.call("getchaintips", json!([]));
    let invalid = tips.as_array().unwrap().iter();
    assert!(
        invalid.clone().any(|tip| tip["status"] == json!("invalid")),
        "{tips}"
    );
    // The rest of the node goes on: it takes the right chain from the next who has it.
    let honest = Peer::start("regtest", &[&good], &[]);
    node.call("addnode", json!([honest.addr.to_string(), "onetry"]));
    node.wait_for_height(160);
    node.stop();
}

/// A small file system of its own, which goes with the test.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where the test may not mount one.
    pub(crate) fn of_megabytes(size: u32) -> Option<Self> {
        let dir = temp_dir();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"])
            .arg(dir.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(dir));
        }
        println!("skipped: mounting a tmpfs takes root");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file that takes all room but so many bytes.
    pub(crate) fn fill_but(&self, free: u64) -> PathBuf {
        use std::io::Write as _;
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[1; 1 << 16]).is_ok() {}
        let size = file.metadata().unwrap().len();
        file.set_len(size - free).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

#[test]
fn a_full_disk_stops_the_blocks_but_not_the_answers_until_there_is_room() {
    let Some(disk) = SmallDisk::of_megabytes(300) else {
        return;
    };
    let lab = temp_dir();
    let file = lab.path().join("chain.dat");
    let made = finish(
        tipward()
            .args(["generate", "--blocks", "300", "--weight", "600000", "--out"])
            .arg(&file),
    );
    assert!(made.status.success(), "{}", made.stderr);
    let log = lab.path().join("debug.log");
    let mut node = NodeOptions::new("regtest")
        .args(&["--connect", "0"])
        .log(log)
        .start(disk.path());
    // All but thirty megabytes are taken from under it: less than the chain needs.
    let ballast = disk.fill_but(30 << 20);
    let peer = Peer::start("regtest", &[&file], &[]);
    node.call("addnode", json!([peer.addr.to_string(), "onetry"]));
    let said = node.wait_for_line("No space left");
    println!("{said}");
    let stuck = node.height();
    assert!(stuck < 300);
    for _ in 0..20 {
        assert!(node.height() < 300);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    std::fs::remove_file(&ballast).unwrap();
    node.wait_for_height(300);
    node.stop();
}

/// Changes one byte in the middle of a file.
pub(crate) fn flip_a_byte(file: &Path, at: u64) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

/// The largest file of coins in a folder.
pub(crate) fn largest_run(dir: &Path) -> PathBuf {
    let files = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let runs = files.filter(|path| path.extension().is_some_and(|e| e == "run"));
    let size = |path: &PathBuf| std::fs::metadata(path).unwrap().len();
    runs.max_by_key(size).unwrap()
}

/// A regtest node with a hundred and fifty blocks from a peer, stopped; and what its coins are.
struct Synced {
    dir: tempfile::TempDir,
    _lab: tempfile::TempDir,
    peers: Vec<Peer>,
    coins: Value,
    /// A block that the user has called invalid since.
    judged: Option<Value>,
}

impl Synced {
    fn new() -> Self {
        let lab = temp_dir();
        let file = lab.path().join("chain.dat");
        let made = finish(
            tipward()
                .args([
                    "generate",
                    "--blocks",
                    "150",
                    "--transactions",
                    "10",
                    "--out",
                ])
                .arg(&file),
        );
        assert!(made.status.success(), "{}", made.stderr);
        let peers = vec![Peer::start("regtest", &[&file], &[])];
        let dir = temp_dir();
        let node = NodeOptions::new("regtest")
            .connect(&peers)
            .start(dir.path());
        node.wait_for_height(150);
        let coins = coins(&node);
        node.stop();
        Self {
            dir,
            _lab: lab,
            peers,
            coins,
            judged: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("regtest").join(name)
    }

    /// A node that has nobody to ask.
    fn alone(&self) -> Node {
        NodeOptions::new("regtest")
            .args(&["--connect", "0"])
            .spawn(self.dir.path())
    }

    /// Everything is as it was before the damage.
    fn assert_repaired_by(&self, option: &str) {
        let node = NodeOptions::new("regtest")
            .connect(&self.peers)
            .args(&[option])
            .start(self.dir.path());
        if let Some(hash) = &self.judged {
            // The user's word outlives the repair.
            node.wait_for_height(119);
            node.call("reconsiderblock", json!([hash]));
        }
        node.wait_for_height(150);
        assert_eq!(coins(&node)["muhash"], self.coins["muhash"]);
        // The undo data is whole again, too.
        let hash = node.call("getblockhash", json!([120]));
        node.call("invalidateblock", json!([hash]));
        assert_eq!(node.height(), 119);
        node.call("reconsiderblock", json!([hash]));
        node.wait_for_height(150);
        assert_eq!(coins(&node)["muhash"], self.coins["muhash"]);
        node.stop();
    }

    /// The node goes back over the last thirty blocks, and what it says before it ends.
    fn last_words_on_the_way_back(&mut self) -> String {
        let node = self.alone();
        node.wait_until_ready();
        let hash = node.call("getblockhash", json!([120]));
        self.judged = Some(hash.clone());
        // It ends before it can answer.
        let _ = node.try_call("invalidateblock", json!([hash]));
        let (status, stderr) = node.wait();
        assert!(!status.success());
        stderr
    }
}

#[test]
fn damaged_undo_data_is_named_and_reindex_chainstate_repairs_it() {
    let mut synced = Synced::new();
    let file = synced.path("blocks/rev00000.dat");
    let middle = std::fs::metadata(&file).unwrap().len() - 400;
    flip_a_byte(&file, middle);
    let words = synced.last_words_on_the_way_back();
    assert!(
        words.contains("rev00000.dat") && words.contains("--reindex-chainstate"),
        "{words}"
    );
    synced.assert_repaired_by("--reindex-chainstate");
}

#[test]
fn truncated_undo_data_is_named_and_reindex_chainstate_repairs_it() {
    let mut synced = Synced::new();
    let file = synced.path("blocks/rev00000.dat");
    let size = std::fs::metadata(&file).unwrap().len();
    let opened = std::fs::File::options().write(true).open(&file).unwrap();
    opened.set_len(size - 700).unwrap();
    let words = synced.last_words_on_the_way_back();
    assert!(words.contains("--reindex-chainstate"), "{words}");
    synced.assert_repaired_by("--reindex-chainstate");
}

#[test]
fn a_damaged_block_is_named_and_reindex_fetches_it_again() {
    let mut synced = Synced::new();
    let file = synced.path("blocks/blk00000.dat");
    let size = std::fs::metadata(&file).unwrap().len();
    flip_a_byte(&file, size - 2000);
    let words = synced.last_words_on_the_way_back();
    assert!(
        words.contains("blk00000.dat") && words.contains("--reindex"),
        "{words}"
    );
    // Marks are forgotten with everything else.
    synced.judged = None;
    synced.assert_repaired_by("--reindex");
}

#[test]
fn damaged_coins_are_named_and_reindex_chainstate_repairs_them() {
    for cut in [false, true] {
        let synced = Synced::new();
        let file = largest_run(&synced.path("coins"));
        let size = std::fs::metadata(&file).unwrap().len();
        if cut {
            let opened = std::fs::File::options().write(true).open(&file).unwrap();
            opened.set_len(size / 2).unwrap();
        } else {
            flip_a_byte(&file, size / 3);
        }
        let node = synced.alone();
        // Noticed at the start, or when all coins are read; never a wrong answer.
        let words = match node.wait_until_ready_or_ended() {
            Some(node) => {
                let answer = node.try_call("gettxoutsetinfo", json!(["muhash"]));
                let words = format!("{answer:?}");
                node.kill();
                words
            }
            None => synced.alone().wait().1,
        };
        assert!(
            words.contains("coins") && words.contains("--reindex-chainstate"),
            "{}: {words}",
            file.display()
        );
        synced.assert_repaired_by("--reindex-chainstate");
    }
}
