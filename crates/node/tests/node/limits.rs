//! The node keeps within what the system gives it.

use std::process::Command;

use crate::harness::*;

/// A node that may have so many files open.
fn with_open_files(most: u32, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_tipward"))
        .args(["--network", "regtest", "--connect", "0", "--server", "off"])
        .args(args);
    command
}

#[test]
fn too_few_file_descriptors_are_refused_or_cost_connections() {
    let dir = temp_dir();
    let datadir = dir.path().to_str().unwrap();
    let refused = finish(&mut with_open_files(100, &["--datadir", datadir]));
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("100 files") && refused.stderr.contains("LimitNOFILE"),
        "{}",
        refused.stderr
    );

    let mut child = with_open_files(400, &["--datadir", datadir, "--maxconnections", "1000"])
        .spawn()
        .unwrap();
    let log = dir.path().join("regtest/debug.log");
    let line = wait_for("the warning", || {
        let log = std::fs::read_to_string(&log).ok()?;
        let line = log
            .lines()
            .find(|line| line.contains("connections at most"))?;
        Some(line.to_owned())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("not 1000"), "{line}");
}

#[test]
fn the_memory_for_coins_that_was_chosen_is_told() {
    let dir = temp_dir();
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0", "--dbcache", "auto"])
        .start(dir.path());
    let log = node.log();
    assert!(log.contains("(--dbcache auto)"), "{log}");
    node.stop();
}
