//! Time, CPU, bytes written and memory, as Linux tells them of this process.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context as _;

pub(crate) struct Meter {
    started: Instant,
    before: Usage,
}

struct Usage {
    /// Seconds of CPU, all threads, user and system.
    cpu: f64,
    /// Bytes that were handed to the disk.
    written: u64,
}

pub(crate) struct Spent {
    wall: Duration,
    cpu: f64,
    written: u64,
}

impl Meter {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self {
            before: usage()?,
            started: Instant::now(),
        })
    }

    pub(crate) fn stop(self) -> anyhow::Result<Spent> {
        let wall = self.started.elapsed();
        let after = usage()?;
        Ok(Spent {
            wall,
            cpu: after.cpu - self.before.cpu,
            written: after.written - self.before.written,
        })
    }
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
    let written = field(&io, "write_bytes:")?;
    Ok(Usage { cpu, written })
}

fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(word.with_context(|| format!("no {name}"))?.parse()?)
}

/// One line of the table.
pub(crate) struct Row {
    store: String,
    cells: Vec<String>,
    /// CPU of the reads in microseconds each, until all are done.
    read_cpu: Vec<f64>,
    /// Most memory that was the process's own and not a mapped file, in KiB.
    own: u64,
}

impl Row {
    pub(crate) const HEADING: &str = "\
| store | load, changes/s | load, CPU s | load, MB written | recent, reads/s | old, reads/s | absent, reads/s | CPU of a read, µs (recent / old / absent) | close, s | open, s | on disk, MB | own memory, MiB | with mapped files, MiB |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

    pub(crate) fn new(store: String) -> Self {
        Self {
            store,
            cells: Vec::new(),
            read_cpu: Vec::new(),
            own: 0,
        }
    }

    pub(crate) fn load(&mut self, spent: Spent, changes: u64) {
        let per_second = changes as f64 / spent.wall.as_secs_f64();
        self.cells.push(format!("{per_second:.0}"));
        self.cells.push(format!("{:.1}", spent.cpu));
        self.cells
            .push(format!("{:.0}", spent.written as f64 / 1e6));
    }

    pub(crate) fn read(&mut self, spent: Spent, reads: u64) {
        let per_second = reads as f64 / spent.wall.as_secs_f64();
        self.cells.push(format!("{per_second:.0}"));
        self.read_cpu.push(spent.cpu * 1e6 / reads as f64);
    }

    pub(crate) fn close(&mut self, spent: Spent) {
        let cpu: Vec<_> = self.read_cpu.iter().map(|us| format!("{us:.1}")).collect();
        self.cells.push(cpu.join(" / "));
        self.cells.push(format!("{:.2}", spent.wall.as_secs_f64()));
    }

    pub(crate) fn open(&mut self, spent: Spent) {
        self.cells.push(format!("{:.2}", spent.wall.as_secs_f64()));
    }

    /// The last: what the store takes on disk, and what it took of memory.
    pub(crate) fn disk(&mut self, bytes: u64) -> anyhow::Result<()> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let most = field(&status, "VmHWM:")?;
        self.cells.push(format!("{:.0}", bytes as f64 / 1e6));
        self.cells.push(format!("{}", self.own >> 10));
        self.cells.push(format!("{}", most >> 10));
        Ok(())
    }

    /// Looks at how much memory the process has now.
    pub(crate) fn sample_memory(&mut self) -> anyhow::Result<()> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        self.own = self.own.max(field(&status, "RssAnon:")?);
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} |", self.store, self.cells.join(" | "))
    }
}
