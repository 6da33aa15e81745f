//! What waits where, looked at now and then.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use tipward_validation::{Progress, QueueDepths};

/// Names of what is looked at.
const NAMES: [&str; 9] = [
    "blocks before the check",
    "blocks before the writer",
    "blocks kept for connecting",
    "blocks ready to connect",
    "connected, not verified",
    "scripts not begun, blocks",
    "stored, not connected",
    "changed coins, thousands",
    "cache, MB",
];

/// Sums over all looks.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub(super) struct Stages {
    looks: u64,
    sums: [u64; NAMES.len()],
    most: [u64; NAMES.len()],
    /// Looks at which a flush ran, or connecting waited.
    flushing: u64,
    paused: u64,
    /// Times that coins on disk came further.
    pub(super) flushes: u64,
    flushed: u32,
}

impl Stages {
    /// Takes in what is seen now.
    pub(super) fn look(&mut self, depths: &QueueDepths, progress: &Progress) {
        let values = [
            depths.check as u64,
            depths.write as u64,
            depths.kept as u64,
            progress.ready_blocks,
            progress.lead_blocks,
            progress.script_queue,
            u64::from(progress.goal.saturating_sub(progress.connected)),
            progress.dirty_coins / 1_000,
            progress.cache_bytes / 1_000_000,
        ];
        self.looks += 1;
        for (i, value) in values.into_iter().enumerate() {
            self.sums[i] += value;
            self.most[i] = self.most[i].max(value);
        }
        self.flushing += u64::from(progress.flushing);
        self.paused += u64::from(progress.paused);
        if progress.flushed > self.flushed {
            self.flushed = progress.flushed;
            self.flushes += 1;
        }
    }

    /// Mean and most of each.
    pub(super) fn table(&self) -> String {
        let looks = self.looks.max(1) as f64;
        let mut table = String::new();
        for (i, name) in NAMES.iter().enumerate() {
            let mean = self.sums[i] as f64 / looks;
            let _ = writeln!(
                table,
                "  {name:<28} mean {mean:>9.1}   most {:>7}",
                self.most[i]
            );
        }
        let share = |looks_at: u64| 100.0 * looks_at as f64 / looks;
        let _ = writeln!(
            table,
            "  {} flushes, {:.0} % of the time; connecting paused {:.0} % of the time",
            self.flushes,
            share(self.flushing),
            share(self.paused)
        );
        table
    }
}

#[cfg(test)]
mod tests;
