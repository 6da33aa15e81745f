//! The demonstration, the benchmark and the generator work, and leave nothing behind.

use std::path::Path;

use crate::harness::*;

fn is_empty(dir: &Path) -> bool {
    dir.read_dir().unwrap().next().is_none()
}

#[test]
fn the_demonstration_syncs_and_follows_and_leaves_nothing_behind() {
    let dir = temp_dir();
    let demo = finish(
        tipward()
            .args(["demo", "--blocks", "300"])
            .env("TMPDIR", dir.path()),
    );
    assert!(demo.status.success(), "{}", demo.stderr);
    assert_eq!(demo.stderr, "");
    for words in [
        "Synced to height 300 ",
        "Followed the new block",
        "height 301, tip ",
    ] {
        assert!(demo.stdout.contains(words), "{words}: {}", demo.stdout);
    }
    assert!(is_empty(dir.path()));
}

#[test]
fn the_download_benchmark_reports_ratio_cpu_and_memory() {
    let dir = temp_dir();
    let bench = finish(
        tipward()
            .args(["bench", "download", "--size", "5", "--rounds", "1", "--dir"])
            .arg(dir.path()),
    );
    assert!(bench.status.success(), "{}", bench.stderr);
    for words in [
        "plain TCP copy",
        "of the plain copy's",
        "s per GB",
        "MB at its peak",
    ] {
        assert!(bench.stdout.contains(words), "{words}: {}", bench.stdout);
    }
    assert!(is_empty(dir.path()));
}

#[test]
fn a_generated_chain_is_the_same_each_time_and_can_be_synced() {
    let dir = temp_dir();
    let files = ["a.dat", "b.dat"].map(|name| dir.path().join(name));
    for file in &files {
        let generated = finish(
            tipward()
                .args(["generate", "--blocks", "110", "--seed", "5", "--out"])
                .arg(file),
        );
        assert!(generated.status.success(), "{}", generated.stderr);
        assert!(
            generated.stdout.contains("at height 110"),
            "{}",
            generated.stdout
        );
    }
    assert_eq!(
        std::fs::read(&files[0]).unwrap(),
        std::fs::read(&files[1]).unwrap()
    );
    let peers = [Peer::start("regtest", &[&files[0]], &[])];
    let node = NodeOptions::new("regtest")
        .connect(&peers)
        .start(dir.path());
    node.wait_for_height(110);
    node.stop();
}
