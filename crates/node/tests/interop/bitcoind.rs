//! A Bitcoin Core daemon with a data directory of its own.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use serde_json::{Value, json};
use tipward_rpc::Credentials;
use tipward_rpc::client::Login;

use super::process::{Process, eventually, free_port};
use super::rpc::Rpc;

const USER: &str = "interop";
const PASSWORD: &str = "interop";

/// The daemon that the user named, or `None` and a line that says so.
pub(crate) fn executable(test: &str) -> Option<OsString> {
    let named = std::env::var_os("BITCOIND_EXE").filter(|name| !name.is_empty());
    if named.is_none() {
        eprintln!("{test}: skipped, BITCOIND_EXE names no Bitcoin Core daemon");
    }
    named
}

/// A running daemon; killed with this value.
pub(crate) struct Bitcoind {
    process: Process,
    rpc: Rpc,
    /// Where peers connect to.
    pub(crate) p2p_port: u16,
    dir: TempDir,
}

impl Bitcoind {
    /// Starts one on `chain` (Core's name of it), connected to `peers` and to nobody else.
    pub(crate) fn start(exe: &OsString, chain: &str, peers: &[u16], more: &[&str]) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let (rpc_port, p2p_port) = (free_port(), free_port());
        let mut command = Command::new(exe);
        command
            .arg(format!("-chain={chain}"))
            .arg(format!("-datadir={}", dir.path().display()))
            .arg(format!("-rpcport={rpc_port}"))
            .arg(format!("-bind=127.0.0.1:{p2p_port}"))
            .arg(format!("-rpcuser={USER}"))
            .arg(format!("-rpcpassword={PASSWORD}"))
            .args([
                "-server=1",
                "-listen=1",
                "-listenonion=0",
                "-discover=0",
                "-dnsseed=0",
                "-fixedseeds=0",
                "-natpmp=0",
                "-printtoconsole=0",
            ])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if peers.is_empty() {
            command.arg("-connect=0");
        }
        for peer in peers {
            command.arg(format!("-connect=127.0.0.1:{peer}"));
        }
        let process = Process(
            command
                .spawn()
                .expect("the daemon that BITCOIND_EXE names starts"),
        );
        let login = Login::Password(Credentials::new(USER, PASSWORD));
        let rpc = Rpc::new("bitcoind", rpc_port, login);
        eventually("bitcoind answers", true, || rpc.answers());
        Self {
            process,
            rpc,
            p2p_port,
            dir,
        }
    }

    /// Calls a method; panics if it fails.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.rpc.call(method, params)
    }

    /// Height of its active chain.
    pub(crate) fn height(&self) -> u64 {
        self.rpc.height()
    }

    /// Hash of its tip.
    pub(crate) fn tip(&self) -> String {
        self.rpc.tip()
    }

    /// What it has logged so far, on regtest.
    pub(crate) fn log(&self) -> String {
        let file = self.dir.path().join("regtest/debug.log");
        std::fs::read_to_string(file).expect("bitcoind writes a log")
    }

    /// Ends it in order.
    pub(crate) fn stop(self) {
        self.stop_and_keep();
    }

    /// Ends it in order; its data directory.
    pub(crate) fn stop_and_keep(mut self) -> TempDir {
        self.call("stop", json!([]));
        assert!(self.process.wait(), "bitcoind ends when told to");
        self.dir
    }
}
