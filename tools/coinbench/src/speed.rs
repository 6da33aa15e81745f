//! Loading, reading, being killed and opening again, measured.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::measure::{Meter, Spent, own_memory, peak_memory, wait_until_idle};
use crate::stores::{self, Key, Kind, Mark, Store};
use crate::table::tell;
use crate::workload::{self, Workload};
use crate::{Options, size_of};

/// Longest that background work after the load is waited for.
const SETTLE: Duration = Duration::from_secs(600);

/// Coins that are read at a time where many are: about as many as a block spends that memory lacks.
const BATCH: usize = 1_000;

/// Loads the store and reads from it, then dies in the middle of a flush without closing anything.
pub(crate) fn load_and_read(kind: Kind, dir: &Path, options: &Options) -> anyhow::Result<()> {
    let mut store = stores::open(kind, dir, options.cache << 20)?;
    let workload = load(kind, store.as_mut(), dir, options)?;

    let reads = options.reads;
    for (name, coins, threads) in [
        ("recent", workload.recent(reads), 1),
        ("old", workload.old(reads), 1),
        ("absent", workload.absent(reads), 1),
        ("old", workload.old_again(reads), options.threads),
    ] {
        let meter = Meter::start()?;
        let found = read(kind, store.as_ref(), &coins, threads)?;
        let spent = meter.so_far()?;
        let expected = if name == "absent" { 0 } else { coins.len() };
        if found != expected {
            bail!("{kind}: {found} of {expected} {name} coins found");
        }
        let how = match threads {
            1 => name.to_owned(),
            n => format!("{name}, {n} threads"),
        };
        let each = |n: f64| n / coins.len() as f64;
        tell(
            &format!("reads/s, {how}"),
            format!("{:.0}", coins.len() as f64 / spent.wall),
        );
        tell(
            &format!("CPU µs a read, {how}"),
            format!("{:.1}", each(spent.cpu * 1e6)),
        );
        tell(
            &format!("bytes from disk a read, {how}"),
            format!("{:.0}", each(spent.read as f64)),
        );
    }
    tell(
        "most memory, mapped files included, MiB",
        peak_memory()? >> 20,
    );
    tell("on disk, MB", size_of(dir)? / 1_000_000);

    // One flush more, of which half is done when the process ends without a word.
    let flush = workload.flushes();
    let more = Workload::new((flush + 1) * options.flush, options.flush);
    let half = (options.flush as usize / options.chunk.max(1)).div_ceil(2);
    let mut left = half;
    store.flush(
        &mut more.chunks(flush, options.chunk).inspect(|_| {
            if left == 0 {
                std::process::exit(0);
            }
            left -= 1;
        }),
        flush,
    )?;
    bail!("the last flush has less than {half} chunks")
}

/// Opens what `load_and_read` left behind, closes it, and opens it again.
pub(crate) fn reopen(kind: Kind, dir: &Path, options: &Options) -> anyhow::Result<()> {
    let cache = options.cache << 20;
    let meter = Meter::start()?;
    let store = stores::open(kind, dir, cache)?;
    let mark = store.mark()?.context("no mark")?;
    let spent = meter.so_far()?;
    tell("open after a kill, s", format!("{:.2}", spent.wall));
    tell("open after a kill, CPU s", format!("{:.2}", spent.cpu));
    let (Mark::Begun(flush) | Mark::Done(flush)) = mark;
    tell("mark after a kill", format!("{mark:?}"));
    // Coins that neither the last whole flush nor the broken one spends.
    let flushes = if matches!(mark, Mark::Begun(_)) {
        flush
    } else {
        flush + 1
    };
    let workload = Workload::new(flushes * options.flush, options.flush);
    let later = Workload::new((flushes + 1) * options.flush, options.flush);
    let coins: Vec<u64> = workload
        .recent(options.reads)
        .into_iter()
        .filter(|coin| later.is_unspent(*coin))
        .collect();
    let found = read(kind, store.as_ref(), &coins, options.threads)?;
    if found != coins.len() {
        bail!("{kind}: {found} of {} coins after a kill", coins.len());
    }
    wait_until_idle(SETTLE)?;

    let meter = Meter::start()?;
    drop(store);
    tell("close, s", format!("{:.2}", meter.so_far()?.wall));
    let meter = Meter::start()?;
    let store = stores::open(kind, dir, cache)?;
    if store.mark()? != Some(mark) {
        bail!("{kind}: the mark is lost");
    }
    let spent = meter.so_far()?;
    tell("open, s", format!("{:.2}", spent.wall));
    tell("open, CPU s", format!("{:.2}", spent.cpu));
    // What a store keeps for readers that might still be there is gone by now.
    tell("on disk after opening, MB", size_of(dir)? / 1_000_000);
    Ok(())
}

/// Flush after flush, each after a read of the coins that it spends; stops at `options.limit`. Returns what was done.
fn load(
    kind: Kind,
    store: &mut dyn Store,
    dir: &Path,
    options: &Options,
) -> anyhow::Result<Workload> {
    let mut workload = Workload::new(options.coins, options.flush);
    let all = Meter::start()?;
    let (mut writing, mut longest, mut memory, mut disk) = (0.0, 0.0_f64, 0, 0);
    for flush in 0..workload.flushes() {
        let mut coins = workload.spent_in(flush);
        coins.retain(|coin| coin % options.read_one_in.max(1) as u64 == 0);
        let found = read(kind, store, &coins, options.threads)?;
        if found != coins.len() {
            bail!("{kind}: {found} of {} in flush {flush}", coins.len());
        }
        let meter = Meter::start()?;
        store.flush(&mut workload.chunks(flush, options.chunk), flush)?;
        let spent = meter.so_far()?;
        writing += spent.wall;
        longest = longest.max(spent.wall);
        memory = memory.max(own_memory()?);
        disk = disk.max(size_of(dir)?);
        let spent = all.so_far()?;
        eprintln!(
            "{kind}: flush {flush}, {:.0} s, {:.0} s CPU, {} MB written, {} MB read",
            spent.wall,
            spent.cpu,
            spent.written / 1_000_000,
            spent.read / 1_000_000,
        );
        if spent.wall > options.limit as f64 {
            workload = Workload::new((flush + 1) * options.flush, options.flush);
            break;
        }
    }
    let Spent { wall, .. } = all.so_far()?;
    wait_until_idle(SETTLE)?;
    let Spent {
        cpu, written, read, ..
    } = all.so_far()?;
    let changes = workload.changes() as f64;
    tell(
        "coins written, million",
        format!("{:.1}", workload.coins() as f64 / 1e6),
    );
    tell("load, s", format!("{wall:.0}"));
    tell("load, changes/s", format!("{:.0}", changes / wall));
    tell("of it in flushes, s", format!("{writing:.0}"));
    tell("longest flush, s", format!("{longest:.1}"));
    tell("load, CPU s", format!("{cpu:.0}"));
    tell("CPU µs a change", format!("{:.1}", cpu * 1e6 / changes));
    tell("written to disk, MB", written / 1_000_000);
    tell(
        "bytes written a change",
        format!("{:.0}", written as f64 / changes),
    );
    tell("read from disk, MB", read / 1_000_000);
    tell("most own memory, MiB", memory >> 20);
    tell("most on disk after a flush, MB", disk / 1_000_000);
    Ok(workload)
}

/// Reads coins with as many threads and compares what is found with what was written. Returns how many were found. One thread
/// reads one coin at a time, and several read as those of a node do that read ahead for blocks: many at a time.
fn read(kind: Kind, store: &dyn Store, coins: &[u64], threads: usize) -> anyhow::Result<usize> {
    let read_some = |coins: &[u64]| -> anyhow::Result<usize> {
        let mut found = 0;
        for coins in coins.chunks(if threads > 1 { BATCH } else { 1 }) {
            let keys: Vec<Key> = coins.iter().map(|coin| workload::key(*coin)).collect();
            let values = match &keys[..] {
                [key] => vec![store.get(key)?],
                keys => store.get_many(keys)?,
            };
            for (coin, value) in coins.iter().zip(values) {
                let Some(value) = value else {
                    continue;
                };
                if value != workload::value(*coin) {
                    bail!("{kind}: coin {coin} has another value");
                }
                found += 1;
            }
        }
        Ok(found)
    };
    let share = coins.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = coins
            .chunks(share)
            .map(|coins| scope.spawn(move || read_some(coins)))
            .collect();
        let mut found = 0;
        for thread in threads {
            match thread.join() {
                Ok(some) => found += some?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(found)
    })
}
