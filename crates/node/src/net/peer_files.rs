//! What is remembered of peers from one run to the next: the address manager's tables, anchors and bans.
//!
//! Each is a file of its own in the network's directory. A file that cannot be read costs only what it held.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tipward_chain::Chain;
use tipward_p2p::addrman::AddrMan;
use tipward_p2p::{Config as MachineConfig, Machine};
use tipward_primitives::Timestamp;

use crate::config::Config;

/// Core saves its tables as often.
const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// The address manager's tables.
const PEERS: &str = "peers";

/// Where the files are, and when they were last written.
pub(crate) struct PeerFiles {
    dir: PathBuf,
    saved: Timestamp,
}

impl PeerFiles {
    /// Files in the network's directory `dir`.
    pub(crate) fn new(dir: &Path, now: Timestamp) -> Self {
        Self {
            dir: dir.to_owned(),
            saved: now,
        }
    }

    /// A machine that remembers what the files hold.
    pub(crate) fn machine(&self, config: &Config, chain: Chain) -> Machine {
        let machine_config = MachineConfig {
            batch: config.sync.batch,
            credit_bytes: config.sync.block_buffer as u64,
            max_inbound: config.peers.max_connections.saturating_sub(11),
            ..MachineConfig::default()
        };
        let addrman = self
            .read(PEERS)
            .and_then(|bytes| {
                AddrMan::from_bytes(&bytes, rand::random())
                    .inspect_err(|error| {
                        tracing::warn!(target: "net", "Known addresses are lost: file {PEERS}: {error}");
                    })
                    .ok()
            })
            .unwrap_or_else(|| AddrMan::new(rand::random()));
        Machine::new(machine_config, chain, addrman, rand::random())
    }

    /// Writes the files if they are due.
    pub(crate) fn save_if_due(&mut self, machine: &Machine, now: Timestamp) {
        if now.since(self.saved) >= INTERVAL {
            self.save(machine, now);
        }
    }

    /// Writes the files. Tens of kilobytes, some milliseconds.
    pub(crate) fn save(&mut self, machine: &Machine, now: Timestamp) {
        self.saved = now;
        self.write(PEERS, &machine.addrman().to_bytes());
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        match std::fs::read(self.dir.join(name)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(target: "net", "cannot read file {name}: {error}");
                None
            }
        }
    }

    /// By rename, so that a crash leaves the old file or the new one, never half of one.
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.join(name);
        let new = self.dir.join(format!("{name}.new"));
        let written = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, &path));
        if let Err(error) = written {
            tracing::warn!(target: "net", "cannot write file {name}: {error}");
        }
    }
}
