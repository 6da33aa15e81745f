//! Runs `tipward` as an operator does: processes with options, answers by JSON-RPC, lines in a log.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tipward_rpc::client::{Client, Login};

/// No step of a test takes as long on any machine: reaching it means that it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until `done` gives something.
pub(crate) fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(result) = done() {
            return result;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// The program under test.
pub(crate) fn tipward() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tipward"));
    command.stdin(Stdio::null());
    command
}

/// What a command that ends by itself printed.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command that ends by itself.
pub(crate) fn finish(command: &mut Command) -> Finished {
    let output = command.output().unwrap();
    Finished {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Mainnet's first 4313 blocks; `None` (with a word about it) where there is no test data, which in CI is an error.
pub(crate) fn mainnet_blocks() -> Option<PathBuf> {
    let dir = match std::env::var_os("TIPWARD_TEST_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let file = dir.join("mainnet-blocks-0-4312.dat");
    if file.exists() {
        return Some(file);
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "no test data at {}",
        file.display()
    );
    println!("skipped: no test data at {}", file.display());
    None
}

/// A process that is killed when the test ends, however it ends.
struct Process(Child);

impl Process {
    /// Sends a signal by number, as `kill` does.
    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `tipward serve`.
pub(crate) struct Peer {
    process: Process,
    pub(crate) addr: SocketAddr,
    _out: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(network: &str, files: &[&Path], options: &[&str]) -> Self {
        let mut child = tipward()
            .args(["serve", "--network", network, "--bind", "127.0.0.1:0"])
            .args(options)
            .arg("--blocks")
            .args(files)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let process = Process(child);
        let addr = loop {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "the peer ended");
            if let Some(addr) = line.strip_prefix("listening on ") {
                break addr.trim().parse().unwrap();
            }
        };
        Self {
            process,
            addr,
            _out: out,
        }
    }

    /// The mainnet prefix, from a peer with no tricks.
    pub(crate) fn mainnet(file: &Path) -> Self {
        Self::start("main", &[file], &[])
    }

    pub(crate) fn kill(&mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }
}

/// How a node is started.
#[derive(Clone)]
pub(crate) struct NodeOptions {
    network: &'static str,
    args: Vec<String>,
    log: Option<PathBuf>,
}

impl NodeOptions {
    /// On a network's own directory, with JSON-RPC on a free port and nobody to talk to but whom a test names.
    pub(crate) fn new(network: &'static str) -> Self {
        let mut args = vec!["--network", network, "--rpcbind", "127.0.0.1:0"];
        if network == "main" {
            // The chain's beginning has far less work than the main network demands of a whole chain.
            args.extend(["--minimumchainwork", "0"]);
        }
        Self {
            network,
            args: args.into_iter().map(str::to_owned).collect(),
            log: None,
        }
    }

    /// Writes its log to another place than its data.
    pub(crate) fn log(mut self, file: PathBuf) -> Self {
        self = self.args(&["--debuglogfile", file.to_str().unwrap()]);
        self.log = Some(file);
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// The last option.
    pub(crate) fn last_arg(&self) -> &str {
        self.args.last().map_or("", String::as_str)
    }

    /// Connects to these peers only.
    pub(crate) fn connect(mut self, peers: &[Peer]) -> Self {
        for peer in peers {
            self = self.args(&["--connect", &peer.addr.to_string()]);
        }
        self
    }

    /// Starts a node in `datadir`, and waits until it answers.
    pub(crate) fn start(&self, datadir: &Path) -> Node {
        let node = self.spawn(datadir);
        node.wait_until_ready();
        node
    }

    /// Starts a node in `datadir`.
    pub(crate) fn spawn(&self, datadir: &Path) -> Node {
        let netdir = datadir.join(self.network);
        // Lines of an earlier run in the same directory are not this node's.
        let log = self.log.clone().unwrap_or_else(|| netdir.join("debug.log"));
        let log_from = std::fs::metadata(&log).map_or(0, |meta| meta.len());
        let child = tipward()
            .arg("--datadir")
            .arg(datadir)
            .args(&self.args)
            .args(["--printtoconsole", "off"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Node {
            process: Process(child),
            netdir,
            log,
            log_from,
        }
    }
}

/// A running node.
pub(crate) struct Node {
    process: Process,
    pub(crate) netdir: PathBuf,
    log: PathBuf,
    log_from: u64,
}

impl Node {
    /// What it has written to its log since it started.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let own = bytes.get(self.log_from as usize..).unwrap_or_default();
        String::from_utf8_lossy(own).into_owned()
    }

    /// Waits for a log line that contains `text`, and returns it.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            // The order matters: a line of a node that has ended is there when its end is seen.
            let ended = self.process.0.try_wait().unwrap();
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(ended.is_none(), "the node ended without the line {text:?}");
            assert!(begun.elapsed() < PATIENCE, "no line {text:?} in\n{log}");
            std::thread::sleep(LOOK);
        }
    }

    pub(crate) fn wait_until_ready(&self) {
        wait_for("the node", || {
            self.log().contains("Ready after").then_some(())
        });
    }

    pub(crate) fn rpc_addr(&self) -> SocketAddr {
        wait_for("the JSON-RPC server", || {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("JSON-RPC at "))?;
            line.rsplit(' ').next()?.parse().ok()
        })
    }

    /// Where it accepts connections.
    pub(crate) fn p2p_addr(&self) -> SocketAddr {
        wait_for("the listener", || {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("Listening on "))?;
            line.rsplit(' ').next()?.parse().ok()
        })
    }

    fn client(&self) -> Client {
        Client {
            addr: self.rpc_addr(),
            login: Login::Cookie(self.netdir.join(".cookie")),
            timeout: Some(PATIENCE),
        }
    }

    /// Gets what is shown at a path.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        self.client().get(path).map_err(|error| error.to_string())
    }

    /// Calls a method that must work.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.client()
            .call_when_ready(method, &params, PATIENCE)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls a method that may fail, with the node or without it.
    pub(crate) fn try_call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.client()
            .call_when_ready(method, &params, PATIENCE)
            .map_err(|error| error.to_string())
    }

    /// The node once it answers; `None` if it has ended instead.
    pub(crate) fn wait_until_ready_or_ended(mut self) -> Option<Self> {
        wait_for("the node or its end", || {
            let ended = self.process.0.try_wait().unwrap().is_some();
            (ended || self.log().contains("Ready after")).then_some(ended)
        })
        .then_some(())
        .map_or(Some(self), |()| None)
    }

    pub(crate) fn height(&self) -> u64 {
        self.call("getblockcount", json!([])).as_u64().unwrap()
    }

    pub(crate) fn tip(&self) -> String {
        let hash = self.call("getbestblockhash", json!([]));
        hash.as_str().unwrap().to_owned()
    }

    pub(crate) fn wait_for_height(&self, height: u64) {
        wait_for("the height", || (self.height() >= height).then_some(()));
    }

    pub(crate) fn wait_for_tip(&self, hash: &str) {
        wait_for("the tip", || (self.tip() == hash).then_some(()));
    }

    pub(crate) fn peers(&self) -> Vec<Value> {
        let peers = self.call("getpeerinfo", json!([]));
        peers.as_array().unwrap().clone()
    }

    /// Id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it has ended by itself; how, and what it wrote on standard error.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_for("the node's end", || self.process.0.try_wait().unwrap());
        let mut text = String::new();
        let mut stderr = self.process.0.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        (status, text)
    }

    /// Ends it by JSON-RPC, and expects it to end well and in silence.
    pub(crate) fn stop(self) {
        self.call("stop", json!([]));
        let (status, stderr) = self.wait();
        assert!(status.success(), "{status}: {stderr}");
        assert_eq!(stderr, "");
    }
}

/// Hashes of the blocks in all block files of a node's directory, in their order, one entry for each frame.
pub(crate) fn stored_blocks(netdir: &Path) -> Vec<bitcoin::BlockHash> {
    let mut files: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in std::fs::read_dir(netdir.join("blocks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("blk") {
            files.insert(path);
        }
    }
    let mut hashes = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let mut rest = &bytes[..];
        while rest.len() > 8 && rest[..4] != [0; 4] {
            let size = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            let header: bitcoin::block::Header =
                bitcoin::consensus::deserialize(&rest[8..88]).unwrap();
            hashes.push(header.block_hash());
            rest = &rest[8 + size..];
        }
    }
    hashes
}

/// No block is in the files twice.
pub(crate) fn assert_stored_once(netdir: &Path, count: usize) {
    let hashes = stored_blocks(netdir);
    let distinct: BTreeSet<_> = hashes.iter().collect();
    assert_eq!(hashes.len(), distinct.len(), "a block was stored twice");
    assert_eq!(hashes.len(), count);
}

pub(crate) fn temp_dir() -> TempDir {
    tempfile::tempdir().unwrap()
}
