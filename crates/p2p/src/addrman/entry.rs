//! What is known about one address.

use std::time::Duration;

use tipward_primitives::Timestamp;

use super::Candidate;
use crate::addr::{Address, Host};
use crate::wire::ServiceFlags;

/// One address may stand in so many buckets of *new*.
pub(super) const MAX_REFS: u8 = 8;
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Addresses that nobody has seen for so long are not worth keeping.
const HORIZON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// After so many failures without a single success an address is given up.
const RETRIES: u32 = 3;
/// After so many failures in a row ...
const MAX_FAILURES: u32 = 10;
/// ... over so long a time, one that once worked is given up too.
const MIN_FAIL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A time so far ahead of our clock is a lie.
const MAX_AHEAD: Duration = Duration::from_secs(10 * 60);
/// One that was just tried is not given up meanwhile.
const JUST_TRIED: Duration = Duration::from_secs(60);
/// One that was tried within this time is unlikely to be chosen again.
const RECENTLY_TRIED: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) addr: Address,
    pub(super) services: ServiceFlags,
    /// When somebody last saw a node there, as far as we were told.
    pub(super) seen: Timestamp,
    /// Who told us first.
    pub(super) source: Host,
    pub(super) last_success: Timestamp,
    pub(super) last_try: Timestamp,
    pub(super) last_counted_attempt: Timestamp,
    /// Failures since the last success.
    pub(super) attempts: u32,
    /// Places in the *new* table; 0 if and only if `tried`.
    pub(super) refs: u8,
    pub(super) tried: bool,
    /// Where it stands in the random order of all entries.
    pub(super) order: usize,
}

impl Entry {
    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            addr: self.addr,
            services: self.services,
            last_try: self.last_try,
        }
    }

    /// Somebody told us again. Says whether that is reason enough to try for a further place in *new*.
    pub(super) fn hear_again(
        &mut self,
        seen: Timestamp,
        services: ServiceFlags,
        penalty: Duration,
        now: Timestamp,
    ) -> bool {
        let online = now.since(seen) < DAY;
        let interval = if online { HOUR } else { DAY };
        if self.seen < seen - interval - penalty {
            self.seen = seen - penalty;
        }
        // By hearsay services are only ever added.
        self.services |= services;
        seen > self.seen && !self.tried && self.refs < MAX_REFS
    }

    /// Whether nothing is lost if it is forgotten.
    pub(super) fn is_terrible(&self, now: Timestamp) -> bool {
        if now.since(self.last_try) <= JUST_TRIED {
            return false;
        }
        let never_worked = self.last_success == Timestamp::default();
        self.seen > now + MAX_AHEAD
            || now.since(self.seen) > HORIZON
            || (never_worked && self.attempts >= RETRIES)
            || (now.since(self.last_success) > MIN_FAIL && self.attempts >= MAX_FAILURES)
    }

    /// How likely it is to be taken when it comes up, from 0 to 1.
    pub(super) fn chance(&self, now: Timestamp) -> f64 {
        let recent = now.since(self.last_try) < RECENTLY_TRIED;
        let base = if recent { 0.01 } else { 1.0 };
        base * 0.66_f64.powi(self.attempts.min(8) as i32)
    }
}
