//! A node validates everything: its coins are those of Bitcoin Core, whatever happens to the process and to its files.

use std::path::Path;

use serde_json::json;
use tipward_testkit::generate::{ChainGenerator, ChainOptions, spoil, write_block_file};

use crate::harness::*;

/// Chain of blocks of every kind of script; in the copy, the block at this height has one wrong signature.
const SPOILED: u32 = 150;

#[test]
fn a_bad_signature_deep_inside_is_refused_at_its_block_and_the_node_goes_on() {
    let lab = temp_dir();
    let chain = || ChainGenerator::new(ChainOptions::mixed(7, 160, 200_000));
    let magic = *chain().params().magic.first_chunk().unwrap();
    let good = lab.path().join("good.dat");
    let bad = lab.path().join("bad.dat");
    write_block_file(&good, magic, chain()).unwrap();
    write_block_file(&bad, magic, spoil(chain(), SPOILED)).unwrap();

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
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where the test may not mount one.
    fn of_megabytes(size: u32) -> Option<Self> {
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

    fn path(&self) -> &Path {
        self.0.path()
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
    // All but thirty megabytes are taken: a third of what the chain needs.
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 270 << 20]).unwrap();
    let peers = [Peer::start("regtest", &[&file], &[])];
    let mut node = NodeOptions::new("regtest")
        .connect(&peers)
        .log(lab.path().join("debug.log"))
        .start(disk.path());
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
