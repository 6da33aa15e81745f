//! Names everything once.
//!
//! rust-bitcoin's types are re-exported from here, so that every crate of tipward speaks of the same `BlockHash`,
//! `Header` and `Work`; beside them stand the few types that rust-bitcoin does not have: a [`Height`], a block that is
//! still opaque bytes ([`RawBlock`]), a point in time that can be injected ([`Timestamp`]), a count of how long things take
//! ([`Histogram`]), and everything that differs between networks ([`Params`]).
//!
//! This crate is pure: no clock, no file, no socket, no thread.

mod histogram;
mod params;
mod raw_block;
mod time;

pub use bitcoin::block::{Header, Version as BlockVersion};
pub use bitcoin::pow::{CompactTarget, Target, Work};
pub use bitcoin::{self, BlockHash, Network, Transaction, Txid, Wtxid};
pub use histogram::{Histogram, Latencies};
pub use params::{
    ActivationError, ActivationHeight, BuriedDeployment, Deployment, DeploymentPos,
    HeaderSyncParams, Params, ScriptFlagException, SignetOptions, VersionBitsTimes,
};
pub use raw_block::{Checksum, RawBlock, TooShort};
pub use time::Timestamp;

/// Distance of a block from the genesis block, which has height 0.
pub type Height = u32;

/// The most bytes that a serialized block can have, witness included (BIP141: 4,000,000 weight units, so at most as
/// many bytes).
pub const MAX_BLOCK_SERIALIZED_SIZE: usize = 4_000_000;
