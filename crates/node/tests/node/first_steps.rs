//! Every command of the newcomer's page is run, in its order, on a small generated chain.
//!
//! What stands on the page is for the main network; each command is run with what is put in its place here:
//!
//! | on the page | here |
//! |---|---|
//! | `tipward ...` | `tipward --network regtest --datadir DIR --rpcport PORT --connect PEER ...`, the peer serving a generated chain |
//! | `~/.bitcoin` | a directory with a block file of that chain |
//! | `make install` | `make --dry-run install`: a build within a test would take an hour |
//! | `tipward demo` | the same with a chain of 100 blocks |

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::*;

const PAGE: &str = include_str!("../../../../docs/first-steps.md");

/// The commands of a page, one a line, comments taken off.
fn commands_of(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            assert!(
                inside || kind == "sh",
                "a block of '{kind}': only commands are run"
            );
            inside = !inside;
        } else if inside {
            let command = line.split(" #").next().unwrap_or_default().trim();
            if !command.is_empty() {
                commands.push(command.to_owned());
            }
        }
    }
    commands
}

/// A newcomer's machine.
struct Newcomer {
    dir: TempDir,
    peer: Peer,
    port: String,
    /// The node that runs.
    node: Option<Child>,
    height: u64,
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

impl Newcomer {
    fn new() -> Self {
        let dir = temp_dir();
        let blocks = dir.path().join("bitcoin");
        std::fs::create_dir(&blocks).unwrap();
        let file = blocks.join("blk00000.dat");
        let made = finish(
            tipward()
                .args(["generate", "--blocks", "120", "--out"])
                .arg(&file),
        );
        assert!(made.status.success(), "{}", made.stderr);
        let peer = Peer::start("regtest", &[&file], &[]);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        Self {
            dir,
            peer,
            port,
            node: None,
            height: 120,
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The program, with what stands in for the main network.
    fn tipward(&self, args: &[&str]) -> Command {
        let mut command = tipward();
        command
            .args(["--network", "regtest", "--rpcport", &self.port, "--datadir"])
            .arg(self.data())
            .args(["--connect", &self.peer.addr.to_string()]);
        for arg in args {
            match arg.strip_prefix("~/.bitcoin") {
                Some(rest) => command.arg(format!(
                    "{}{rest}",
                    self.dir.path().join("bitcoin").display()
                )),
                None => command.arg(arg),
            };
        }
        command
    }

    /// Runs one that ends; what it printed.
    fn finish(&self, args: &[&str]) -> String {
        let finished = finish(&mut self.tipward(args));
        assert!(finished.status.success(), "{args:?}: {}", finished.stderr);
        finished.stdout
    }

    /// Starts a node, which must reach the tip.
    fn start(&mut self, args: &[&str]) {
        assert!(self.node.is_none(), "{args:?}: a node runs already");
        let node = self.tipward(args).stdout(Stdio::null()).spawn().unwrap();
        self.node = Some(node);
        wait_for("the tip", || {
            let ended = self.node.as_mut().and_then(|node| node.try_wait().unwrap());
            assert!(ended.is_none(), "{args:?}: the node ended with {ended:?}");
            let count = finish(&mut self.tipward(&["cli", "getblockcount"]));
            (count.stdout.trim().parse() == Ok(self.height)).then_some(())
        });
    }

    /// Runs a command of the page.
    fn run(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["make", "install"] => {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
                let mut make = Command::new("make");
                let made = finish(make.args(["--dry-run", "install", "-C"]).arg(root));
                assert!(made.status.success(), "{}", made.stderr);
                assert!(made.stdout.contains("cargo install"), "{}", made.stdout);
            }
            ["tipward", "demo"] => {
                let said = finish(tipward().args(["demo", "--blocks", "100"]));
                assert!(said.status.success(), "{}", said.stderr);
            }
            ["tipward", "top"] => self.top(),
            ["tipward"] | ["tipward", "--prune", _] => self.start(&words[1..]),
            ["tipward", "cli", "stop"] => {
                self.finish(&words[1..]);
                let mut node = self.node.take().expect("a node to stop");
                assert!(node.wait().unwrap().success());
            }
            ["tipward", "cli", "getblockchaininfo"] => {
                let said = self.finish(&words[1..]);
                let info: serde_json::Value = serde_json::from_str(&said).unwrap();
                assert_eq!(info["blocks"], self.height);
                assert!(info["warnings"].is_array(), "{said}");
            }
            ["tipward", "cli", "getpeerinfo"] => {
                let said = self.finish(&words[1..]);
                assert!(said.contains(&self.peer.addr.to_string()), "{said}");
            }
            ["tipward", "cli", "help", method] => {
                let said = self.finish(&words[1..]);
                assert!(said.starts_with(method), "{said}");
            }
            ["tipward", "import", "~/.bitcoin"] | ["tipward", "verify", "--level", "0"] => {
                assert!(self.node.is_none(), "{line}: the node must be stopped");
                let said = self.finish(&words[1..]);
                assert!(said.contains("120"), "{said}");
            }
            ["tipward", "--version"] => {
                assert!(self.finish(&words[1..]).starts_with("tipward "));
            }
            ["tipward", .., "--help"] => {
                assert!(self.finish(&words[1..]).contains("Usage: tipward"));
            }
            _ => panic!("no test knows how to run `{line}`: say it in this file"),
        }
    }

    /// It wants a terminal: `script` is one.
    fn top(&self) {
        let top = self.tipward(&["top"]);
        let mut words = vec![top.get_program().to_str().unwrap().to_owned()];
        words.extend(
            top.get_args()
                .map(|arg| format!("'{}'", arg.to_str().unwrap())),
        );
        let command = format!("stty rows 30 cols 100; exec {}", words.join(" "));
        let run = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut run) = run else {
            println!("skipped: no script(1) to be a terminal for `tipward top`");
            return;
        };
        let (mut keys, mut screen) = (run.stdin.take().unwrap(), run.stdout.take().unwrap());
        let mut said = String::new();
        let mut quit = false;
        let mut piece = [0; 4096];
        // It ends when it is told to, once it has drawn what the node is.
        loop {
            let read = screen.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            said += &String::from_utf8_lossy(&piece[..read]);
            if !quit && said.contains("regtest") {
                keys.write_all(b"q").unwrap();
                quit = true;
            }
        }
        assert!(run.wait().unwrap().success() && quit, "{said}");
    }
}

#[test]
fn every_command_of_the_newcomers_page_does_what_it_says() {
    let commands = commands_of(PAGE);
    assert!(commands.len() > 15, "{commands:?}");
    let mut newcomer = Newcomer::new();
    for command in commands {
        println!("{command}");
        newcomer.run(&command);
    }
}

#[test]
fn what_the_page_links_to_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let links = PAGE
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        let (file, heading) = link
            .split_once('#')
            .map_or((link, None), |(f, h)| (f, Some(h)));
        let page = match file {
            "" => PAGE.to_owned(),
            file => {
                std::fs::read_to_string(docs.join(file)).unwrap_or_else(|_| panic!("no {file}"))
            }
        };
        let Some(heading) = heading else { continue };
        let found = page
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .any(|line| {
                let name = line
                    .trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .replace(' ', "-");
                name == heading
            });
        assert!(found, "no heading #{heading} in '{file}'");
    }
}
