//! The node keeps within what the system and its user give it.

use std::process::Command;
use std::time::Instant;

use bitcoin::hashes::Hash as _;
use bitcoin::p2p::message::{CommandString, NetworkMessage};
use bitcoin::p2p::message_blockdata::Inventory;

use crate::harness::*;
use crate::malformed::{RawPeer, Target};

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

/// Bytes a second of the tests of the limits.
const RATE: usize = 300_000;
/// What may pass beside: a piece of a twentieth of a second, and small messages, which count but do not wait.
const BESIDE: usize = RATE / 20 + 16 * 1024;

/// So many bytes have passed since `began`, at least. That is no more than the limit lets pass, however slow this machine is.
fn within_the_limit(began: Instant, bytes: usize) {
    let most = RATE as f64 * began.elapsed().as_secs_f64() + BESIDE as f64;
    assert!(bytes as f64 <= most, "{bytes} bytes passed, not {most}");
}

#[test]
fn no_more_is_sent_than_the_upload_limit_allows() {
    const REQUESTS: u8 = 3;
    const ITEMS: usize = 7_000;
    let target = Target::start(&["--upload-limit", &RATE.to_string()]);
    let mut peer = target.peer();
    let began = Instant::now();
    // What it does not have it names again, every item with 36 bytes.
    for n in 0..REQUESTS {
        let hash = bitcoin::Txid::from_byte_array([n; 32]);
        let items = vec![Inventory::Transaction(hash); ITEMS];
        peer.send(NetworkMessage::GetData(items));
    }
    let (mut answers, mut bytes) = (0, 0);
    while answers < REQUESTS {
        let (command, payload) = peer.next().expect("the node stays");
        answers += u8::from(command == "notfound");
        bytes += 24 + payload.len();
        within_the_limit(began, bytes);
    }
    assert!(bytes > usize::from(REQUESTS) * ITEMS * 36);
}

#[test]
fn no_more_is_read_than_the_download_limit_allows() {
    const MESSAGES: u64 = 8;
    const SIZE: usize = 100_000;
    let target = Target::start(&["--download-limit", &RATE.to_string()]);
    let mut peer = target.peer();
    let mut writer = RawPeer(peer.0.try_clone().unwrap());
    let began = Instant::now();
    let writing = std::thread::spawn(move || {
        for n in 0..MESSAGES {
            writer.send(NetworkMessage::Unknown {
                command: CommandString::try_from_static("unheardof").unwrap(),
                payload: vec![0; SIZE],
            });
            writer.send(NetworkMessage::Ping(n));
        }
    });
    for n in 0..MESSAGES {
        // Whatever the kernels hold: what comes before a ping that was answered was read.
        loop {
            let (command, payload) = peer.next().expect("the node stays");
            if command == "pong" && payload == n.to_le_bytes() {
                break;
            }
        }
        within_the_limit(began, (n as usize + 1) * SIZE);
    }
    writing.join().unwrap();
}
