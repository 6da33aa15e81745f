//! What a service manager hears of the node, over a real socket, and whether our unit says what systemd understands.

use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::*;

/// A service manager.
struct Manager {
    socket: UnixDatagram,
    /// Lines that were heard and not looked at.
    lines: VecDeque<String>,
}

impl Manager {
    fn new(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            lines: VecDeque::new(),
        }
    }

    fn next(&mut self) -> String {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return line;
            }
            let mut message = [0; 4096];
            let size = self.socket.recv(&mut message).expect("a message");
            let text = String::from_utf8(message[..size].to_vec()).unwrap();
            self.lines.extend(text.lines().map(str::to_owned));
        }
    }

    /// Waits for a line that begins so.
    fn wait_for(&mut self, beginning: &str) -> String {
        loop {
            let line = self.next();
            if line.starts_with(beginning) {
                return line;
            }
        }
    }
}

#[test]
fn the_service_manager_hears_when_the_node_is_ready_how_it_is_and_when_it_ends() {
    let dir = temp_dir();
    let path = dir.path().join("notify");
    let mut manager = Manager::new(&path);
    let mut node = tipward()
        .args(["--network", "regtest", "--connect", "0", "--datadir"])
        .arg(dir.path())
        .args(["--rpcbind", "127.0.0.1:0", "--printtoconsole", "off"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(manager.next(), "STATUS=Starting");
    // What stands before it is what the manager is told at that moment.
    let told = manager.wait_for("STATUS=");
    assert!(told.contains(" % validated. "), "{told}");
    assert_eq!(manager.next(), "READY=1");
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    let id = node.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(killed.success());
    manager.wait_for("STOPPING=1");
    assert!(node.wait().unwrap().success());
    // It was said once that it is ready.
    assert!(!manager.lines.iter().any(|line| line == "READY=1"));
}

#[test]
fn our_unit_is_one_that_systemd_understands_and_our_command_line_too() {
    let unit = include_str!("../../../../contrib/systemd/tipward.service");
    let of = |key: &str| {
        let mut values = unit.lines().filter_map(|line| line.strip_prefix(key));
        values.next().unwrap_or_else(|| panic!("no {key}"))
    };
    assert_eq!(of("Type="), "notify");
    assert!(of("WatchdogSec=").parse::<u32>().unwrap() >= 60);
    // An option that is not ours would be named, --version or not.
    let mut words = of("ExecStart=").split(' ');
    assert_eq!(words.next(), Some("/usr/local/bin/tipward"));
    let version = finish(tipward().args(words).arg("--version"));
    assert!(version.status.success(), "{}", version.stderr);

    let dir = temp_dir();
    // It is verified with the program where it is.
    let unit = unit.replace("/usr/local/bin/tipward", env!("CARGO_BIN_EXE_tipward"));
    let file = dir.path().join("tipward.service");
    std::fs::write(&file, unit).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&file)
        .output();
    let Ok(verified) = verified else {
        println!("skipped: no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = said.lines().filter(|l| l.contains("tipward")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}
