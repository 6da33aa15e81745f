//! `tipward bench ibd`: whole syncs to the validated tip, ours in turn with another node's, from the same peers.
//!
//! Each run is a process of its own that starts with an empty directory, and is asked by JSON-RPC how far it is. A run
//! ends twice: when the node has the tip, and when it has stopped in order with everything on disk.

pub(super) mod node;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::chain::{ChainArgs, db_cache_mib};
use super::report::{Report, Run};
use super::source::Source;
use crate::config::{NetworkName, Options};
use node::{Kind, NodeUnderTest, Task};

/// Options of `tipward bench ibd`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward bench ibd --blocks chain.dat --dir /some/disk --scripts both
  tipward bench ibd --blocks chain.dat --versus /path/to/bitcoind --rounds 5")]
pub struct IbdArgs {
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,

    /// Program to measure in turn with ours: a bitcoind, or another tipward
    #[arg(long, value_name = "PROGRAM")]
    pub versus: Option<PathBuf>,

    /// Runs of each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Verify the scripts of the full blocks, or assume them valid
    #[arg(long, value_enum, default_value_t)]
    pub scripts: Scripts,

    /// Peer to sync from: bytes a second, milliseconds, and the blocks after which it stalls, each optional, such as
    /// 4M@100 or 8M@60/40. Can be given several times [default: one without limits]
    #[arg(long, value_name = "RATE[@MS][/N]")]
    pub peer: Vec<PeerSpec>,

    /// Another option for our node, such as --node-arg=--par=1. Can be given several times
    #[arg(long, value_name = "OPTION")]
    pub node_arg: Vec<String>,
}

/// What happens to scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Scripts {
    /// All are verified.
    On,
    /// Those of the full blocks and below are assumed valid.
    #[default]
    Off,
    /// One after the other.
    Both,
}

/// How a peer behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSpec {
    /// Bytes a second.
    rate: Option<u64>,
    /// Milliseconds.
    latency: Option<u64>,
    /// Blocks before it answers no more requests for them.
    stall_after: Option<u64>,
}

impl FromStr for PeerSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is no number"));
        let (text, stall_after) = match text.split_once('/') {
            Some((rest, blocks)) => (rest, Some(number(blocks)?)),
            None => (text, None),
        };
        let (rate, latency) = match text.split_once('@') {
            Some((rate, latency)) => (rate, Some(number(latency)?)),
            None => (text, None),
        };
        // Tenths of megabytes are as fine as anybody wants it.
        let rate = match rate.strip_suffix('M') {
            Some(megabytes) => {
                let rate: f64 = megabytes
                    .parse()
                    .map_err(|_| format!("'{megabytes}' is no number"))?;
                (rate * 1e6) as u64
            }
            None => number(rate)?,
        };
        Ok(Self {
            rate: (rate > 0).then_some(rate),
            latency,
            stall_after,
        })
    }
}

impl PeerSpec {
    /// As options of `tipward serve`.
    fn options(&self) -> Vec<String> {
        [
            ("--rate", self.rate),
            ("--latency", self.latency),
            ("--stall-after", self.stall_after),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
        .collect()
    }
}

/// Measures and prints.
pub(super) fn run(args: &IbdArgs, options: Options) -> anyhow::Result<()> {
    let note = args.chain.note(&options)?;
    let dbcache = db_cache_mib(&options)?;
    let dir = args.chain.scratch()?;
    let sources = sources(args)?;
    let mut nodes = vec![NodeUnderTest {
        program: std::env::current_exe()?,
        kind: Kind::Tipward,
        more: args.node_arg.clone(),
    }];
    if let Some(program) = &args.versus {
        nodes.push(NodeUnderTest {
            program: program.clone(),
            kind: Kind::of(program),
            more: Vec::new(),
        });
    }
    println!(
        "{} blocks, {:.1} MB; of them {} full with {} inputs, on {} coins; dbcache {} MiB",
        note.height,
        note.file_bytes as f64 / 1e6,
        note.full.1 + 1 - note.full.0,
        note.inputs,
        note.coins_before,
        dbcache
    );
    let rates: Option<Vec<u64>> = args.peer.iter().map(|peer| peer.rate).collect();
    if let Some(rates) = rates.filter(|rates| !rates.is_empty()) {
        let sum: u64 = rates.iter().sum();
        println!(
            "bytes over the sum of the peers' rates: {:.2} s",
            note.file_bytes as f64 / sum as f64
        );
    }
    let names = nodes.iter().map(NodeUnderTest::name).collect();
    let mut report = Report::new(&note, dbcache, names);
    for scripts in args.scripts.each() {
        for round in 1..=args.rounds {
            // Each goes first in every other round.
            let mut order: Vec<usize> = (0..nodes.len()).collect();
            if round % 2 == 0 {
                order.reverse();
            }
            for node in order {
                let task = Task {
                    dir: &dir.path().join("node"),
                    sources: &sources,
                    assume_valid: (!scripts).then_some(note.assume_valid),
                    dbcache,
                    note: &note,
                    load: None,
                    rest: None,
                };
                let figures = nodes[node].sync(&task)?;
                report.push(Run {
                    node,
                    round,
                    scripts,
                    figures,
                });
            }
        }
        print!("{}", report.table(scripts));
    }
    args.chain.save(&report.json())
}

impl Scripts {
    /// Whether scripts are verified, in each part of the run.
    pub(super) fn each(self) -> Vec<bool> {
        match self {
            Self::On => vec![true],
            Self::Off => vec![false],
            Self::Both => vec![false, true],
        }
    }
}

fn sources(args: &IbdArgs) -> anyhow::Result<Vec<Source>> {
    let files = [args.chain.blocks.clone()];
    let start = |options: &[String]| Source::start(NetworkName::Regtest, &files, options);
    match args.peer.is_empty() {
        true => Ok(vec![start(&[])?]),
        false => args
            .peer
            .iter()
            .map(|peer| start(&peer.options()))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
