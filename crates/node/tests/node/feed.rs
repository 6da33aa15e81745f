//! Feeding the node what its operator has: import, export, and building anew from the files.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tipward_primitives::{BlockHash, Network, Params, RawBlock};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, Fork, ForkOrder, write_block_file};

use crate::harness::*;
use crate::prune;
use crate::validate::SmallDisk;

/// A command on a regtest data directory, without a progress bar.
fn command(datadir: &Path, args: &[&str]) -> Finished {
    finish(
        tipward()
            .args(["--network", "regtest", "--datadir"])
            .arg(datadir)
            .args(args),
    )
}

/// A command that must work, and what it says.
fn done(datadir: &Path, args: &[&str]) -> String {
    let finished = command(datadir, args);
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stderr, "");
    finished.stdout
}

/// A command that must fail with one line, and that line.
fn refused(datadir: &Path, args: &[&str]) -> String {
    let finished = command(datadir, args);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", finished.stderr);
    assert!(lines[0].starts_with("Error: "), "{}", finished.stderr);
    lines[0].to_owned()
}

fn import(datadir: &Path, file: &Path) -> String {
    done(datadir, &["import", file.to_str().unwrap()])
}

fn export(datadir: &Path, file: &Path, more: &[&str]) -> String {
    let args = ["export", "--blocks", file.to_str().unwrap()];
    done(datadir, &[&args[..], more].concat())
}

fn params() -> Params {
    Params::new(Network::Regtest)
}

/// A chain of spending blocks with two branches beside it, one of which leads for a while; the hash of its tip.
fn forked_chain(seed: u64, blocks: u32) -> (Vec<RawBlock>, BlockHash) {
    let fork = |base, length, order| Fork {
        base,
        length,
        order,
    };
    let mut generator = ChainGenerator::new(ChainOptions {
        seed,
        blocks,
        forks: vec![
            fork(blocks / 2, 3, ForkOrder::First),
            fork(blocks - 20, 5, ForkOrder::Last),
        ],
        ..ChainOptions::default()
    });
    let all: Vec<RawBlock> = generator.by_ref().collect();
    let tip = generator.tip_hash();
    (all, tip)
}

/// The blocks in an order that has nothing to do with their heights.
fn shuffled(blocks: &[RawBlock]) -> Vec<RawBlock> {
    let mut blocks = blocks.to_vec();
    blocks.sort_by_key(|block| block.block_hash());
    blocks
}

fn write(path: &Path, blocks: &[RawBlock]) {
    write_block_file(path, params().magic, blocks.iter().cloned()).unwrap();
}

/// The tip, its height and the hash of all coins, as a node says when it starts on the directory.
fn state(datadir: &Path) -> (String, u64, serde_json::Value) {
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0"])
        .start(datadir);
    let coins = node.call("gettxoutsetinfo", json!(["muhash"]));
    let state = (node.tip(), node.height(), coins["muhash"].clone());
    node.stop();
    state
}

#[test]
fn blocks_in_any_order_with_branches_among_them_lead_to_the_same_tip_and_coins() {
    let dir = temp_dir();
    let (blocks, tip) = forked_chain(1, 150);
    let (ordered, mixed) = (dir.path().join("ordered.dat"), dir.path().join("mixed.dat"));
    write(&ordered, &blocks);
    write(&mixed, &shuffled(&blocks));
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    for (datadir, file) in [(&a, &ordered), (&b, &mixed)] {
        let told = import(datadir, file);
        assert!(
            told.contains(&format!("Imported {} blocks", blocks.len())),
            "{told}"
        );
        assert!(told.contains(&format!("{tip} at height 150")), "{told}");
        assert_stored_once(&datadir.join("regtest"), blocks.len() + 1);
    }
    let ours = state(&a);
    assert_eq!((&ours.0, ours.1), (&tip.to_string(), 150));
    assert_eq!(ours, state(&b));

    // What is there is passed over.
    let told = import(&a, &mixed);
    assert!(told.contains("Imported 0 blocks"), "{told}");
    assert_stored_once(&a.join("regtest"), blocks.len() + 1);
}

#[test]
fn an_export_that_is_imported_and_exported_again_is_the_same_to_the_byte() {
    let dir = temp_dir();
    let path = |name: &str| dir.path().join(name);
    let (blocks, tip) = forked_chain(2, 130);
    write(&path("blocks.dat"), &shuffled(&blocks));
    import(&path("a"), &path("blocks.dat"));
    let told = export(&path("a"), &path("first.dat"), &[]);
    assert!(told.contains("Exported 131 blocks"), "{told}");
    assert!(told.contains(&tip.to_string()), "{told}");
    import(&path("b"), &path("first.dat"));
    export(&path("b"), &path("second.dat"), &[]);
    let first = std::fs::read(path("first.dat")).unwrap();
    assert_eq!(first, std::fs::read(path("second.dat")).unwrap());
    assert!(!path("first.dat.partial").exists());

    // Two parts make the whole.
    export(&path("b"), &path("low.dat"), &["--to", "99"]);
    export(&path("b"), &path("high.dat"), &["--from", "100"]);
    let parts = ["low.dat", "high.dat"].map(|name| std::fs::read(path(name)).unwrap());
    assert_eq!(first, parts.concat());
    // The upper one alone connects to nothing; with the lower one behind it, it does.
    let high = path("high.dat");
    let error = refused(&path("c"), &["import", high.to_str().unwrap()]);
    let missing = blocks.iter().find(|block| {
        let at = parts[1].windows(80).position(|w| w == &block.bytes()[..80]);
        at == Some(8)
    });
    let missing = missing.unwrap().header().prev_blockhash.to_string();
    assert!(error.contains(&missing), "{error}");
    let low = path("low.dat");
    let both = ["import", high.to_str().unwrap(), low.to_str().unwrap()];
    let told = done(&path("c"), &both);
    assert!(told.contains(&format!("{tip} at height 130")), "{told}");
}

#[test]
fn an_export_is_refused_where_it_cannot_be_right() {
    let dir = temp_dir();
    let (datadir, file) = (dir.path().join("a"), dir.path().join("x.dat"));
    write(&file, &forked_chain(3, 110).0);
    import(&datadir, &file);
    let file = file.to_str().unwrap();
    let error = refused(&datadir, &["export", "--blocks", file]);
    assert!(error.contains("exists already"), "{error}");
    let new = dir.path().join("new.dat");
    let new = new.to_str().unwrap();
    for (range, words) in [
        (&["--to", "111"][..], "ends at height 110"),
        (&["--from", "5", "--to", "4"], "--from 5 lies behind"),
    ] {
        let error = refused(&datadir, &[&["export", "--blocks", new], range].concat());
        assert!(error.contains(words), "{error}");
    }
    let nowhere = dir.path().join("nowhere/x.dat");
    let error = refused(&datadir, &["export", "--blocks", nowhere.to_str().unwrap()]);
    assert!(error.contains("nowhere"), "{error}");
    let mut left: Vec<_> = dir.path().read_dir().unwrap().flatten().collect();
    left.retain(|entry| entry.file_name() != "a" && entry.file_name() != "x.dat");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn garbage_torn_blocks_and_a_truncated_end_cost_only_themselves() {
    let dir = temp_dir();
    let (blocks, _) = forked_chain(4, 120);
    let (datadir, file) = (dir.path().join("a"), dir.path().join("x.dat"));
    write(&file, &blocks);
    let whole = std::fs::read(&file).unwrap();
    let last = blocks.last().unwrap();
    // The end is torn off, garbage is put in, and a block is damaged, of which there is another copy.
    let mut bytes = whole[..whole.len() - last.size() / 2].to_vec();
    let first = 8 + blocks[0].size();
    let damaged = first + 8 + blocks[1].size() - 5;
    bytes[damaged] ^= 1;
    let mut garbage = params().magic.to_vec();
    garbage.extend([0xab; 5000]);
    bytes.splice(first..first, garbage);
    bytes.extend_from_slice(&whole[first..first + 8 + blocks[1].size()]);
    std::fs::write(&file, &bytes).unwrap();
    let told = import(&datadir, &file);
    assert!(
        told.contains(&format!("Imported {} blocks", blocks.len() - 1)),
        "{told}"
    );
    for words in [
        format!("Damaged: {} at offset", file.display()),
        format!("block {} at height 2 is damaged", blocks[1].block_hash()),
        format!("Note: {}", file.display()),
    ] {
        assert!(told.contains(&words), "{words}: {told}");
    }

    // With the whole file it is complete.
    std::fs::write(&file, &whole).unwrap();
    let told = import(&datadir, &file);
    assert!(told.contains("Imported 1 block,"), "{told}");
    assert_stored_once(&datadir.join("regtest"), blocks.len() + 1);
}

#[test]
fn an_invalid_block_is_named_and_the_best_valid_chain_is_taken() {
    let dir = temp_dir();
    let path = |name: &str| dir.path().join(name);
    let generated = finish(
        tipward()
            .args(["generate", "--blocks", "120", "--out"])
            .arg(path("good.dat")),
    );
    assert!(generated.status.success(), "{}", generated.stderr);
    let spoiled = finish(
        tipward()
            .args(["generate", "--spoil", "115", "--copy"])
            .arg(path("good.dat"))
            .arg("--out")
            .arg(path("spoiled.dat")),
    );
    assert!(spoiled.status.success(), "{}", spoiled.stderr);
    let told = import(&path("a"), &path("spoiled.dat"));
    assert!(told.contains("at height 114\n"), "{told}");
    assert!(told.contains("Invalid: block "), "{told}");
    assert!(
        told.contains("at height 115: block-script-verify-flag-failed"),
        "{told}"
    );
    let told = import(&path("a"), &path("good.dat"));
    assert!(told.contains("at height 120\n"), "{told}");
}

#[test]
fn an_import_that_is_killed_goes_on_and_loses_nothing() {
    let dir = temp_dir();
    let mut generator = ChainGenerator::new(ChainOptions {
        seed: 5,
        blocks: 250,
        weight: 200_000,
        ..ChainOptions::default()
    });
    let blocks: Vec<RawBlock> = generator.by_ref().collect();
    let file = dir.path().join("x.dat");
    write(&file, &blocks);
    let datadir = dir.path().join("a");
    let netdir = datadir.join("regtest");
    let mut stored = 0;
    for kill in 1..=5_u64 {
        let mut child = tipward()
            .args(["--network", "regtest", "--datadir"])
            .arg(&datadir)
            .arg("import")
            .arg(&file)
            .spawn()
            .unwrap();
        // When some more of the file is stored; it may also have ended by then.
        let bytes = kill * 1_500_000;
        wait_for("some blocks", || {
            let ended = child.try_wait().unwrap().is_some();
            let size = std::fs::metadata(netdir.join("blocks/blk00000.dat"));
            let enough = size.is_ok_and(|meta| meta.len() > bytes);
            (ended || enough).then_some(())
        });
        let _ = child.kill();
        child.wait().unwrap();
        let now = stored_whole(&netdir);
        assert!(now >= stored, "{now} blocks are stored, {stored} were");
        stored = now;
    }
    let told = import(&datadir, &file);
    let tip = generator.tip_hash();
    assert!(told.contains(&format!("{tip} at height 250")), "{told}");
    assert_stored_once(&netdir, 251);
}

/// How many blocks lie whole in a directory whose last write may be torn.
fn stored_whole(netdir: &Path) -> usize {
    let bytes = std::fs::read(netdir.join("blocks/blk00000.dat")).unwrap_or_default();
    let (mut rest, mut count) = (&bytes[..], 0);
    while rest.len() > 8 && rest[..4] == params().magic {
        let size = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        if rest.len() < 8 + size {
            break;
        }
        rest = &rest[8 + size..];
        count += 1;
    }
    count
}

#[test]
fn an_import_that_is_told_to_end_says_how_to_go_on() {
    let dir = temp_dir();
    let file = dir.path().join("x.dat");
    let generator = ChainGenerator::new(ChainOptions {
        seed: 6,
        blocks: 400,
        weight: 400_000,
        ..ChainOptions::default()
    });
    let blocks: Vec<RawBlock> = generator.collect();
    write(&file, &blocks);
    // On a fast machine the import may be done before it is told; not always.
    let interrupted = (0..20).find_map(|attempt| {
        let datadir = dir.path().join(attempt.to_string());
        let stderr = interrupted_import(&datadir, &file)?;
        Some((datadir, stderr))
    });
    let (datadir, stderr) = interrupted.unwrap();
    assert!(
        stderr.contains("start the same command again to go on"),
        "{stderr}"
    );
    assert!(import(&datadir, &file).contains("at height 400\n"));
}

#[test]
fn an_import_stays_below_the_limit_of_a_node_that_deletes_old_blocks() {
    let lab = temp_dir();
    let (file, limit) = prune::chain(lab.path());
    let datadir = lab.path().join("a");
    let options = ["--fastprune", "--prune", &limit.to_string()];
    let name = file.to_str().unwrap();
    let most = prune::most_on_disk(&datadir.join("regtest"), || {
        let told = done(&datadir, &[&options[..], &["import", name]].concat());
        let tip = format!("at height {}\n", prune::BLOCKS);
        assert!(told.contains(&tip), "{told}");
    });
    assert!(most <= limit * prune::MIB, "{most} bytes, {limit} MiB");
    // Blocks that were deleted are not wanted again, and are no damage.
    let told = done(&datadir, &[&options[..], &["import", name]].concat());
    assert!(told.contains("Imported 0 blocks"), "{told}");
    let told = done(
        &datadir,
        &[&options[..], &["verify", "--level", "4"]].concat(),
    );
    assert!(told.contains("All is well"), "{told}");
    let new = lab.path().join("new.dat");
    let export = ["export", "--blocks", new.to_str().unwrap()];
    let error = refused(&datadir, &[&options[..], &export].concat());
    assert!(error.contains("--from "), "{error}");
}

#[test]
fn progress_is_told_in_lines_where_there_is_no_terminal() {
    let dir = temp_dir();
    let (datadir, file) = (dir.path().join("a"), dir.path().join("x.dat"));
    write(&file, &forked_chain(11, 200).0);
    let name = file.to_str().unwrap();
    let told = command(&datadir, &["--progress", "on", "import", name]);
    assert!(told.status.success(), "{}", told.stderr);
    for words in ["indexing: ", "importing: ", " MB/s, ", "height ", " left"] {
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    let mut shares = Vec::new();
    for line in told.stderr.lines() {
        let line = line.strip_prefix("importing: ");
        let share = line.and_then(|line| line.split(' ').next());
        shares.extend(share.map(|share| share.parse::<f64>().unwrap()));
    }
    assert!(!shares.is_empty() && shares.is_sorted(), "{shares:?}");
    assert!(shares.iter().all(|share| *share <= 100.0), "{shares:?}");
}

/// Begins an import and tells it to end; what it says, unless it was done before.
fn interrupted_import(datadir: &Path, file: &Path) -> Option<String> {
    let mut child = tipward()
        .args(["--network", "regtest", "--datadir"])
        .arg(datadir)
        .arg("import")
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let blk = datadir.join("regtest/blocks/blk00000.dat");
    wait_for("the first blocks", || {
        let size = std::fs::metadata(&blk).map_or(0, |meta| meta.len());
        (size > 1000 || child.try_wait().unwrap().is_some()).then_some(())
    });
    if child.try_wait().unwrap().is_none() {
        let pid = child.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (!output.status.success()).then_some(stderr)
}

#[test]
fn an_import_waits_for_room_on_a_full_disk_and_goes_on() {
    let Some(disk) = SmallDisk::of_megabytes(300) else {
        return;
    };
    let lab = temp_dir();
    let file = lab.path().join("x.dat");
    let mut generator = ChainGenerator::new(ChainOptions {
        seed: 10,
        blocks: 300,
        weight: 600_000,
        ..ChainOptions::default()
    });
    let blocks: Vec<RawBlock> = generator.by_ref().collect();
    write(&file, &blocks[..1]);
    import(disk.path(), &file);
    write(&file, &blocks);
    let ballast = disk.fill_but(30 << 20);
    let mut child = tipward()
        .args(["--network", "regtest", "--debuglogfile", "0", "--datadir"])
        .arg(disk.path())
        .arg("import")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    assert!(
        line.starts_with("Waiting: ") && line.contains("No space left"),
        "{line}"
    );
    assert!(child.try_wait().unwrap().is_none());
    std::fs::remove_file(ballast).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let tip = generator.tip_hash();
    assert!(told.contains(&format!("{tip} at height 300")), "{told}");
    assert_stored_once(&disk.path().join("regtest"), 301);
}

#[test]
fn files_of_another_network_and_a_running_node_are_told_plainly() {
    let dir = temp_dir();
    let (file, datadir) = (dir.path().join("blk00000.dat"), dir.path().join("a"));
    let name = file.to_str().unwrap();
    let mut bytes = Params::new(Network::Signet).magic.to_vec();
    bytes.extend([1; 300]);
    std::fs::write(&file, bytes).unwrap();
    let error = refused(&datadir, &["import", name]);
    for words in [name, "of signet, not of regtest", "--network signet"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    std::fs::write(&file, [1; 300]).unwrap();
    let error = refused(&datadir, &["import", name]);
    assert!(error.contains("holds no block of regtest"), "{error}");
    assert!(error.contains("xor.dat"), "{error}");
    let error = refused(
        &datadir,
        &["import", dir.path().join("a").to_str().unwrap()],
    );
    assert!(error.contains("reindex"), "{error}");

    let (blocks, _) = forked_chain(7, 105);
    write(&file, &blocks);
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0"])
        .start(&datadir);
    let new = dir.path().join("new.dat");
    for args in [
        &["import", name][..],
        &["export", "--blocks", new.to_str().unwrap()],
        &["reindex"],
        &["reindex-chainstate"],
    ] {
        let error = refused(&datadir, args);
        assert!(error.contains("in use by another tipward"), "{error}");
    }
    assert_eq!(node.height(), 0);
    node.stop();
    import(&datadir, &file);
}

#[test]
fn block_files_of_a_core_directory_are_read_with_their_key() {
    let dir = temp_dir();
    let (blocks, tip) = forked_chain(8, 140);
    let folder = dir.path().join("core/regtest/blocks");
    std::fs::create_dir_all(&folder).unwrap();
    let key = [0xfe, 0x12, 0, 0x77, 0x80, 1, 0xaa, 0x55];
    std::fs::write(folder.join("xor.dat"), key).unwrap();
    for (number, blocks) in shuffled(&blocks).chunks(60).enumerate() {
        let path: PathBuf = folder.join(format!("blk{number:05}.dat"));
        write(&path, blocks);
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte ^= key[at % 8];
        }
        std::fs::write(&path, bytes).unwrap();
    }
    let told = import(&dir.path().join("a"), &dir.path().join("core"));
    assert!(told.contains(&format!("{tip} at height 140")), "{told}");
}

#[test]
fn coins_and_indexes_are_built_anew_by_a_command_that_ends() {
    let dir = temp_dir();
    let (blocks, tip) = forked_chain(9, 160);
    let (datadir, file) = (dir.path().join("a"), dir.path().join("x.dat"));
    write(&file, &blocks);
    import(&datadir, &file);
    let before = state(&datadir);
    let told = done(&datadir, &["reindex-chainstate"]);
    assert!(
        told.contains("Validated 160 blocks") && told.contains(&format!("{tip} at height 160")),
        "{told}"
    );
    assert_eq!(state(&datadir), before);
    std::fs::remove_file(datadir.join("regtest/headers.log")).unwrap();
    let told = done(&datadir, &["reindex"]);
    assert!(told.contains(&format!("{tip} at height 160")), "{told}");
    assert_eq!(state(&datadir), before);
}

#[test]
fn every_feeding_command_teaches_with_an_example() {
    for command in ["import", "export", "reindex", "reindex-chainstate"] {
        let help = finish(tipward().args([command, "--help"]));
        assert!(help.status.success());
        let example = format!("Examples:\n  tipward {command}");
        assert!(help.stdout.contains(&example), "{}", help.stdout);
    }
}
