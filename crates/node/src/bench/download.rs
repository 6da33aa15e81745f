//! `tipward bench download`: blocks without validation of their scripts, beside a plain copy of the same bytes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use tipward_primitives::BlockHash;

use super::chain::scratch;
use super::copy;
use super::process::{self, Usage};
use super::series::Series;
use super::source::Source;
use crate::config::{NetworkName, Options};
use crate::generate::{recent_chain, write_chain};
use crate::serve::Archive;

/// Blocks of a generated chain have about this many bytes.
const BLOCK_SIZE: u32 = 990_000;

/// Which chain is downloaded.
#[derive(Args, Clone, Debug)]
pub struct Chain {
    /// Block files to download, of --network; without, a regtest chain of large blocks is generated
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub blocks: Vec<PathBuf>,

    /// Size of the generated chain in MB
    #[arg(long, value_name = "MB", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub size: u32,
}

/// Options of `tipward bench download`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward bench download --size 1000 --rounds 5 --dir /some/disk")]
pub struct DownloadArgs {
    /// The chain to download.
    #[command(flatten)]
    pub chain: Chain,

    /// Times that each of the two is measured, in turn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Peers to download from
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub peers: u32,

    /// Directory on the disk to measure; it needs room for two copies of the blocks
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// What is downloaded.
pub(super) struct Data {
    pub(super) network: NetworkName,
    pub(super) files: Vec<PathBuf>,
    pub(super) bytes: u64,
    pub(super) height: u32,
    pub(super) tip: BlockHash,
}

/// Measures and prints.
pub(super) fn run(args: &DownloadArgs, options: Options) -> anyhow::Result<()> {
    let dir = scratch(&args.dir)?;
    let data = data(&args.chain, &options, dir.path())?;
    println!(
        "{:.1} MB, {} blocks, {} peers, {} rounds",
        data.bytes as f64 / 1e6,
        data.height,
        args.peers,
        args.rounds
    );
    let peers = (0..args.peers)
        .map(|_| Source::start(data.network, &data.files, &[]))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut node = Series::<Usage>::default();
    let mut plain = Series::<Usage>::default();
    let mut serving = 0.0;
    for round in 0..=args.rounds {
        // The first of each pays for what the machine does but once, such as memory that a virtual machine is given
        // by its host when it first touches it; it is not counted.
        if round == 1 {
            (node, plain) = Default::default();
            serving = Source::cpu_seconds(&peers);
        }
        let copied = copy::run(&data.files, &dir.path().join("copy.dat"))?;
        let synced = sync(&data, &peers, &dir.path().join("node"), &options, &[])?;
        let name = match round {
            0 => "warm-up".to_owned(),
            n => format!("round {n}"),
        };
        println!(
            "{name}: plain copy {:.2} s, node {:.2} s, {:.2} CPU s, peak {:.0} MB",
            copied.seconds,
            synced.seconds,
            synced.cpu_seconds,
            synced.peak_bytes as f64 / 1e6
        );
        plain.push(copied);
        node.push(synced);
    }
    let serving = (Source::cpu_seconds(&peers) - serving) / f64::from(args.rounds);
    report(&data, &node, &plain, serving);
    Ok(())
}

/// The chain that the user named, or a new one in `dir`.
pub(super) fn data(args: &Chain, options: &Options, dir: &Path) -> anyhow::Result<Data> {
    if args.blocks.is_empty() {
        let blocks = (u64::from(args.size) * 1_000_000).div_ceil(u64::from(BLOCK_SIZE));
        let blocks = u32::try_from(blocks).context("--size is too large")?;
        let file = dir.join("chain.dat");
        println!("Generating {} MB of blocks ...", args.size);
        // Four weight units a byte.
        let mut generator = recent_chain(blocks, 100, 4 * BLOCK_SIZE as usize);
        let bytes = write_chain(&mut generator, blocks, &file)?;
        return Ok(Data {
            network: NetworkName::Regtest,
            files: vec![file],
            bytes,
            height: blocks,
            tip: generator.tip_hash(),
        });
    }
    let network = options.network.unwrap_or_default();
    let params = tipward_primitives::Params::new(network.network());
    let (height, tip) = Archive::open(&args.blocks, &params)?.tip();
    let sizes = args.blocks.iter().map(|file| Ok(file.metadata()?.len()));
    Ok(Data {
        network,
        files: args.blocks.clone(),
        bytes: sizes.sum::<std::io::Result<u64>>()?,
        height,
        tip,
    })
}

/// A node of its own process syncs from the peers into an empty directory; its start and its end, with all it wrote
/// safe on disk, are part of the time.
pub(super) fn sync(
    data: &Data,
    peers: &[Source],
    dir: &Path,
    options: &Options,
    more: &[&str],
) -> anyhow::Result<Usage> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([
            "--network",
            &data.network.to_string(),
            "--minimumchainwork",
            "0",
        ])
        .args([
            "--server",
            "off",
            "--listen",
            "off",
            "--printtoconsole",
            "off",
        ])
        .args(["--stopatheight", &data.height.to_string()])
        .args(more)
        .arg("--datadir")
        .arg(dir)
        .stdin(Stdio::null());
    if let Some(par) = options.par {
        command.args(["--par", &par.to_string()]);
    }
    if let Some(mib) = options.blockbuffer {
        command.args(["--blockbuffer", &mib.to_string()]);
    }
    for peer in peers {
        command.args(["--connect", &peer.addr]);
    }
    let begun = Instant::now();
    let (status, cpu_seconds, peak_bytes) = process::measure(command)?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(status.success(), "the node ended with {status}");
    let blocks = dir
        .read_dir()?
        .filter_map(Result::ok)
        .map(|network| network.path().join("blocks/blk00000.dat"))
        .any(|file| file.exists());
    ensure!(blocks, "the node stored nothing");
    std::fs::remove_dir_all(dir)?;
    Ok(Usage {
        seconds,
        cpu_seconds,
        peak_bytes,
    })
}

fn report(data: &Data, node: &Series<Usage>, plain: &Series<Usage>, serving: f64) {
    let megabytes = data.bytes as f64 / 1e6;
    let node_seconds = node.median(|usage| usage.seconds);
    let plain_seconds = plain.median(|usage| usage.seconds);
    let cpu = node.median(|usage| usage.cpu_seconds);
    let peak = node.median(|usage| usage.peak_bytes as f64);
    println!();
    println!("median of {} rounds", node.len());
    println!(
        "  plain TCP copy   {plain_seconds:.2} s  {:.0} MB/s",
        megabytes / plain_seconds
    );
    println!(
        "  node             {node_seconds:.2} s  {:.0} MB/s",
        megabytes / node_seconds
    );
    println!(
        "  node's speed     {:.2} of the plain copy's",
        plain_seconds / node_seconds
    );
    println!(
        "  node's CPU       {:.2} s per GB",
        cpu / megabytes * 1000.0
    );
    println!(
        "  peers' CPU       {:.2} s per GB",
        serving / megabytes * 1000.0
    );
    println!("  node's memory    {:.0} MB at its peak", peak / 1e6);
}
