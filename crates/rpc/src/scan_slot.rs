//! Room for one scan of the coin set at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[cfg(test)]
mod tests;

/// Whether a scan runs, how far it is, and whether it should end. Only flags: nothing else is read by their order.
#[derive(Default)]
pub(crate) struct ScanSlot {
    taken: AtomicBool,
    aborted: AtomicBool,
    percent: AtomicU32,
}

impl ScanSlot {
    /// Takes the slot, until the guard is dropped; `None` if a scan runs.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<RunningScan> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.aborted.store(false, Ordering::Release);
        self.percent.store(0, Ordering::Release);
        Some(RunningScan(Arc::clone(self)))
    }

    /// How many percent are done; `None` if no scan runs.
    pub(crate) fn progress(&self) -> Option<u32> {
        self.taken
            .load(Ordering::Acquire)
            .then(|| self.percent.load(Ordering::Acquire))
    }

    /// Tells the scan to end; false if none runs.
    pub(crate) fn abort(&self) -> bool {
        let runs = self.taken.load(Ordering::Acquire);
        if runs {
            self.aborted.store(true, Ordering::Release);
        }
        runs
    }

    /// Whether the scan should end.
    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// Says how far the scan is.
    pub(crate) fn report(&self, percent: u32) {
        self.percent.store(percent, Ordering::Release);
    }
}

/// A scan that runs.
pub(crate) struct RunningScan(Arc<ScanSlot>);

impl Drop for RunningScan {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}
