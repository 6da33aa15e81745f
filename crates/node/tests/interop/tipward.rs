//! A tipward node as its user starts it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tipward_rpc::client::Login;

use super::process::{Process, eventually, free_port};
use super::rpc::Rpc;

/// A running node; killed with this value.
pub(crate) struct Tipward {
    process: Process,
    rpc: Rpc,
    rpc_port: u16,
    /// Where peers connect to.
    pub(crate) p2p_port: u16,
    dir: TempDir,
}

impl Tipward {
    /// Starts one on `network`, connected to `peers` and to nobody else.
    pub(crate) fn start(network: &str, peers: &[u16], more: &[&str]) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        Self::start_in(dir, network, peers, more)
    }

    /// The same in a data directory that is there.
    pub(crate) fn start_in(dir: TempDir, network: &str, peers: &[u16], more: &[&str]) -> Self {
        let (rpc_port, p2p_port) = (free_port(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_tipward"));
        command
            .args(["--network", network])
            .arg("--datadir")
            .arg(dir.path())
            .args(["--bind", &format!("127.0.0.1:{p2p_port}")])
            .args(["--listen", "on"])
            .args(["--rpcport", &rpc_port.to_string()])
            .args(["--progress", "off"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if peers.is_empty() {
            command.args(["--connect", "0"]);
        }
        for peer in peers {
            command.args(["--connect", &format!("127.0.0.1:{peer}")]);
        }
        let process = Process(command.spawn().expect("tipward starts"));
        let rpc = Rpc::new(
            "tipward",
            rpc_port,
            Login::Cookie(dir.path().join(network).join(".cookie")),
        );
        eventually("tipward answers", true, || rpc.answers());
        Self {
            process,
            rpc,
            rpc_port,
            p2p_port,
            dir,
        }
    }

    /// Calls a method; panics if it fails.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.rpc.call(method, params)
    }

    /// Where it keeps everything.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its JSON-RPC port.
    pub(crate) fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// Height of its active chain.
    pub(crate) fn height(&self) -> u64 {
        self.rpc.height()
    }

    /// Hash of its tip.
    pub(crate) fn tip(&self) -> String {
        self.rpc.tip()
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) {
        self.call("stop", json!([]));
        assert!(self.process.wait(), "tipward ends when told to");
    }
}

/// A `tipward serve` process; killed with this value.
pub(crate) struct Served {
    _process: Process,
    /// Where peers connect to.
    pub(crate) port: u16,
}

impl Served {
    /// Serves one block file.
    pub(crate) fn start(network: &str, blocks: &Path) -> Self {
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_tipward"))
            .args([
                "serve",
                "--network",
                network,
                "--bind",
                &format!("127.0.0.1:{port}"),
            ])
            .arg("--blocks")
            .arg(blocks)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tipward serve starts");
        Self {
            _process: Process(child),
            port,
        }
    }
}
