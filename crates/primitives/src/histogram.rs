use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long something takes, time after time: counted by length, without a lock.
///
/// To add one costs two additions in memory.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

const BUCKETS: usize = Histogram::BOUNDS.len() + 1;

/// A [`Histogram`] as it was at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// How many took no longer than each of [`Histogram::BOUNDS`] and longer than the bound before; the last ones took
    /// longer than any.
    pub counts: [u64; BUCKETS],
    /// Microseconds that all took together.
    pub micros: u64,
}

impl Histogram {
    /// In microseconds: a tenth of a millisecond to half a minute, two or three times as much from one to the next.
    pub const BOUNDS: [u64; 12] = [
        100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000,
        30_000_000,
    ];

    /// Something took so long.
    pub fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < micros);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> Latencies {
        let mut counts = [0; BUCKETS];
        for (count, counter) in counts.iter_mut().zip(&self.counts) {
            *count = counter.load(Ordering::Relaxed);
        }
        Latencies {
            counts,
            micros: self.micros.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests;
