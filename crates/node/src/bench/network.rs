//! `tipward bench network`: what far and bad peers cost, against the time that their lines alone would take.
//!
//! # The floor
//! No node can be done sooner than when the peers' lines have carried the chain once, every line full from the first
//! moment to the last. A peer that falls silent after some blocks counts for those blocks alone. Connecting, asking for
//! headers and the first request take some round trips more, and are part of what is measured, not of the floor; so are
//! the node's start, and its end with everything safe on disk.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::chain::scratch;
use super::download::{Chain, Data, data, sync};
use super::process::Usage;
use super::series::Series;
use super::source::Source;
use crate::config::Options;

/// Options of `tipward bench network`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward bench network --size 800 --rounds 5 --dir /some/disk")]
pub struct NetworkArgs {
    /// Which crowds of peers to download from; all of them by default
    #[arg(long, value_name = "PROFILE", num_args = 1.., value_enum)]
    pub profile: Vec<Profile>,

    /// The chain to download.
    #[command(flatten)]
    pub chain: Chain,

    /// Times that each profile is measured, in turn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Directory on the disk to measure; it needs room for two copies of the blocks
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// A crowd of peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Eight peers of 4 MB/s, 100 ms away
    A,
    /// One peer of 30 MB/s, 200 ms away
    B,
    /// Three good peers, two slow ones, two that fall silent
    C,
}

/// One peer: bytes a second, milliseconds there and back, and after how many blocks it sends no more.
#[derive(Clone, Copy, Debug)]
struct Line {
    rate: u64,
    latency: u64,
    stall_after: Option<u64>,
}

impl Line {
    const fn new(rate: u64, latency: u64) -> Self {
        Self {
            rate,
            latency,
            stall_after: None,
        }
    }

    const fn stalls_after(self, blocks: u64) -> Self {
        Self {
            stall_after: Some(blocks),
            ..self
        }
    }

    fn options(self) -> Vec<String> {
        let mut options = vec![
            "--rate".to_owned(),
            self.rate.to_string(),
            "--latency".to_owned(),
            self.latency.to_string(),
        ];
        if let Some(blocks) = self.stall_after {
            options.extend(["--stall-after".to_owned(), blocks.to_string()]);
        }
        options
    }
}

impl Profile {
    fn lines(self) -> Vec<Line> {
        const MB: u64 = 1_000_000;
        match self {
            Self::A => vec![Line::new(4 * MB, 100); 8],
            Self::B => vec![Line::new(30 * MB, 200)],
            Self::C => vec![
                Line::new(8 * MB, 60),
                Line::new(8 * MB, 60),
                Line::new(8 * MB, 60),
                Line::new(MB, 200),
                Line::new(MB / 2, 300),
                Line::new(8 * MB, 60).stalls_after(24),
                Line::new(8 * MB, 60).stalls_after(48),
            ],
        }
    }
}

/// Seconds that the lines need for a chain of so many bytes in so many blocks.
fn floor(lines: &[Line], bytes: u64, blocks: u32) -> f64 {
    let block = bytes as f64 / f64::from(blocks.max(1));
    // A line with an end is full until then, and empty afterwards.
    let mut ends: Vec<(f64, f64)> = lines
        .iter()
        .map(|line| {
            let rate = line.rate as f64;
            let end = line
                .stall_after
                .map_or(f64::INFINITY, |blocks| blocks as f64 * block / rate);
            (end, rate)
        })
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = bytes as f64;
    let mut now = 0.0;
    for at in 0..ends.len() {
        let rate: f64 = ends[at..].iter().map(|(_, rate)| rate).sum();
        let carried = (ends[at].0 - now) * rate;
        if carried >= left {
            return now + left / rate;
        }
        left -= carried;
        now = ends[at].0;
    }
    f64::INFINITY
}

/// Runs the benchmark and prints its result.
pub(super) fn run(args: &NetworkArgs, options: &Options) -> anyhow::Result<()> {
    let dir = scratch(&args.dir)?;
    let data = data(&args.chain, options, dir.path())?;
    println!(
        "{:.1} MB, {} blocks, {} rounds, scripts assumed valid",
        data.bytes as f64 / 1e6,
        data.height,
        args.rounds
    );
    let profiles = match &args.profile[..] {
        [] => Profile::value_variants(),
        chosen => chosen,
    };
    let mut results: Vec<(Profile, Series<Usage>)> = Vec::new();
    for round in 1..=args.rounds {
        for &profile in profiles {
            let lines = profile.lines();
            let peers = lines
                .iter()
                .map(|line| Source::start(data.network, &data.files, &line.options()))
                .collect::<anyhow::Result<Vec<_>>>()?;
            let usage = sync(
                &data,
                &peers,
                &dir.path().join("node"),
                options,
                &["--assumevalid", &data.tip.to_string()],
            )?;
            let floor = floor(&lines, data.bytes, data.height);
            println!(
                "round {round}, {profile:?}: {:.2} s, {:.3} of the floor, {:.2} CPU s, peers {:.2} CPU s, peak {:.0} MB",
                usage.seconds,
                usage.seconds / floor,
                usage.cpu_seconds,
                Source::cpu_seconds(&peers),
                usage.peak_bytes as f64 / 1e6
            );
            match results.iter_mut().find(|(of, _)| *of == profile) {
                Some((_, series)) => series.push(usage),
                None => {
                    let mut series = Series::default();
                    series.push(usage);
                    results.push((profile, series));
                }
            }
        }
    }
    println!();
    println!("medians of {} rounds", args.rounds);
    for (profile, series) in &results {
        report(*profile, series, &data);
    }
    Ok(())
}

fn report(profile: Profile, series: &Series<Usage>, data: &Data) {
    let floor = floor(&profile.lines(), data.bytes, data.height);
    let seconds = series.median(|usage| usage.seconds);
    println!(
        "  {profile:?}  {seconds:.2} s, floor {floor:.2} s: {:.3}; {:.2} CPU s per GB, {:.0} MB at its peak",
        seconds / floor,
        series.median(|usage| usage.cpu_seconds) / data.bytes as f64 * 1e9,
        series.median(|usage| usage.peak_bytes as f64) / 1e6
    );
}

#[cfg(test)]
mod tests;
