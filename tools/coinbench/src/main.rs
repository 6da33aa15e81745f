//! Compares embedded stores on the access pattern of Bitcoin's coin set.
//!
//! A node keeps young coins in memory and writes to its store seldom and much at once: a flush is a batch of some
//! hundred thousand changes, sorted by outpoint, that is on disk as a whole or not at all, together with the mark of the
//! block that it stands for. Between two flushes it reads single coins, young ones more often than old ones, and almost
//! always ones that exist. So that is what is measured here:
//!
//! 1. load: flush after flush of new coins, and of spent ones, each read before it is deleted;
//! 2. read: coins of the last flushes, coins of the first ones, and some that do not exist;
//! 3. open the store again and read one coin.
//!
//! Each store runs in a process of its own, so that peak memory and bytes written are its own.

mod measure;
mod stores;
mod workload;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};

use measure::{Meter, Row};
use stores::Kind;
use workload::Workload;

/// Compares embedded stores on the access pattern of Bitcoin's coin set.
#[derive(Parser)]
struct Options {
    /// The stores to measure, each in a process of its own.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::value_variants().to_vec())]
    store: Vec<Kind>,
    /// Coins that are written in all; about six in ten are still there at the end.
    #[arg(long, default_value_t = 50_000_000)]
    coins: u64,
    /// New coins in a flush.
    #[arg(long, default_value_t = 250_000)]
    flush: u64,
    /// Coins read of each age at the end.
    #[arg(long, default_value_t = 500_000)]
    reads: u64,
    /// Memory that each store may use for its caches and write buffers, in MiB.
    #[arg(long, default_value_t = 256)]
    cache: usize,
    /// Where the stores are made, and removed again; not a memory disk.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Run here and not in a process of its own.
    #[arg(long, hide = true)]
    here: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.here {
        for kind in &options.store {
            let row = run(*kind, &options)?;
            println!("{row}");
        }
        return Ok(());
    }
    println!("{}", Row::HEADING);
    for kind in &options.store {
        let status = Command::new(std::env::current_exe()?)
            .args(["--here", "--store", &kind.to_string()])
            .args(["--coins", &options.coins.to_string()])
            .args(["--flush", &options.flush.to_string()])
            .args(["--reads", &options.reads.to_string()])
            .args(["--cache", &options.cache.to_string()])
            .arg("--dir")
            .arg(&options.dir)
            .status()?;
        if !status.success() {
            bail!("{kind} failed");
        }
    }
    Ok(())
}

fn run(kind: Kind, options: &Options) -> anyhow::Result<Row> {
    let dir = tempfile::tempdir_in(&options.dir).context("cannot make a folder for the store")?;
    let workload = Workload::new(options.coins, options.flush);
    let cache = options.cache << 20;
    let mut row = Row::new(kind.to_string());

    let mut store = stores::open(kind, dir.path(), cache)?;
    let meter = Meter::start()?;
    for flush in 0..workload.flushes() {
        for coin in workload.spent_in(flush) {
            let value = store.get(&workload::key(coin))?;
            if value.as_deref() != Some(&workload::value(coin)[..]) {
                bail!("{kind}: coin {coin} is lost in flush {flush}");
            }
        }
        store.write(&workload.batch(flush), flush)?;
        row.sample_memory()?;
    }
    row.load(meter.stop()?, workload.changes());

    for (name, coins) in [
        ("recent", workload.recent(options.reads)),
        ("old", workload.old(options.reads)),
        ("absent", workload.absent(options.reads)),
    ] {
        let meter = Meter::start()?;
        let mut found = 0;
        for coin in &coins {
            if let Some(value) = store.get(&workload::key(*coin))? {
                if value != workload::value(*coin) {
                    bail!("{kind}: coin {coin} has another value");
                }
                found += 1;
            }
        }
        let expected = if name == "absent" { 0 } else { coins.len() };
        if found != expected {
            bail!("{kind}: {found} of {expected} {name} coins found");
        }
        row.read(meter.stop()?, coins.len() as u64);
        row.sample_memory()?;
    }

    let meter = Meter::start()?;
    drop(store);
    row.close(meter.stop()?);
    let meter = Meter::start()?;
    let store = stores::open(kind, dir.path(), cache)?;
    if store.last_flush()? != Some(workload.flushes() - 1) {
        bail!("{kind}: the last flush is not marked");
    }
    let coin = workload.recent(1)[0];
    if store.get(&workload::key(coin))?.is_none() {
        bail!("{kind}: coin {coin} is lost after opening again");
    }
    row.open(meter.stop()?);
    drop(store);
    row.disk(size_of(dir.path())?)?;
    Ok(row)
}

/// Bytes that a folder takes on disk: holes are not counted.
fn size_of(dir: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            size_of(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}
