//! How fast it goes, how far it is, and how long it will take.
//!
//! What a sync has to do is counted in bytes: those of the blocks that are validated are done, those that are stored wait
//! for validation, and those that are missing are estimated (`expected.rs`). The time left is that of the slower half,
//! download or validation, at the rate that was measured over the last minute.
//!
//! The share that is done is never said to be all of it before it is, and never falls: when more turns out to be left than
//! was believed, it stands still until it is true again. Only a reorganization may take it back.

use std::collections::VecDeque;
use std::time::Duration;

use crate::SizeCurve;
use crate::status::{Limit, Rates};

/// Rates that are shown are means over this long.
const SHOWN: Duration = Duration::from_secs(10);
/// Rates that the time left is computed from are means over this long: flushes and other hiccups are part of them.
const LONG: Duration = Duration::from_secs(60);
/// Before so much was measured nothing is foretold.
const SHORTEST: Duration = Duration::from_secs(2);
/// Samples are no closer than this, so that there are at most 300 of them.
const APART: Duration = Duration::from_millis(200);
/// A time left of more than this is a guess that helps nobody.
const LONGEST_LEFT: f64 = 365.0 * 24.0 * 3600.0;
/// As long as anything is left, no more than this is done.
const NEARLY: f64 = 0.9999;

/// What is counted, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauge {
    /// When, on a clock that never goes back.
    pub at: Duration,
    /// Nothing is left to do, as far as anybody knows.
    pub done: bool,
    /// Blocks that are missing: between which heights, both included, and how many.
    pub missing: (u32, u32, u64),
    /// Bytes of all blocks of the validated chain.
    pub bytes_validated: u64,
    /// Bytes of blocks that are stored on the way to the best header, and not validated.
    pub bytes_waiting: u64,
    /// Reorganizations since the start.
    pub reorganizations: u64,
    /// What only ever grows.
    pub totals: Totals,
}

/// Figures that only ever grow, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blocks stored.
    pub blocks_stored: u64,
    /// Their bytes.
    pub bytes_stored: u64,
    /// Blocks validated.
    pub blocks_validated: u64,
    /// Their bytes.
    pub bytes_validated: u64,
    /// Their transactions.
    pub transactions: u64,
    /// Bytes received from peers.
    pub received: u64,
    /// Bytes sent to peers.
    pub sent: u64,
}

/// What follows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Share of the chain's bytes that is validated.
    pub progress: f64,
    /// Bytes of the blocks that are missing.
    pub bytes_missing: u64,
    /// Time until all is validated.
    pub left: Option<Duration>,
    /// What it depends on.
    pub limit: Limit,
    /// Rates of the last seconds.
    pub rates: Rates,
}

/// Draws conclusions from one [`Gauge`] after another.
#[derive(Clone, Debug, Default)]
pub struct Estimator {
    curve: Option<SizeCurve>,
    samples: VecDeque<(Duration, Totals)>,
    /// The progress that was said last, and after how many reorganizations.
    said: (f64, u64),
}

impl Estimator {
    /// For a network, by the name of its directory.
    pub fn new(network: &str) -> Self {
        Self {
            curve: SizeCurve::of(network),
            ..Self::default()
        }
    }

    /// Takes what is counted now, later than what was counted before.
    pub fn add(&mut self, gauge: &Gauge) -> Estimate {
        self.sample(gauge.at, gauge.totals);
        let long = self.rates(LONG, gauge);
        let bytes_missing = self.missing(gauge, &long);
        let (left, limit) = time_left(gauge, bytes_missing, &long);
        Estimate {
            progress: self.progress(gauge, bytes_missing),
            bytes_missing,
            left: left.filter(|_| gauge.done || self.measured(gauge.at) >= SHORTEST),
            limit,
            rates: self.rates(SHOWN, gauge),
        }
    }

    fn sample(&mut self, at: Duration, totals: Totals) {
        if self
            .samples
            .back()
            .is_none_or(|last| at.saturating_sub(last.0) >= APART)
        {
            self.samples.push_back((at, totals));
        }
        // One that is older than the longest window stays, so that the window is full.
        while self
            .samples
            .get(1)
            .is_some_and(|second| at.saturating_sub(second.0) >= LONG)
        {
            self.samples.pop_front();
        }
    }

    fn measured(&self, now: Duration) -> Duration {
        let first = self.samples.front().map_or(now, |first| first.0);
        now.saturating_sub(first)
    }

    /// Means over the last `window`.
    fn rates(&self, window: Duration, now: &Gauge) -> Rates {
        let recent = |sample: &&(Duration, Totals)| now.at.saturating_sub(sample.0) <= window;
        let Some((since, then)) = self.samples.iter().find(recent) else {
            return Rates::default();
        };
        let seconds = now.at.saturating_sub(*since).as_secs_f64();
        if seconds <= 0.0 {
            return Rates::default();
        }
        let totals = &now.totals;
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        Rates {
            blocks_stored: rate(totals.blocks_stored, then.blocks_stored),
            bytes_stored: rate(totals.bytes_stored, then.bytes_stored),
            blocks_validated: rate(totals.blocks_validated, then.blocks_validated),
            bytes_validated: rate(totals.bytes_validated, then.bytes_validated),
            transactions: rate(totals.transactions, then.transactions),
            received: rate(totals.received, then.received),
            sent: rate(totals.sent, then.sent),
        }
    }

    /// Bytes of the missing blocks.
    fn missing(&self, gauge: &Gauge, long: &Rates) -> u64 {
        let (first, last, blocks) = gauge.missing;
        if blocks == 0 {
            return 0;
        }
        if let Some(curve) = &self.curve {
            let span = u64::from(last.saturating_sub(first)) + 1;
            let part = blocks.min(span) as f64 / span as f64;
            return (curve.between(first, last) as f64 * part) as u64;
        }
        let totals = &gauge.totals;
        let mean = if long.blocks_stored > 0.0 {
            long.bytes_stored / long.blocks_stored
        } else if totals.blocks_stored > 0 {
            totals.bytes_stored as f64 / totals.blocks_stored as f64
        } else {
            // Nothing came yet; what is validated came in an earlier run.
            gauge.bytes_validated as f64 / f64::from(first.max(1))
        };
        (mean * blocks as f64) as u64
    }

    fn progress(&mut self, gauge: &Gauge, bytes_missing: u64) -> f64 {
        let all = gauge.bytes_validated + gauge.bytes_waiting + bytes_missing;
        let share = match (gauge.done, all) {
            (true, _) => 1.0,
            (false, 0) => 0.0,
            (false, all) => (gauge.bytes_validated as f64 / all as f64).min(NEARLY),
        };
        let (said, reorganizations) = self.said;
        let share = if gauge.reorganizations == reorganizations {
            share.max(said)
        } else {
            share
        };
        self.said = (share, gauge.reorganizations);
        share
    }
}

/// How long the slower half takes, and which one that is.
fn time_left(gauge: &Gauge, missing: u64, long: &Rates) -> (Option<Duration>, Limit) {
    if gauge.done {
        return (Some(Duration::ZERO), Limit::None);
    }
    let time = |bytes: u64, rate: f64| match bytes {
        0 => Some(0.0),
        bytes => (rate > 0.0).then(|| bytes as f64 / rate),
    };
    let download = time(missing, long.bytes_stored);
    let validation = time(missing + gauge.bytes_waiting, long.bytes_validated);
    let (Some(download), Some(validation)) = (download, validation) else {
        return (None, Limit::None);
    };
    // Validation that waits for bytes is as slow as they come, and a little behind.
    let limit = if validation > 1.2 * download {
        Limit::Validation
    } else {
        Limit::Download
    };
    let left = download.max(validation);
    let left = (left <= LONGEST_LEFT).then(|| Duration::from_secs_f64(left));
    (left, limit)
}

#[cfg(test)]
mod tests;
