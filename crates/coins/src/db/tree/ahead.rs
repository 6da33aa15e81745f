//! When pages are read ahead.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// Pages that take longer each were not all in memory: a page that is takes a microsecond, if it must be mapped, and one on the fastest
/// disk some twenty.
const AS_FROM_DISK: Duration = Duration::from_micros(8);

/// It is not by chance that pages are waited for so often: a thread that is interrupted sees the same once.
const OFTEN: u8 = 2;

/// Whether pages had to come from the disk of late.
///
/// When they often have to, the system is asked for all pages of some look-ups before the first is looked at, so that the disk is
/// waited for once. To ask for pages that are in memory would take as long as to look at them.
///
/// The clock says whether a page came from the disk. The system counts that too, for each thread, but no crate here asks it.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    /// How often some of them were waited for, less how often none was since.
    waits: AtomicU8,
}

impl ReadAhead {
    /// Whether to ask for pages before they are looked at.
    #[inline]
    pub(crate) fn is_worth_it(&self) -> bool {
        self.waits.load(Ordering::Relaxed) >= OFTEN
    }

    /// So many pages were looked at, which took so long.
    #[inline]
    pub(crate) fn took(&self, pages: usize, time: Duration) {
        let before = self.waits.load(Ordering::Relaxed);
        let after = if time > AS_FROM_DISK * pages as u32 {
            (before + 1).min(2 * OFTEN)
        } else {
            before.saturating_sub(1)
        };
        // All who read share it. One that is lost by two at once is of no account.
        if after != before {
            self.waits.store(after, Ordering::Relaxed);
        }
    }
}
