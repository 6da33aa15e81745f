//! Everything that differs between Bitcoin's networks.
//!
//! Source of every figure: Bitcoin Core's `kernel/chainparams.cpp` (master of early 2026) and, for what a BIP defines,
//! the BIP that is named beside it.

mod activation;
mod networks;
#[cfg(test)]
mod tests;

pub use activation::{ActivationError, ActivationHeight, BuriedDeployment, VersionBitsTimes};

use std::net::SocketAddr;

use bitcoin::block::Block;
use bitcoin::pow::{CompactTarget, Target, Work};
use bitcoin::{BlockHash, Network, ScriptBuf};

use crate::Height;

/// What a user may set about a signet.
#[derive(Clone, Debug, Default)]
pub struct SignetOptions {
    /// The block challenge (BIP325); `None` means the public default signet.
    pub challenge: Option<ScriptBuf>,
    /// DNS seeds instead of the default ones.
    pub seeds: Option<Vec<String>>,
}

/// The parameters of one network.
#[derive(Clone, Debug)]
pub struct Params {
    /// Which network this is.
    pub network: Network,
    /// Name as in Bitcoin Core's `getblockchaininfo`: main, test, testnet4, signet, regtest.
    pub chain_name: &'static str,
    /// The four bytes that every v1 message starts with.
    pub magic: [u8; 4],
    /// TCP port that nodes listen on.
    pub p2p_port: u16,
    /// TCP port of the JSON-RPC server.
    pub rpc_port: u16,
    /// The genesis block.
    pub genesis: Block,
    /// Its hash.
    pub genesis_hash: BlockHash,
    /// DNS seeds, without the service-bit prefix.
    pub dns_seeds: Vec<String>,
    /// Addresses of long-lived nodes, one `address:port` a line, for when no DNS seed answers.
    pub fixed_seeds: &'static str,

    /// The easiest allowed target.
    pub pow_limit: Target,
    /// The easiest allowed target as a header writes it.
    pub pow_limit_bits: CompactTarget,
    /// Seconds that a difficulty period should last.
    pub pow_target_timespan: u32,
    /// Seconds between two blocks.
    pub pow_target_spacing: u32,
    /// Testnet rule: a block more than 20 minutes after its parent may have the easiest target.
    pub pow_allow_min_difficulty: bool,
    /// Regtest rule: the difficulty never changes.
    pub pow_no_retargeting: bool,
    /// Timewarp mitigation and retarget from the period's first block (BIP94, testnet4).
    pub enforce_bip94: bool,

    /// Blocks between two halvings of the subsidy.
    pub subsidy_halving_interval: Height,
    /// Height in the coinbase (BIP34) from here on.
    pub bip34_height: Height,
    /// Hash of the block at `bip34_height`; all zero where that does not matter.
    pub bip34_hash: BlockHash,
    /// CHECKLOCKTIMEVERIFY (BIP65) from here on.
    pub bip65_height: Height,
    /// Strict DER signatures (BIP66) from here on.
    pub bip66_height: Height,
    /// Relative lock times, CHECKSEQUENCEVERIFY and median-time-past lock times (BIP68, 112, 113) from here on.
    pub csv_height: Height,
    /// Segregated witness (BIP141, 143, 147) from here on.
    pub segwit_height: Height,
    /// Deployments by version bits (BIP9) that are not buried.
    pub deployments: Vec<Deployment>,
    /// Below this height nobody is warned of version bits that no known deployment uses: known ones did.
    pub version_bits_warning_height: Height,
    /// Blocks that are checked with fewer script rules than all others.
    pub script_flag_exceptions: Vec<ScriptFlagException>,
    /// The block challenge (BIP325), on signets only.
    pub signet_challenge: Option<ScriptBuf>,

    /// A chain of headers with less work than this is not stored.
    pub minimum_chain_work: Work,
    /// Scripts of this block and its ancestors are assumed valid by default; all zero means none.
    pub assume_valid: BlockHash,
    /// Tuning of the low-work header defence.
    pub header_sync: HeaderSyncParams,
    /// About how many GB the whole chain takes on disk.
    pub assumed_chain_size_gb: u32,
}

/// Tuning of the low-work header defence (presync and redownload), as computed by Core's `headerssync-params.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderSyncParams {
    /// One bit of commitment is kept for every so many headers.
    pub commitment_period: usize,
    /// Headers held back in the second download before they are accepted.
    pub redownload_buffer_size: usize,
}

/// Names of deployments by version bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentPos {
    /// Core's test deployment, active on regtest only.
    TestDummy,
}

impl DeploymentPos {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::TestDummy];

    /// Name as in Bitcoin Core's `getdeploymentinfo`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TestDummy => "testdummy",
        }
    }
}

/// One deployment by version bits (BIP9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Which one.
    pub pos: DeploymentPos,
    /// Bit of the block version that signals it.
    pub bit: u8,
    /// Median time past from which signalling counts; -1 is always active, -2 never.
    pub start_time: i64,
    /// Median time past at which the attempt fails.
    pub timeout: i64,
    /// Never active below this height.
    pub min_activation_height: Height,
    /// Signalling blocks needed within one period.
    pub threshold: u32,
    /// Blocks of one period.
    pub period: u32,
}

impl Deployment {
    /// `start_time` of a deployment that is always active.
    pub const ALWAYS_ACTIVE: i64 = -1;
    /// `start_time` of a deployment that is never active.
    pub const NEVER_ACTIVE: i64 = -2;
    /// `timeout` of a deployment that never fails.
    pub const NO_TIMEOUT: i64 = i64::MAX;
}

/// A block whose scripts were valid under the rules of its day only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptFlagException {
    /// The block.
    pub block: BlockHash,
    /// Pay-to-script-hash (BIP16) is enforced.
    pub p2sh: bool,
    /// Segregated witness (BIP141) is enforced.
    pub witness: bool,
    /// Taproot (BIP341, 342) is enforced.
    pub taproot: bool,
}

impl Params {
    /// Parameters of `network`; on signet, of the public default one.
    pub fn new(network: Network) -> Self {
        match network {
            Network::Testnet => networks::testnet3(),
            Network::Testnet4 => networks::testnet4(),
            Network::Signet => networks::signet(&SignetOptions::default()),
            Network::Regtest => networks::regtest(),
            _ => networks::main(),
        }
    }

    /// Parameters of a signet with options of its own.
    pub fn signet(options: &SignetOptions) -> Self {
        networks::signet(options)
    }

    /// Blocks between two changes of difficulty: 2016 everywhere but on regtest, where it is 144.
    pub fn difficulty_interval(&self) -> Height {
        self.pow_target_timespan / self.pow_target_spacing
    }

    /// The fixed seeds that are plain IP addresses.
    pub fn fixed_seed_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.fixed_seeds
            .lines()
            .filter_map(|l| l.trim().parse().ok())
    }
}
