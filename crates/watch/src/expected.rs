//! How many bytes blocks have that nobody has downloaded yet.
//!
//! Blocks of a young chain have hundreds of bytes, those of a grown one more than a million. Who multiplies the blocks
//! that are left by the mean size of those that came last promises an hour for what takes days. So for the main network
//! the growth of its chain is known in steps; everywhere else the mean of the last blocks has to do.

/// How the bytes of a chain grow with its height.
#[derive(Clone, Copy, Debug)]
pub struct SizeCurve {
    /// Height, and megabytes of all blocks up to it; both ascend.
    steps: &'static [(u32, u32)],
}

/// Bytes of the main network's chain at the end of each year, as the sizes of its block files were, rounded. Past the last
/// step the chain grows as fast as in it. It is an estimate of how much work is left, and of nothing else.
const MAIN: SizeCurve = SizeCurve {
    steps: &[
        (0, 0),
        (32_500, 8),
        (100_400, 55),
        (160_000, 820),
        (214_500, 4_600),
        (278_000, 14_000),
        (336_800, 27_300),
        (391_100, 52_900),
        (446_000, 97_600),
        (502_000, 149_000),
        (556_400, 197_000),
        (610_600, 253_000),
        (663_900, 320_000),
        (716_600, 382_000),
        (769_700, 446_000),
        (823_700, 540_000),
        (877_200, 628_000),
        (930_000, 716_000),
    ],
};

impl SizeCurve {
    /// The curve of a network, by the name of its directory; `None` if none is known.
    pub fn of(network: &str) -> Option<Self> {
        (network == "main").then_some(MAIN)
    }

    /// Bytes of all blocks up to a height.
    fn up_to(&self, height: u32) -> f64 {
        let above = self.steps.partition_point(|(at, _)| *at < height);
        let at = above.clamp(1, self.steps.len() - 1);
        let ((h0, m0), (h1, m1)) = (self.steps[at - 1], self.steps[at]);
        let slope = f64::from(m1 - m0) / f64::from(h1 - h0);
        (f64::from(m0) + slope * (f64::from(height) - f64::from(h0))) * 1e6
    }

    /// Bytes of the blocks from one height to another, both included.
    pub fn between(&self, first: u32, last: u32) -> u64 {
        if last < first {
            return 0;
        }
        let before = first.saturating_sub(1);
        (self.up_to(last) - self.up_to(before)).max(0.0) as u64
    }
}

#[cfg(test)]
mod tests;
