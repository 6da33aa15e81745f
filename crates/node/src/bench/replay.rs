//! `tipward bench replay`: a block file through the real pipeline, with the network swapped out.
//!
//! Each run is a process of its own, so that its memory and CPU time are its own too.

mod blocks;
mod stages;
mod worker;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::chain::{ChainArgs, db_cache_mib};
use super::ibd::Scripts;
use super::process::Watched;
use super::report::{Figures, Report, Run};
use crate::config::Options;
use stages::Stages;

/// Options of `tipward bench replay`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward bench replay --blocks chain.dat --dir /some/disk --scripts both")]
pub struct ReplayArgs {
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,

    /// Another tipward to measure in turn with this one
    #[arg(long, value_name = "PROGRAM")]
    pub versus: Option<PathBuf>,

    /// Runs of each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Verify the scripts of the full blocks, or assume them valid
    #[arg(long, value_enum, default_value_t)]
    pub scripts: Scripts,

    /// Do one run in this process, into --dir itself
    #[arg(long, hide = true)]
    pub worker: bool,
}

/// What a worker tells of its run.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
struct Told {
    to_tip: f64,
    full: f64,
    to_end: f64,
    cpu_full: f64,
    cpu_to_tip: f64,
    stages: Stages,
}

/// Measures and prints.
pub(super) fn run(args: &ReplayArgs, options: Options) -> anyhow::Result<()> {
    let note = args.chain.note(&options)?;
    if args.worker {
        let told = worker::run(args, &options, &note)?;
        println!("{}", serde_json::to_string(&told)?);
        return Ok(());
    }
    let dir = args.chain.scratch()?;
    let mut programs = vec![std::env::current_exe()?];
    programs.extend(args.versus.clone());
    let names = programs.iter().map(|p| p.display().to_string()).collect();
    let mut report = Report::new(&note, db_cache_mib(&options)?, names);
    for scripts in args.scripts.each() {
        for round in 1..=args.rounds {
            let mut order: Vec<usize> = (0..programs.len()).collect();
            if round % 2 == 0 {
                order.reverse();
            }
            for node in order {
                let run_dir = dir.path().join("node");
                let (figures, stages) =
                    measure(&programs[node], args, &options, scripts, &run_dir)?;
                report.push(Run {
                    node,
                    round,
                    scripts,
                    figures,
                });
                print!("{}", stages.table());
            }
        }
        print!("{}", report.table(scripts));
    }
    args.chain.save(&report.json())
}

fn measure(
    program: &Path,
    args: &ReplayArgs,
    options: &Options,
    scripts: bool,
    dir: &Path,
) -> anyhow::Result<(Figures, Stages)> {
    std::fs::create_dir(dir)?;
    rustix::fs::sync();
    let mut command = Command::new(program);
    if let Some(par) = options.par {
        command.arg(format!("--par={par}"));
    }
    if let Some(mib) = options.blockbuffer {
        command.arg(format!("--blockbuffer={mib}"));
    }
    command
        .args(["bench", "replay", "--worker", "--blocks"])
        .arg(&args.chain.blocks)
        .arg(format!("--dbcache={}", db_cache_mib(options)?))
        .arg(format!("--scripts={}", if scripts { "on" } else { "off" }))
        .arg("--dir")
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut process =
        Watched::spawn(command).with_context(|| format!("cannot start {}", program.display()))?;
    let ended = process.wait()?;
    ensure!(ended.status.success(), "a run ended with {}", ended.status);
    let told: Told = serde_json::from_str(&process.output()?).context("what a run tells")?;
    std::fs::remove_dir_all(dir)?;
    let figures = Figures {
        to_tip: told.to_tip,
        full: told.full,
        to_end: told.to_end,
        cpu_full: told.cpu_full,
        cpu_to_tip: told.cpu_to_tip,
        cpu: ended.cpu_seconds,
        peak: ended.peak_bytes,
        written: ended.written_bytes,
        ..Figures::default()
    };
    Ok((figures, told.stages))
}
