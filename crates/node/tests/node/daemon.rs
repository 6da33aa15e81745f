//! The node in the background, its PID file, and a cookie file elsewhere.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::harness::*;

/// A node in the background that is killed if a test fails before it has ended.
struct InBackground {
    dir: PathBuf,
    port: String,
}

impl InBackground {
    fn new(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        Self {
            dir: dir.to_owned(),
            port,
        }
    }

    fn start(&self, args: &[&str]) -> Finished {
        finish(
            tipward()
                .args(["--network", "regtest", "--connect", "0"])
                .arg("--datadir")
                .arg(&self.dir)
                .args(["--rpcport", &self.port, "--pid", "node.pid"])
                .args(args),
        )
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("regtest/node.pid")
    }

    fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.pid_file()).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    }

    fn cli(&self, args: &[&str]) -> Finished {
        finish(
            tipward()
                .args(["--network", "regtest", "--datadir"])
                .arg(&self.dir)
                .args(["--rpcport", &self.port, "cli"])
                .args(args),
        )
    }

    fn stop(self) {
        let stopped = self.cli(&["stop"]);
        assert!(stopped.status.success(), "{}", stopped.stderr);
        wait_for("the end", || (!self.pid_file().exists()).then_some(()));
    }
}

impl Drop for InBackground {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = std::process::Command::new("kill")
                .args(["-9", &pid.to_string()])
                .status();
        }
    }
}

#[test]
fn daemonwait_returns_when_the_node_in_the_background_answers() {
    let dir = temp_dir();
    let node = InBackground::new(dir.path());
    let started = node.start(&["--daemonwait"]);
    assert!(started.status.success(), "{}", started.stderr);
    // That both ends of its output are closed although the node runs is seen by the end of this text.
    assert_eq!(started.stdout, "tipward starting\n");
    assert_eq!(started.stderr, "");
    let pid = node.pid().expect("a PID file");
    let count = node.cli(&["getblockcount"]);
    assert_eq!(count.stdout, "0\n", "{}", count.stderr);
    // It leads a session of its own, so that no terminal takes it along.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3);
    assert_eq!(session, Some(pid.to_string().as_str()));
    node.stop();
}

#[test]
fn daemon_returns_at_once_and_the_node_comes_to_answer() {
    let dir = temp_dir();
    let node = InBackground::new(dir.path());
    let started = node.start(&["--daemon"]);
    assert!(started.status.success(), "{}", started.stderr);
    assert_eq!(started.stdout, "tipward starting\n");
    let count = node.cli(&["--rpcwait=60", "getblockcount"]);
    assert_eq!(count.stdout, "0\n", "{}", count.stderr);
    node.stop();
}

#[test]
fn what_keeps_the_node_from_starting_in_the_background_is_said_in_the_foreground() {
    let dir = temp_dir();
    let first = InBackground::new(dir.path());
    assert!(first.start(&["--daemonwait"]).status.success());
    let pid = first.pid();
    let second = InBackground::new(dir.path());
    let refused = second.start(&["--daemonwait"]);
    std::mem::forget(second);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(refused.stdout, "tipward starting\n");
    let lines: Vec<&str> = refused.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", refused.stderr);
    assert!(lines[0].contains("in use by another tipward"), "{lines:?}");
    // Nor has it taken the file of the one that runs.
    assert_eq!(first.pid(), pid);
    first.stop();
}

#[test]
fn a_wrong_option_is_told_before_anything_is_started() {
    let dir = temp_dir();
    let node = InBackground::new(dir.path());
    let refused = node.start(&["--daemon", "--proxy", "somewhere"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("--proxy"), "{}", refused.stderr);
    assert!(!node.dir.join("regtest").exists());
}

#[test]
fn the_cookie_file_can_be_elsewhere_or_nowhere() {
    let dir = temp_dir();
    let cookie = dir.path().join("elsewhere.cookie");
    let option = format!("--rpccookiefile={}", cookie.display());
    let node = InBackground::new(dir.path());
    // In Core's form as well.
    let started = node.start(&[
        "-daemonwait",
        &format!("-rpccookiefile={}", cookie.display()),
    ]);
    assert!(started.status.success(), "{}", started.stderr);
    assert!(cookie.exists());
    assert!(!dir.path().join("regtest/.cookie").exists());
    let stopped = finish(
        tipward()
            .args(["--network", "regtest", "--rpcport", &node.port, &option])
            .arg("--datadir")
            .arg(dir.path())
            .args(["cli", "stop"]),
    );
    assert!(stopped.status.success(), "{}", stopped.stderr);
    wait_for("the end", || (!node.pid_file().exists()).then_some(()));
    assert!(!cookie.exists());

    let started = node.start(&[
        "--daemonwait",
        "--rpccookiefile",
        "0",
        "--rpcuser",
        "u",
        "--rpcpassword",
        "p",
    ]);
    assert!(started.status.success(), "{}", started.stderr);
    assert!(!dir.path().join("regtest/.cookie").exists());
    let nobody = node.cli(&["getblockcount"]);
    assert_eq!(nobody.status.code(), Some(1), "{}", nobody.stdout);
    let stopped = node.cli(&["--rpcuser", "u", "--rpcpassword", "p", "stop"]);
    assert!(stopped.status.success(), "{}", stopped.stderr);
    wait_for("the end", || (!node.pid_file().exists()).then_some(()));
}
