//! What is remembered of peers from one run to the next: the address manager's tables, anchors and bans.
//!
//! Each is a file of its own in the network's directory. A file that cannot be read costs only what it held.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tipward_chain::Chain;
use tipward_p2p::addr::{AddrNetwork, Address, NetworkSet};
use tipward_p2p::addrman::AddrMan;
use tipward_p2p::banman::BanMan;
use tipward_p2p::gossip::OwnAddresses;
use tipward_p2p::pool::{PoolConfig, anchors_from_bytes, anchors_to_bytes};
use tipward_p2p::sealed::LoadError;
use tipward_p2p::wire::ServiceFlags;
use tipward_p2p::{Config as MachineConfig, Machine};
use tipward_primitives::{Params, Timestamp};

use crate::config::Config;

/// Core saves its tables as often.
const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// Outbound connections to keep, as Core does.
const FULL_RELAY: usize = 8;
/// Outbound connections for blocks only, as Core does.
const BLOCK_RELAY: usize = 2;
/// The address manager's tables.
const PEERS: &str = "peers";
/// The block-relay-only peers of the end of the last run.
const ANCHORS: &str = "anchors";
/// Banned and discouraged addresses.
const BANS: &str = "banlist";

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
        let addrman = self
            .load(PEERS, |bytes| AddrMan::from_bytes(bytes, rand::random()))
            .unwrap_or_else(|| AddrMan::new(rand::random()));
        let anchors = self.load(ANCHORS, anchors_from_bytes).unwrap_or_default();
        // Anchors that make the node fail must not do so at every start.
        let _ = std::fs::remove_file(self.dir.join(ANCHORS));
        let config = machine_config(config, anchors);
        let mut machine = Machine::new(config, chain, addrman, rand::random());
        if let Some(bans) = self.load(BANS, BanMan::from_bytes) {
            machine.set_bans(bans);
        }
        machine
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
        self.save_bans(machine);
    }

    /// Writes the bans, a few bytes each.
    pub(crate) fn save_bans(&self, machine: &Machine) {
        self.write(BANS, &machine.bans().to_bytes());
    }

    /// Writes what a restart connects to first; at the end of a run only.
    pub(crate) fn save_anchors(&self, machine: &Machine) {
        self.write(ANCHORS, &anchors_to_bytes(&machine.anchors()));
    }

    /// What a file holds; `None` if there is none or it cannot be understood.
    fn load<T>(&self, name: &str, parse: impl FnOnce(&[u8]) -> Result<T, LoadError>) -> Option<T> {
        parse(&self.read(name)?)
            .inspect_err(|error| {
                tracing::warn!(target: "net", "What file {name} held is lost: {error}");
            })
            .ok()
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

/// What the machine is told of the user's options.
fn machine_config(config: &Config, anchors: Vec<Address>) -> MachineConfig {
    let Config { peers, params, .. } = config;
    let mut reachable = NetworkSet::CLEARNET;
    if peers.onion_proxy.is_some() {
        reachable = reachable.with(AddrNetwork::Onion);
    }
    let pool = PoolConfig {
        connect: peers.connect.clone(),
        add_nodes: peers.add_nodes.clone(),
        seed_nodes: peers.seed_nodes.clone(),
        dns_seeds: if peers.dns_seed {
            params.dns_seeds.clone()
        } else {
            Vec::new()
        },
        fixed_seeds: if peers.fixed_seeds {
            fixed_seeds(params)
        } else {
            Vec::new()
        },
        anchors,
        default_port: params.p2p_port,
        reachable,
        name_proxy: peers.proxy.is_some(),
        full_relay: FULL_RELAY.min(peers.max_connections),
        block_relay: BLOCK_RELAY.min(peers.max_connections.saturating_sub(FULL_RELAY)),
    };
    let defaults = MachineConfig::default();
    // Who deletes old blocks can serve the last ones only (BIP159).
    let services = match config.sync.prune {
        Some(_) => ServiceFlags::NETWORK_LIMITED | ServiceFlags::WITNESS,
        None => defaults.services,
    };
    // Our own connections, and one to spare for feelers, come out of the same number.
    let outbound = pool.full_relay + pool.block_relay + 1;
    MachineConfig {
        own: peers.listen.first().map(|listen| OwnAddresses {
            external: Vec::new(),
            port: listen.addr.port(),
            services,
        }),
        services,
        upload_target: peers.upload_target,
        whitelist: peers.whitelist.clone(),
        max_inbound: peers.max_connections.saturating_sub(outbound),
        batch: config.sync.batch,
        credit_bytes: config.sync.block_buffer as u64,
        pool,
        ..defaults
    }
}

fn fixed_seeds(params: &Params) -> Vec<Address> {
    let lines = params.fixed_seeds.lines().map(str::trim);
    lines.filter_map(|line| line.parse().ok()).collect()
}
