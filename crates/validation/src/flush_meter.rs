use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Flushes of the coins since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushes {
    /// How many have ended well.
    pub count: u64,
    /// How long they took together.
    pub all: Duration,
    /// How long the last one took.
    pub last: Duration,
}

/// [`Flushes`], as they are written by the one thread that begins flushes.
#[derive(Debug, Default)]
pub(crate) struct FlushMeter {
    count: AtomicU64,
    all_micros: AtomicU64,
    last_micros: AtomicU64,
}

impl FlushMeter {
    /// A flush has ended well.
    pub(crate) fn ended(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_micros.store(micros, Ordering::Relaxed);
        self.all_micros.fetch_add(micros, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Flushes {
        let time = |micros: &AtomicU64| Duration::from_micros(micros.load(Ordering::Relaxed));
        Flushes {
            count: self.count.load(Ordering::Relaxed),
            all: time(&self.all_micros),
            last: time(&self.last_micros),
        }
    }
}
