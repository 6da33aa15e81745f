//! `tipward bench`: what a whole download or sync costs, beside what the machine can do at best, or beside another node.

mod chain;
mod copy;
mod download;
mod ibd;
mod network;
mod process;
mod replay;
mod report;
mod rpc;
mod series;
mod signatures;
mod source;

use clap::Subcommand;

use crate::config::Options;
pub use download::DownloadArgs;
pub use ibd::{IbdArgs, Scripts};
pub use network::NetworkArgs;
pub use replay::ReplayArgs;
pub use rpc::RpcArgs;
pub use signatures::SignaturesArgs;

/// What can be measured.
#[derive(Subcommand, Clone, Debug)]
pub enum BenchCommand {
    /// Receive, check and store blocks from local peers, against a plain TCP copy of the same bytes to the same disk
    Download(DownloadArgs),
    /// Sync a generated chain from local peers to the validated tip, in turn with another node
    Ibd(IbdArgs),
    /// Sync from peers that are far, slow or broken, against the time that their lines alone would take
    Network(NetworkArgs),
    /// Take a generated chain from its file to the validated tip, without a network
    Replay(ReplayArgs),
    /// Call JSON-RPC while a generated chain is synced, and fetch its blocks by REST
    Rpc(RpcArgs),
    /// Verify as many signatures as a generated chain has, with libsecp256k1 alone
    Signatures(SignaturesArgs),
}

/// Runs a benchmark and prints its result.
pub fn run(what: &BenchCommand, options: Options) -> anyhow::Result<()> {
    match what {
        BenchCommand::Download(args) => download::run(args, options),
        BenchCommand::Ibd(args) => ibd::run(args, options),
        BenchCommand::Network(args) => network::run(args, &options),
        BenchCommand::Replay(args) => replay::run(args, options),
        BenchCommand::Rpc(args) => rpc::run(args, &options),
        BenchCommand::Signatures(args) => signatures::run(args, &options),
    }
}
