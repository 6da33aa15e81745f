//! The one knob for memory: how many bytes of blocks may be on their way or in our hands at a time.

/// A pool of byte credits.
///
/// A block takes credits when it is asked for (its size is an estimate then), the figure is corrected when it arrives,
/// and they come back when its verdict is known. Nothing is asked for while the pool is short, except a single block when
/// nothing at all is outstanding, so that a pool smaller than one block still makes progress.
///
/// An estimate can be too low, so the pool can be overdrawn by what arrives; it is the caller's duty to stop reading
/// while [`Credits::overdrawn`]. What can be in memory is then bounded by the capacity, and one message for each peer.
#[derive(Clone, Debug)]
pub(crate) struct Credits {
    capacity: u64,
    /// Estimated bytes that were asked for and have not come.
    asked: u64,
    /// Bytes that came and whose verdict is not known.
    held: u64,
}

impl Credits {
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity: capacity.max(1),
            asked: 0,
            held: 0,
        }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked
    }

    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// Bytes that may still be asked for.
    pub(crate) fn free(&self) -> u64 {
        self.capacity
            .saturating_sub(self.asked.saturating_add(self.held))
    }

    /// Nothing is outstanding at all.
    pub(crate) fn idle(&self) -> bool {
        self.asked == 0 && self.held == 0
    }

    /// More bytes came than the pool holds.
    pub(crate) fn overdrawn(&self) -> bool {
        self.held > self.capacity
    }

    pub(crate) fn ask(&mut self, bytes: u64) {
        self.asked = self.asked.saturating_add(bytes);
    }

    /// What was asked for will not come, or is not waited for any longer.
    pub(crate) fn unask(&mut self, bytes: u64) {
        debug_assert!(self.asked >= bytes, "credits come back once");
        self.asked = self.asked.saturating_sub(bytes);
    }

    pub(crate) fn hold(&mut self, bytes: u64) {
        self.held = self.held.saturating_add(bytes);
    }

    pub(crate) fn release(&mut self, bytes: u64) {
        debug_assert!(self.held >= bytes, "credits come back once");
        self.held = self.held.saturating_sub(bytes);
    }
}
