//! Compares tipward's own store and embedded ones on the access pattern of Bitcoin's coin set.
//!
//! A node keeps young coins in memory and writes to its store seldom and much at once: a flush is some hundred thousand
//! changes, sorted by outpoint, in chunks, between the mark that it has begun and the mark that it is done; a chunk is on
//! disk as a whole or not at all, and all of it is durable at the end. Between two flushes the node reads single coins,
//! young ones more often than old ones, and almost always ones that exist. So that is what is measured here:
//!
//! 1. load: flush after flush of new coins, and of spent ones, each read before it is deleted;
//! 2. read: coins of the last flushes, coins of the first ones, and some that do not exist;
//! 3. die in the middle of a flush, open the store again, check it, close it, open it.
//!
//! With `--damage` a bit is flipped here and there instead, to see which stores notice.
//!
//! Each store runs in processes of its own, so that memory and bytes are its own, and so that it may crash.

mod damage;
mod measure;
mod speed;
mod stores;
mod table;
mod workload;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use stores::Kind;
use table::Table;

/// Compares tipward's own store and embedded ones on the access pattern of Bitcoin's coin set.
#[derive(Parser)]
struct Options {
    /// The stores to measure, one after the other.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::value_variants().to_vec())]
    store: Vec<Kind>,
    /// Coins that are written in all; about six in ten are still there at the end.
    #[arg(long, default_value_t = 50_000_000)]
    coins: u64,
    /// New coins in a flush.
    #[arg(long, default_value_t = 500_000)]
    flush: u64,
    /// Changes in a chunk of a flush.
    #[arg(long, default_value_t = 65_536)]
    chunk: usize,
    /// Of how many coins that a flush spends one is read before.
    #[arg(long, default_value_t = 1)]
    read_one_in: usize,
    /// Coins read of each age at the end.
    #[arg(long, default_value_t = 200_000)]
    reads: u64,
    /// Threads that read at once, where more than one does.
    #[arg(long, default_value_t = 4)]
    threads: usize,
    /// Memory that each store may use for its caches and write buffers, in MiB.
    #[arg(long, default_value_t = 256)]
    cache: usize,
    /// After how many seconds a load is given up, and what is there is measured.
    #[arg(long, default_value_t = 3_600)]
    limit: u64,
    /// Flips a bit at as many places, each in a fresh copy of the store, instead of measuring speed.
    #[arg(long, default_value_t = 0)]
    damage: usize,
    /// Where the stores are made, and removed again; not a memory disk.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// What to do with the one store in `dir`; for the processes that this program starts.
    #[arg(long, value_enum, hide = true)]
    step: Option<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    LoadAndRead,
    Reopen,
    Make,
    Examine,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(step) = options.step {
        let kind = *options.store.first().context("no store")?;
        return match step {
            Step::LoadAndRead => speed::load_and_read(kind, &options.dir, &options),
            Step::Reopen => speed::reopen(kind, &options.dir, &options),
            Step::Make => damage::make(kind, &options.dir, &options),
            Step::Examine => damage::examine(kind, &options.dir, &options),
        };
    }
    let mut table = Table::default();
    for kind in &options.store {
        table.add_column(kind.to_string());
        let scratch = tempfile::tempdir_in(&options.dir).context("cannot make a folder")?;
        let dir = scratch.path().join("store");
        std::fs::create_dir(&dir)?;
        if options.damage > 0 {
            let copy = scratch.path().join("copy");
            start(Step::Make, *kind, &dir, &options, |_| {})?;
            let outcomes = damage::run(&dir, &copy, &options, || {
                let mut outcome = None;
                start(Step::Examine, *kind, &copy, &options, |told| {
                    outcome = told.split_once('\t').map(|(_, told)| told.to_owned());
                })?;
                Ok(outcome)
            })?;
            for (outcome, count) in outcomes {
                table.take(&format!("{outcome}\t{count}"));
            }
        } else {
            for step in [Step::LoadAndRead, Step::Reopen] {
                start(step, *kind, &dir, &options, |told| table.take(told))?;
            }
        }
        println!("{table}");
    }
    Ok(())
}

/// Does one step in a process of its own and hands on the lines that it tells.
fn start(
    step: Step,
    kind: Kind,
    dir: &Path,
    options: &Options,
    mut told: impl FnMut(&str),
) -> anyhow::Result<()> {
    let step = step.to_possible_value().context("no such step")?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--step", step.get_name()])
        .args(["--store", &kind.to_string()])
        .args(["--coins", &options.coins.to_string()])
        .args(["--flush", &options.flush.to_string()])
        .args(["--chunk", &options.chunk.to_string()])
        .args(["--read-one-in", &options.read_one_in.to_string()])
        .args(["--reads", &options.reads.to_string()])
        .args(["--threads", &options.threads.to_string()])
        .args(["--cache", &options.cache.to_string()])
        .args(["--limit", &options.limit.to_string()])
        .arg("--dir")
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            told(&line?);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        eprintln!("{kind}: {} failed: {status}", step.get_name());
    }
    Ok(())
}

/// Bytes that a folder takes on disk: holes are not counted.
fn size_of(dir: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // A thread of the store has deleted it since.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        bytes += if metadata.is_dir() {
            size_of(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}
