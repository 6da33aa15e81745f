//! How much may be sent in a day (Core's `-maxuploadtarget`).
//!
//! Nothing is held back but old blocks: who catches up takes nearly all that a node sends, and can catch up elsewhere. Room is
//! kept for the new blocks of what is left of the day.

use std::time::Duration;

use tipward_primitives::Timestamp;

/// What is counted together.
const CYCLE: Duration = Duration::from_secs(24 * 60 * 60);
/// A block of this size is expected so often.
const BLOCK: u64 = 4_000_000;
const SPACING: u64 = 600;

/// What was sent since the cycle began.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Bytes; zero for no limit.
    target: u64,
    begun: Option<Timestamp>,
    sent: u64,
}

/// The same for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadSnapshot {
    /// Bytes that should not be exceeded in one cycle; zero for no limit.
    pub target: u64,
    /// Length of a cycle.
    pub timeframe: Duration,
    /// Bytes left in this one.
    pub bytes_left: u64,
    /// Time left in it.
    pub time_left: Duration,
    /// Old blocks are not sent any more.
    pub withholds_old_blocks: bool,
}

impl Upload {
    pub(crate) fn new(target: u64) -> Self {
        Self {
            target,
            begun: None,
            sent: 0,
        }
    }

    pub(crate) fn note(&mut self, now: Timestamp, bytes: u64) {
        if self.time_left(now).is_zero() || self.begun.is_none() {
            self.begun = Some(now);
            self.sent = 0;
        }
        self.sent = self.sent.saturating_add(bytes);
    }

    fn time_left(&self, now: Timestamp) -> Duration {
        match self.begun {
            None => CYCLE,
            Some(begun) => CYCLE.saturating_sub(now.since(begun)),
        }
    }

    /// Whether no old block is to be sent now.
    pub(crate) fn withholds_old_blocks(&self, now: Timestamp) -> bool {
        let left = self.time_left(now);
        if self.target == 0 || left.is_zero() {
            return false;
        }
        let kept = left.as_secs() / SPACING * BLOCK;
        kept >= self.target || self.sent >= self.target - kept
    }

    pub(crate) fn snapshot(&self, now: Timestamp) -> UploadSnapshot {
        let time_left = self.time_left(now);
        let sent = if time_left.is_zero() { 0 } else { self.sent };
        UploadSnapshot {
            target: self.target,
            timeframe: CYCLE,
            bytes_left: self.target.saturating_sub(sent),
            time_left: if self.target == 0 {
                Duration::ZERO
            } else {
                time_left
            },
            withholds_old_blocks: self.withholds_old_blocks(now),
        }
    }
}

#[cfg(test)]
mod tests;
