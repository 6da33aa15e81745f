//! What the peers of a race are like.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::chain::normal;

/// One peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Bytes a second that it can send.
    pub rate: f64,
    /// There and back.
    pub round_trip: Duration,
    /// After so many blocks it answers no more requests for blocks.
    pub silent_after: Option<u64>,
    /// Then it is not silent, but sends what never becomes a block as fast as its line carries it.
    pub junk: bool,
    /// It leaves so long after it came.
    pub stays: Option<Duration>,
}

impl Line {
    /// A peer that stays and answers.
    pub fn new(rate: f64, round_trip_ms: u64) -> Self {
        Self {
            rate,
            round_trip: Duration::from_millis(round_trip_ms),
            silent_after: None,
            junk: false,
            stays: None,
        }
    }

    /// The same, but it falls silent after so many blocks.
    pub fn silent_after(self, blocks: u64) -> Self {
        Self {
            silent_after: Some(blocks),
            ..self
        }
    }

    /// The same, but after so many blocks it sends messages that never end.
    pub fn junk_after(self, blocks: u64) -> Self {
        Self {
            junk: true,
            ..self.silent_after(blocks)
        }
    }
}

/// The peers that are there at a time.
#[derive(Clone, Debug)]
pub enum Crowd {
    /// These, and nobody comes after them.
    Named(Vec<Line>),
    /// So many, drawn from what was measured of the network; whoever leaves is replaced.
    Drawn(usize),
}

/// Median bandwidth of a node in bytes a second: 56 Mbit/s (Gencer et al., "Decentralization in Bitcoin and Ethereum
/// Networks", 2018, section 4; it was 33 Mbit/s a year before).
const BANDWIDTH: f64 = 56e6 / 8.0;
/// Spread of the bandwidth's logarithm, ours: wide enough for both peaks of what was measured, at 10 and at 100 Mbit/s, which are
/// 1.4 standard deviations below the median and half of one above it.
const BANDWIDTH_SPREAD: f64 = 1.2;
/// No line is slower or faster, in bytes a second: a gigabit a second is what most servers have.
const BANDWIDTHS: std::ops::RangeInclusive<f64> = 30e3..=125e6;
/// Median round trip between nodes in seconds: a tenth of a second is what that paper and others see; the spread is ours, and
/// gives one in ten more than a quarter of a second.
const ROUND_TRIP: f64 = 0.110;
const ROUND_TRIP_SPREAD: f64 = 0.7;
const ROUND_TRIPS: std::ops::RangeInclusive<f64> = 0.005..=1.5;
/// Mean time that a peer stays in seconds, ours. Nearly all nodes come and go (97 % in Imtiaz et al., "Churn in the Bitcoin
/// Network", 2021), mostly after hours or days; an hour is more churn than there is.
const STAYS: f64 = 3600.0;
/// Part of the peers that fall silent, and after how many blocks at most.
const SILENT: f64 = 0.05;
const SILENT_AFTER: u64 = 2000;

impl Crowd {
    /// Peers that are there at a time.
    pub fn size(&self) -> usize {
        match self {
            Self::Named(lines) => lines.len(),
            Self::Drawn(count) => *count,
        }
    }

    /// The peer that takes a place for the `turn`-th time. The same seed gives the same peers, whatever the policy does.
    pub(super) fn draw(&self, seed: u64, place: usize, turn: u64) -> Option<Line> {
        match self {
            Self::Named(lines) => lines.get(place).copied().filter(|_| turn == 0),
            Self::Drawn(_) => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(((place as u64) << 32) | turn);
                Some(drawn(&mut rng))
            }
        }
    }
}

fn drawn(rng: &mut ChaCha8Rng) -> Line {
    let rate = BANDWIDTH * (normal(rng) * BANDWIDTH_SPREAD).exp();
    let round_trip = ROUND_TRIP * (normal(rng) * ROUND_TRIP_SPREAD).exp();
    let stays = -STAYS * rng.random_range(f64::MIN_POSITIVE..1.0).ln();
    Line {
        rate: rate.clamp(*BANDWIDTHS.start(), *BANDWIDTHS.end()),
        round_trip: Duration::from_secs_f64(
            round_trip.clamp(*ROUND_TRIPS.start(), *ROUND_TRIPS.end()),
        ),
        silent_after: rng
            .random_bool(SILENT)
            .then(|| rng.random_range(0..SILENT_AFTER)),
        junk: false,
        stays: Some(Duration::from_secs_f64(stays)),
    }
}
