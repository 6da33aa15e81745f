//! How large will the next block be?

/// Estimates the size of the blocks about to be asked for from those that came last.
///
/// Sizes change slowly along the chain (a few hundred bytes in 2009, a megabyte and a half today), and blocks that are
/// asked for together are neighbours, so a moving average serves. A quarter is added because an estimate that is too low
/// costs memory, and one that is too high costs only a little of the pool.
#[derive(Clone, Debug)]
pub(crate) struct SizeEstimate {
    average: f64,
    seen: bool,
    /// The estimate that requests were last priced by.
    told: f64,
}

/// Before the first block: near what is common today, so that a node that resumes at the tip does not overdraw.
const FIRST_GUESS: f64 = 1_000_000.0;
/// Weight of one block in the average.
const WEIGHT: f64 = 1.0 / 8.0;

impl SizeEstimate {
    pub(crate) fn new() -> Self {
        Self {
            average: FIRST_GUESS,
            seen: false,
            told: FIRST_GUESS,
        }
    }

    /// A block came. Says whether blocks have turned out to be of another order of size, so that what was asked for before should
    /// be reckoned with anew.
    pub(crate) fn saw(&mut self, bytes: usize) -> bool {
        let bytes = bytes as f64;
        if self.seen {
            // Growth counts twice: it is what could overdraw the pool.
            let weight = if bytes > self.average {
                2.0 * WEIGHT
            } else {
                WEIGHT
            };
            self.average += (bytes - self.average) * weight;
        } else {
            self.average = bytes;
            self.seen = true;
        }
        self.is_of_another_order()
    }

    fn is_of_another_order(&mut self) -> bool {
        let moved = self.average > 2.0 * self.told || self.average < self.told / 2.0;
        if moved {
            self.told = self.average;
        }
        moved
    }

    /// Bytes to reckon with for one block; at least 100.
    pub(crate) fn bytes(&self) -> u64 {
        with_allowance(self.average)
    }

    /// The same of a peer from which so much of a block is here, and it is not complete. What is not complete cannot be told
    /// from what will never be: it says nothing of the blocks of others.
    pub(super) fn bytes_after(&self, part: u64) -> u64 {
        self.bytes().max(with_allowance(part as f64))
    }
}

fn with_allowance(bytes: f64) -> u64 {
    (bytes * 1.25).clamp(100.0, 4_000_000.0) as u64
}

/// What is expected to come, of bytes that were reckoned with.
pub(super) fn without_allowance(bytes: u64) -> u64 {
    bytes / 5 * 4
}
