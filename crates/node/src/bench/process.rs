//! What a process used, as Linux counts it.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Context as _;

/// How often a running process is looked at. Its peak memory is a mark that only rises, so that what is missed is what
/// it took in its last milliseconds.
const LOOK: Duration = Duration::from_millis(5);
/// `/proc` counts CPU time in hundredths of a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Number of the field with a process's own user time; its system time follows.
const OWN_FIELD: usize = 14;
/// The same for its children that have ended and been waited for.
const CHILDREN_FIELD: usize = 16;

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_bytes: u64,
}

/// Runs a process to its end: how it ended, the CPU seconds that it used, and its greatest resident size in bytes.
pub(super) fn measure(mut command: Command) -> anyhow::Result<(ExitStatus, f64, u64)> {
    let before = children_cpu_seconds()?;
    let mut child = command.spawn().context("cannot start the node")?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = peak.max(peak_bytes(child.id()).unwrap_or(0));
        std::thread::sleep(LOOK);
    };
    Ok((status, children_cpu_seconds()? - before, peak))
}

/// CPU time of all children that have ended and been waited for.
fn children_cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("needs Linux's /proc")?;
    parse_ticks(&stat, CHILDREN_FIELD)
        .map(|ticks| ticks as f64 / TICKS_PER_SECOND)
        .context("/proc/self/stat is not as proc(5) says")
}

/// CPU time of a running process.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_ticks(&stat, OWN_FIELD).map(|ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// Two neighbouring fields of proc_pid_stat(5), user and system time. The second field of all is the program's name,
/// which may hold anything but ends with the last parenthesis.
fn parse_ticks(stat: &str, field: usize) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(field - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse_peak(&status)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests;
