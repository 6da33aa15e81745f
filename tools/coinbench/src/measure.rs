//! Time, CPU, bytes and memory, as Linux tells them of this process.

use std::time::{Duration, Instant};

use anyhow::Context as _;

pub(crate) struct Meter {
    started: Instant,
    before: Usage,
}

#[derive(Clone, Copy)]
struct Usage {
    /// Seconds of CPU, all threads, user and system.
    cpu: f64,
    /// Bytes that were handed to the disk.
    written: u64,
    /// Bytes that came from the disk.
    read: u64,
}

/// What was spent between start and stop.
pub(crate) struct Spent {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, all threads, user and system.
    pub(crate) cpu: f64,
    /// Bytes that were handed to the disk.
    pub(crate) written: u64,
    /// Bytes that came from the disk.
    pub(crate) read: u64,
}

impl Meter {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self {
            before: usage()?,
            started: Instant::now(),
        })
    }

    pub(crate) fn so_far(&self) -> anyhow::Result<Spent> {
        let wall = self.started.elapsed().as_secs_f64();
        let after = usage()?;
        Ok(Spent {
            wall,
            cpu: after.cpu - self.before.cpu,
            written: after.written - self.before.written,
            read: after.read - self.before.read,
        })
    }
}

/// Waits until background work is done: until the process did next to nothing for three seconds, or `limit` is over.
pub(crate) fn wait_until_idle(limit: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut idle = 0;
    while idle < 3 && started.elapsed() < limit {
        let meter = Meter::start()?;
        std::thread::sleep(Duration::from_secs(1));
        let spent = meter.so_far()?;
        let busy = spent.cpu > 0.05 || spent.written > 1 << 20;
        idle = if busy { 0 } else { idle + 1 };
    }
    Ok(())
}

/// Memory that is the process's own now, and not a mapped file, in bytes.
pub(crate) fn own_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    Ok(field(&status, "RssAnon:")? << 10)
}

/// Most memory that the process ever had, mapped files included, in bytes.
pub(crate) fn peak_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    Ok(field(&status, "VmHWM:")? << 10)
}

fn usage() -> anyhow::Result<Usage> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Fields 14 and 15; the second holds the program's name and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat is odd")?;
    let mut ticks = fields
        .split_ascii_whitespace()
        .skip(11)
        .map(str::parse::<f64>);
    let mut next = || ticks.next().context("/proc/self/stat is short");
    let cpu = (next()?? + next()??) / TICKS_PER_SECOND;
    let io = std::fs::read_to_string("/proc/self/io")?;
    Ok(Usage {
        cpu,
        written: field(&io, "write_bytes:")?,
        read: field(&io, "read_bytes:")?,
    })
}

fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(word.with_context(|| format!("no {name}"))?.parse()?)
}
