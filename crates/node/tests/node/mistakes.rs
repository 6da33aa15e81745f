//! What an operator can get wrong, or have wrong with his machine: each is told with what, where and what to do.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bitcoin::consensus::serialize;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::p2p::{Address, Magic, ServiceFlags};
use serde_json::{Value, json};

use crate::harness::*;

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// Runs a node that must not start; its one line on standard error.
fn refusal(command: &mut Command) -> String {
    let finished = finish(command);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", finished.stderr);
    assert!(lines[0].starts_with("Error: "), "{}", finished.stderr);
    lines[0].to_owned()
}

/// A node on regtest that talks to nobody.
fn node_in(datadir: &Path) -> Command {
    let mut command = tipward();
    command
        .args([
            "--network",
            "regtest",
            "--connect",
            "0",
            "--rpcbind",
            "127.0.0.1:0",
            "--datadir",
        ])
        .arg(datadir);
    command
}

fn assert_says(line: &str, words: &[&str]) {
    for words in words {
        assert!(line.contains(words), "no '{words}' in: {line}");
    }
}

#[test]
fn a_directory_of_a_newer_format_is_refused_with_the_way_out() {
    let dir = temp_dir();
    NodeOptions::new("regtest")
        .args(&["--connect", "0"])
        .start(dir.path())
        .stop();
    let manifest = dir.path().join("regtest").join("manifest");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let (body, _) = text.rsplit_once("checksum = ").unwrap();
    let lines = body
        .lines()
        .map(|line| match line.starts_with("format = ") {
            true => "format = 99\n".to_owned(),
            false => format!("{line}\n"),
        });
    let body: String = lines.collect();
    let checksum = crc32c::crc32c(body.as_bytes());
    std::fs::write(&manifest, format!("{body}checksum = {checksum:08x}\n")).unwrap();
    let line = refusal(&mut node_in(dir.path()));
    let place = manifest.to_str().unwrap();
    assert_says(
        &line,
        &[
            place,
            "format 99",
            "run a newer tipward, or choose another --datadir",
        ],
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_named_with_the_reason() {
    let dir = temp_dir();
    let file = |name: &str| dir.path().join(name);
    std::fs::create_dir(file("directory")).unwrap();
    std::fs::write(file("binary"), [0xff, 0xfe, 0]).unwrap();
    std::fs::write(file("broken"), "network = \"regtest\"\nlisten = [\n").unwrap();
    for (name, words) in [
        ("directory", "a directory stands where a file is needed"),
        ("binary", "it is no text (UTF-8)"),
        ("broken", "line 2"),
        ("missing", "No such file"),
    ] {
        let line = refusal(node_in(dir.path()).arg("--conf").arg(file(name)));
        assert_says(&line, &[file(name).to_str().unwrap(), words]);
    }
}

/// Has a command run as a user that owns nothing, if we may; otherwise we are such a user, to what nobody may touch.
fn as_nobody(command: &mut Command) {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
}

#[test]
fn what_this_user_may_not_touch_is_named_with_what_to_do() {
    let dir = temp_dir();
    let may = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    may(dir.path(), 0o755);
    // The program need not lie where everybody may look.
    let program = dir.path().join("tipward");
    std::fs::copy(env!("CARGO_BIN_EXE_tipward"), &program).unwrap();
    let datadir = dir.path().join("data");
    std::fs::create_dir(&datadir).unwrap();
    let conf = dir.path().join("tipward.toml");
    std::fs::write(&conf, "listen = false\n").unwrap();
    let run = |args: &[&str], place: &Path| {
        let mut command = Command::new(&program);
        command
            .args(["--network", "regtest", "--connect", "0", "--server", "off"])
            .args(args)
            .arg(place)
            .stdin(Stdio::null());
        as_nobody(&mut command);
        refusal(&mut command)
    };
    may(&conf, 0);
    let line = run(&["--datadir", "/nowhere", "--conf"], &conf);
    assert_says(
        &line,
        &[conf.to_str().unwrap(), "Permission denied", "the right to"],
    );
    may(&datadir, 0o555);
    let line = run(&["--datadir"], &datadir);
    assert_says(
        &line,
        &[datadir.to_str().unwrap(), "Permission denied", "--datadir"],
    );
}

/// Runs a node in a file system of its own that is mounted so; `None`, with a word about it, where that is not allowed.
fn refusal_in_mount(options: &str) -> Option<String> {
    let allowed = Command::new("unshare").args(["-rm", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("skipped: no file system can be mounted here");
        return None;
    }
    let dir = temp_dir();
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c"])
        .arg("mount -t tmpfs -o \"$1\" none \"$2\" && shift && dir=$1 && shift && exec \"$@\" --datadir \"$dir\"")
        .args(["sh", options])
        .arg(dir.path())
        .arg(env!("CARGO_BIN_EXE_tipward"))
        .args(["--network", "regtest", "--connect", "0", "--server", "off"])
        .args(["--printtoconsole", "off"])
        .stdin(Stdio::null());
    let line = refusal(&mut command);
    assert_says(&line, &[dir.path().to_str().unwrap()]);
    Some(line)
}

#[test]
fn without_room_at_the_start_the_place_is_named() {
    // Nothing at all can be made; the log and the manifest can, and the coins cannot.
    for options in ["size=4k,nr_inodes=1", "size=8k", "size=16k", "size=20k"] {
        if let Some(line) = refusal_in_mount(options) {
            assert_says(
                &line,
                &["make room there, or choose another place (--datadir)"],
            );
        }
    }
}

#[test]
fn a_file_system_that_cannot_be_written_to_is_told() {
    if let Some(line) = refusal_in_mount("ro") {
        assert_says(
            &line,
            &[
                "Read-only file system",
                "mount it so that it can be written to",
            ],
        );
    }
}

#[test]
fn an_address_that_this_machine_does_not_have_is_named() {
    let dir = temp_dir();
    // Of a network that documents use.
    for option in ["--rpcbind", "--bind"] {
        let line = refusal(node_in(dir.path()).args([option, "192.0.2.1:1234"]));
        assert_says(
            &line,
            &["192.0.2.1:1234", "this machine has no such address"],
        );
    }
}

fn warnings(node: &Node) -> Vec<String> {
    let info = node.call("getblockchaininfo", json!([]));
    let warnings = info["warnings"].as_array().unwrap().clone();
    let text = |warning: &Value| warning.as_str().unwrap().to_owned();
    warnings.iter().map(text).collect()
}

fn wait_for_warning(node: &Node, words: &str) -> String {
    wait_for(words, || {
        warnings(node)
            .into_iter()
            .find(|warning| warning.contains(words))
    })
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Plays a peer whose clock differs, until the node hangs up.
fn peer_with_clock(mut stream: TcpStream, time: i64) {
    let nobody = Address::new(&SocketAddr::from(([0, 0, 0, 0], 0)), ServiceFlags::NONE);
    let version = NetworkMessage::Version(VersionMessage {
        version: 70_016,
        services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
        timestamp: time,
        receiver: nobody.clone(),
        sender: nobody,
        nonce: 1,
        user_agent: "/clock/".to_owned(),
        start_height: 0,
        relay: false,
    });
    for message in [version, NetworkMessage::Verack] {
        let frame = serialize(&RawNetworkMessage::new(Magic::REGTEST, message));
        stream.write_all(&frame).unwrap();
    }
    let mut rest = [0; 4096];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

#[test]
fn a_clock_that_differs_from_the_peers_is_warned_of_once_in_the_log_and_as_long_as_it_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let peer = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        peer_with_clock(stream, now() as i64 + 7200);
    });
    let dir = temp_dir();
    let mut node = NodeOptions::new("regtest")
        .args(&["--connect", &addr])
        .start(dir.path());
    let warning = wait_for_warning(&node, "behind those of the peers");
    assert_says(&warning, &["The clock of this machine is 7", "timedatectl"]);
    let line = node.wait_for_line("behind those of the peers");
    assert_says(&line, &["WARN", "timedatectl"]);
    assert_eq!(node.log().matches("behind those of the peers").count(), 1);
    node.stop();
    peer.join().unwrap();
}

#[test]
fn when_no_peer_is_found_the_log_and_the_warnings_say_what_to_try() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (args, words) in [
        (
            &["--dnsseed", "off", "--fixedseeds", "off", "--listen", "off"] as &[&str],
            "no address of one is known",
        ),
        (
            &["--connect", &closed],
            "none of those that --connect names",
        ),
    ] {
        let dir = temp_dir();
        let mut node = NodeOptions::new("regtest").args(args).start(dir.path());
        // It has looked once, at least.
        wait_for("the first look", || {
            let status = node.get("/watch/status").ok()?;
            let status: Value = serde_json::from_slice(&status).ok()?;
            (status["phase"] == "connecting").then_some(())
        });
        assert!(!warnings(&node).iter().any(|text| text.contains("no peer")));
        node.call("setmocktime", json!([now() + 600]));
        let warning = wait_for_warning(&node, "There has been no peer for");
        assert_says(
            &warning,
            &[
                words,
                if words.contains("connect") {
                    "accept connections"
                } else {
                    "--addnode"
                },
            ],
        );
        let line = node.wait_for_line("There has been no peer for");
        assert_says(&line, &["WARN", words]);
        node.stop();
    }
}
