//! The demonstration, the benchmark and the generator work, and leave nothing behind.

use std::path::Path;

use crate::harness::*;

fn is_empty(dir: &Path) -> bool {
    dir.read_dir().unwrap().next().is_none()
}

fn assert_says(text: &str, all_words: &[&str]) {
    for words in all_words {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// What a benchmark that works in this directory prints.
fn bench(args: &[&str], dir: &Path) -> String {
    let bench = finish(tipward().arg("bench").args(args).arg("--dir").arg(dir));
    assert!(bench.status.success(), "{}", bench.stderr);
    bench.stdout
}

/// The same of one that works with a chain, and writes its figures into a file: those.
fn figures_of_bench(args: &[&str], chain: &Path, dir: &Path) -> (String, serde_json::Value) {
    let json = dir.join("figures.json");
    let files = [
        "--blocks",
        chain.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ];
    let said = bench(&[args, &files].concat(), dir);
    let told = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    (said, told)
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
    assert_says(
        &demo.stdout,
        &[
            "Synced to height 300 ",
            "Followed the new block",
            "height 301, tip ",
        ],
    );
    assert!(is_empty(dir.path()));
}

#[test]
fn the_download_benchmark_reports_ratio_cpu_and_memory() {
    let dir = temp_dir();
    let said = bench(&["download", "--size", "5", "--rounds", "1"], dir.path());
    assert_says(
        &said,
        &[
            "plain TCP copy",
            "of the plain copy's",
            "s per GB",
            "MB at its peak",
        ],
    );
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

/// A chain shaped like the main network's, as small as it can be, long enough for its scripts to be assumed valid.
fn small_mainnet_chain(file: &Path) {
    let generated = finish(
        tipward()
            .args(["generate", "--shape", "mainnet", "--blocks", "3"])
            .args(["--coins", "2k", "--weight", "100000", "--out"])
            .arg(file),
    );
    assert!(generated.status.success(), "{}", generated.stderr);
    assert_says(
        &generated.stdout,
        &[
            "at height 2204",
            "full blocks 102 to 104:",
            "--assumevalid ",
        ],
    );
}

#[test]
fn a_chain_shaped_like_the_main_network_is_synced_with_and_without_its_scripts() {
    let dir = temp_dir();
    let chain = dir.path().join("chain.dat");
    small_mainnet_chain(&chain);
    let args = ["ibd", "--rounds", "1", "--scripts", "both"];
    let (_, told) = figures_of_bench(&args, &chain, dir.path());
    let runs = told["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for (run, scripts) in runs.iter().zip([false, true]) {
        assert_eq!(run["scripts"], scripts);
        let figures = &run["figures"];
        let of = |name: &str| figures[name].as_f64().unwrap();
        assert!(of("to_end") >= of("to_tip") && of("to_tip") > 0.0, "{run}");
        assert!(of("cpu") >= of("cpu_to_tip") && of("peak") > 1.0, "{run}");
    }
    assert_eq!(told["medians"].as_array().unwrap().len(), 2);
    // The chain, its note and the figures.
    assert_eq!(dir.path().read_dir().unwrap().count(), 3);
}

#[test]
fn a_chain_shaped_like_the_main_network_is_replayed_without_a_network() {
    let dir = temp_dir();
    let chain = dir.path().join("chain.dat");
    small_mainnet_chain(&chain);
    let args = ["replay", "--rounds", "1", "--scripts", "on", "--blocks"];
    let said = bench(
        &[&args[..], &[chain.to_str().unwrap()]].concat(),
        dir.path(),
    );
    assert_says(
        &said,
        &[
            "scripts verified, dbcache 450 MiB",
            "blocks ready to connect",
            " flushes, ",
            "to_tip",
        ],
    );
    assert_eq!(dir.path().read_dir().unwrap().count(), 2);
}

#[test]
fn calls_are_answered_while_a_chain_is_synced_and_its_blocks_are_fetched_by_rest() {
    let dir = temp_dir();
    let chain = dir.path().join("chain.dat");
    small_mainnet_chain(&chain);
    let args = [
        "rpc",
        "--connections",
        "8",
        "--rate",
        "400",
        "--rest-rounds",
        "1",
    ];
    let (said, told) = figures_of_bench(&args, &chain, dir.path());
    assert_says(
        &said,
        &["full blocks: ", "getblockchaininfo: ", "blocks by REST: "],
    );
    let round = &told.as_array().unwrap()[0];
    let of = |name: &str| round[name].as_f64().unwrap();
    assert!(of("answers") > 0.0 && of("failed") == 0.0, "{round}");
    // The callers' part is measured to the nanosecond. The node's is counted in hundredths, and may be none in a chain this short.
    assert!(of("share_of_cores") > 0.0 && of("share_of_cores").is_finite());
    assert!(of("p50_ms") <= of("p99_ms") && of("p99_ms") <= of("most_ms"));
    assert!(round["rest_bytes_per_second"][0].as_f64().unwrap() > 0.0);
    assert!(round["plain_bytes_per_second"][0].as_f64().unwrap() > 0.0);
    assert_eq!(dir.path().read_dir().unwrap().count(), 3);
}

#[test]
fn a_chain_is_not_spoiled_past_its_end_nor_where_nothing_is_signed() {
    let dir = temp_dir();
    let chain = dir.path().join("chain.dat");
    let generate = |args: &[&str]| finish(tipward().arg("generate").args(args));
    let chain_arg = chain.to_str().unwrap();
    let made = generate(&["--blocks", "3", "--out", chain_arg]);
    assert!(made.status.success(), "{}", made.stderr);
    let copy = dir.path().join("copy.dat");
    let copy_arg = copy.to_str().unwrap();
    for (height, out, words) in [
        ("0", copy_arg, "between 1 and 3"),
        ("4", copy_arg, "between 1 and 3"),
        ("2", copy_arg, "no P2WPKH input"),
        ("2", chain_arg, "another file"),
    ] {
        let args = ["--copy", chain_arg, "--spoil", height, "--out", out];
        let refused = generate(&args);
        assert!(!refused.status.success());
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
