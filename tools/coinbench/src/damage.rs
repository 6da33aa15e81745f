//! Whether a store notices that its files were damaged: a flipped bit must never change a coin unseen.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::Options;
use crate::measure::wait_until_idle;
use crate::stores::{self, Kind, Mark};
use crate::table::tell;
use crate::workload::{self, Workload, mix};

/// Makes a store and closes it well.
pub(crate) fn make(kind: Kind, dir: &Path, options: &Options) -> anyhow::Result<()> {
    let mut store = stores::open(kind, dir, options.cache << 20)?;
    let workload = Workload::new(options.coins, options.flush);
    for flush in 0..workload.flushes() {
        store.flush(&mut workload.chunks(flush, options.chunk), flush)?;
    }
    wait_until_idle(Duration::from_secs(60))
}

/// Opens a store that may be damaged, reads all its coins, and tells in one word what came of it.
pub(crate) fn examine(kind: Kind, dir: &Path, options: &Options) -> anyhow::Result<()> {
    tell("outcome", outcome(kind, dir, options));
    Ok(())
}

fn outcome(kind: Kind, dir: &Path, options: &Options) -> &'static str {
    let workload = Workload::new(options.coins, options.flush);
    let Ok(store) = stores::open(kind, dir, options.cache << 20) else {
        return "noticed when opened";
    };
    let Ok(mark) = store.mark() else {
        return "noticed when read";
    };
    let (mut noticed, mut lost) = (false, false);
    for coin in workload.all_unspent() {
        match store.get(&workload::key(coin)) {
            Ok(Some(value)) if value == workload::value(coin) => {}
            Ok(Some(_)) => return "ANOTHER VALUE READ",
            Ok(None) => lost = true,
            Err(_) => noticed = true,
        }
    }
    if mark != Some(Mark::Done(workload.flushes() - 1)) {
        return "an older state, and marked so";
    }
    match (lost, noticed) {
        (true, _) => "COIN LOST",
        (false, true) => "noticed when read",
        (false, false) => "no effect",
    }
}

/// Damages copies of the store in `dir`, each in one bit, and has each examined by `examine`.
pub(crate) fn run(
    dir: &Path,
    copy: &Path,
    options: &Options,
    examine: impl Fn() -> anyhow::Result<Option<String>>,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let files = files_of(dir)?;
    let total: u64 = files.iter().map(|(_, size)| size).sum();
    if total == 0 {
        bail!("the store is empty");
    }
    let mut outcomes = BTreeMap::new();
    for spot in 0..options.damage {
        // Spread over all bytes of all files, each at random within its share.
        let share = total / options.damage as u64;
        let mut offset = spot as u64 * share + mix(spot as u64) % share.max(1);
        let (file, _) = files
            .iter()
            .find(|(_, size)| {
                let here = offset < *size;
                if !here {
                    offset -= size;
                }
                here
            })
            .context("no such byte")?;
        let path = file.strip_prefix(dir)?;
        std::fs::create_dir(copy)?;
        copy_folder(dir, copy)?;
        flip_a_bit(&copy.join(path), offset)?;
        let outcome = examine()?.unwrap_or_else(|| "noticed by a crash".to_owned());
        eprintln!("{} at {offset}: {outcome}", path.display());
        *outcomes.entry(outcome).or_default() += 1;
        std::fs::remove_dir_all(copy)?;
    }
    Ok(outcomes)
}

fn flip_a_bit(path: &Path, offset: u64) -> anyhow::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset)?;
    byte[0] ^= 0x10;
    Ok(file.write_all_at(&byte, offset)?)
}

/// All files in a folder that hold something, with how much of them is no hole: stores make files longer than they need,
/// and fill them from the front.
fn files_of(dir: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            files.extend(files_of(&entry.path())?);
        } else {
            let held = metadata.len().min(metadata.blocks() * 512);
            if held > 0 {
                files.push((entry.path(), held));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.metadata()?.is_dir() {
            std::fs::create_dir(&to)?;
            copy_folder(&entry.path(), &to)?;
        } else {
            std::io::copy(&mut File::open(entry.path())?, &mut File::create(&to)?)?;
        }
    }
    Ok(())
}
