//! The node's clock, which a test can stop and set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tipward_primitives::Timestamp;

/// The wall clock, or the time that `setmocktime` said. Clones are one clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Microseconds between the Unix epoch and `start`. It only grows: when the wall clock is set back, time goes on
    /// from where it was (a timer must not wait for an hour twice), and when the machine has slept, during which
    /// [`Instant`] stands still, it catches up.
    offset: AtomicU64,
    /// Seconds since the Unix epoch; 0 while the clock runs.
    mocked: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            offset: AtomicU64::new(0),
            mocked: AtomicU64::new(0),
        }))
    }
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self.0.mocked.load(Ordering::Acquire) {
            0 => {
                let wall = micros(
                    SystemTime::now()
                        .duration_since(UNIX_EPOCH)
                        .unwrap_or_default(),
                );
                self.running(wall, micros(self.0.start.elapsed()))
            }
            seconds => Timestamp::from_secs(seconds),
        }
    }

    fn running(&self, wall: u64, elapsed: u64) -> Timestamp {
        let offset = wall.saturating_sub(elapsed);
        let before = self.0.offset.fetch_max(offset, Ordering::AcqRel);
        Timestamp::from_micros(offset.max(before).saturating_add(elapsed))
    }

    /// Stops the clock at a number of seconds since the Unix epoch, or lets it run again.
    pub fn mock(&self, seconds: Option<u32>) {
        let seconds = seconds.map_or(0, u64::from);
        self.0.mocked.store(seconds, Ordering::Release);
    }

    /// Whether the clock stands still.
    pub fn is_mocked(&self) -> bool {
        self.0.mocked.load(Ordering::Acquire) != 0
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
