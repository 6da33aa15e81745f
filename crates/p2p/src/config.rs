//! What the machine is told once.

use std::time::Duration;

use crate::gossip::OwnAddresses;
use crate::permissions::Permitted;
use crate::pool::PoolConfig;
use crate::wire::ServiceFlags;

/// What the machine is told once. [`Config::default`] is right for a node without options.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name and version of the software in BIP14's form, e.g. `/tipward:0.1.0/`.
    pub user_agent: String,
    /// What we offer. `NETWORK` is the truth only while no block is ever deleted.
    pub services: ServiceFlags,
    /// Whom to connect to.
    pub pool: PoolConfig,
    /// Where others can find us; `None` if we do not listen.
    pub own: Option<OwnAddresses>,
    /// Most connections that are accepted at a time.
    pub max_inbound: usize,
    /// Blocks in one request, 1 to 1000.
    pub batch: usize,
    /// Bytes of blocks that may be on their way or in memory at a time: the one knob for memory.
    pub credit_bytes: u64,
    /// Widest window of blocks that may be asked for, in blocks. It bounds how far the order of blocks on disk strays
    /// from the order of heights.
    pub window_blocks: usize,
    /// Widest window in bytes.
    pub window_bytes: u64,
    /// Bytes that may wait to be sent to a peer before no further block is read from disk for it.
    pub send_buffer: usize,
    /// Bytes of a peer's messages that may wait for verdicts before its connection is not read any further.
    pub deferred_bytes: usize,
    /// Bytes that should not be exceeded in a day; zero for no limit.
    pub upload_target: u64,
    /// What the user permits certain peers.
    pub whitelist: Vec<Permitted>,
    /// Time for the handshake.
    pub peer_timeout: Duration,
    /// Ask for transactions. Without a memory pool that would be bandwidth for nothing.
    pub relay_transactions: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user_agent: concat!("/tipward:", env!("CARGO_PKG_VERSION"), "/").to_owned(),
            services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
            pool: PoolConfig::default(),
            own: None,
            max_inbound: 114,
            batch: 16,
            credit_bytes: 96 << 20,
            window_blocks: 16_384,
            window_bytes: 1 << 30,
            send_buffer: 1_000_000,
            deferred_bytes: 5_000_000,
            upload_target: 0,
            whitelist: Vec::new(),
            peer_timeout: Duration::from_secs(60),
            relay_transactions: false,
        }
    }
}
