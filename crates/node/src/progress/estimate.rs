//! How fast it goes, and how long it will take.
//!
//! Blocks of a young chain have hundreds of bytes, those of a grown one millions: a rate in blocks says nothing about
//! the time left. So the bytes left are estimated, from the number of blocks left and the mean size of the blocks that
//! came last, and divided by the measured rate in bytes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Rates are means over this long.
const WINDOW: Duration = Duration::from_secs(10);
/// A time left of more than this is a guess that helps nobody.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is done at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) blocks: u64,
    /// What measures the work better than blocks do: bytes that are stored, transactions that are validated.
    pub(super) amount: u64,
    /// Blocks still to come.
    pub(super) left: u64,
}

/// What follows from the samples of the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) blocks_per_second: f64,
    pub(super) amount_per_second: f64,
    /// `None` while nothing comes.
    pub(super) left: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Estimator {
    samples: VecDeque<Sample>,
}

impl Estimator {
    /// Takes a sample, later than the one before.
    pub(super) fn add(&mut self, sample: Sample) -> Rates {
        self.samples.push_back(sample);
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|first| sample.at - first.at > WINDOW)
        {
            self.samples.pop_front();
        }
        match self.samples.front() {
            Some(first) => rates(first, &sample),
            None => Rates::default(),
        }
    }
}

fn rates(first: &Sample, last: &Sample) -> Rates {
    let seconds = (last.at - first.at).as_secs_f64();
    if seconds <= 0.0 {
        return Rates::default();
    }
    let blocks = last.blocks.saturating_sub(first.blocks) as f64;
    let amount = last.amount.saturating_sub(first.amount) as f64;
    let amount_per_second = amount / seconds;
    let left = (blocks > 0.0 && amount > 0.0).then(|| {
        let amount_left = last.left as f64 * (amount / blocks);
        Duration::try_from_secs_f64(amount_left / amount_per_second).unwrap_or(LONGEST)
    });
    Rates {
        blocks_per_second: blocks / seconds,
        amount_per_second,
        left: left.filter(|left| *left <= LONGEST),
    }
}

#[cfg(test)]
mod tests;
