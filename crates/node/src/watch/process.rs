//! What takes files to find out: what the process takes of the machine, and room on the disk.

use std::fs;

use tipward_watch::{Process, Threads};

use crate::node::NodeHandle;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Slow {
    pub(super) process: Process,
    /// Bytes of the coins on disk.
    pub(super) coins: u64,
    /// Bytes free to us, and of the whole file system.
    pub(super) room: (u64, u64),
}

/// Looks. Blocks the thread on the file system for a moment.
pub(super) fn look(node: &NodeHandle) -> Slow {
    let room = rustix::fs::statvfs(&node.config.netdir).map_or((0, 0), |found| {
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        (bytes(found.f_bavail), bytes(found.f_blocks))
    });
    Slow {
        process: process(),
        coins: node.coins_db.disk_size(),
        room,
    }
}

/// From Linux's `/proc`; elsewhere nothing is known.
fn process() -> Process {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| {
            let resident = text.split(' ').nth(1)?;
            resident.parse::<u64>().ok()
        });
    let open_files = fs::read_dir("/proc/self/fd").map_or(0, |dir| dir.count() as u64);
    let own = fs::read_to_string("/proc/self/stat").ok();
    Process {
        resident: pages
            .unwrap_or(0)
            .saturating_mul(rustix::param::page_size() as u64),
        open_files,
        cpu_seconds: own
            .and_then(|text| parse(&text))
            .map_or(0.0, |(_, cpu)| cpu),
        threads: threads(),
    }
}

/// The stages by their threads' names, in the order of a block's journey; see the table of threads in ARCHITECTURE.md.
const STAGES: [&str; 9] = [
    "net", "check", "write", "load", "connect", "script", "flush", "runtime", "other",
];

fn threads() -> Vec<Threads> {
    let mut stages = [(0, 0.0); STAGES.len()];
    for task in fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let text = fs::read_to_string(task.path().join("stat"));
        // A thread may end meanwhile.
        let Some((name, cpu)) = text.ok().and_then(|text| parse(&text)) else {
            continue;
        };
        let stage = &mut stages[stage_of(&name)];
        stage.0 += 1;
        stage.1 += cpu;
    }
    STAGES
        .into_iter()
        .zip(stages)
        .filter(|(_, (count, _))| *count > 0)
        .map(|(stage, (count, cpu_seconds))| Threads {
            stage: stage.to_owned(),
            count,
            cpu_seconds,
        })
        .collect()
}

/// Where a thread's stage stands in [`STAGES`].
fn stage_of(thread: &str) -> usize {
    let first = match thread.split('-').next() {
        Some("tokio") => "runtime",
        Some(first) => first,
        None => thread,
    };
    let at = STAGES.iter().position(|stage| *stage == first);
    at.unwrap_or(STAGES.len() - 1)
}

/// Name and processor time of a process or thread, from its `stat`.
fn parse(stat: &str) -> Option<(String, f64)> {
    /// Linux counts this time in hundredths of a second on every machine that it shows it to programs.
    const TICKS: f64 = 100.0;
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // The fields after the name begin with the third.
    let mut fields = after.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((name.to_owned(), (user + system) / TICKS))
}

#[cfg(test)]
mod tests;
