//! How fast is a peer, and so how much should be in flight to it?

use std::time::Duration;

use tipward_primitives::Timestamp;

/// A peer's measured speed.
///
/// What should be in flight is the bandwidth-delay product: enough that the link never runs dry, and not more, because
/// whatever waits in a slow peer's queue could have come from a faster one. The bandwidth is taken as in BBR: a sample for
/// every delivered block, of what was delivered since the moment the block was asked for; and the highest sample of the
/// recent past, because a sample is too low whenever it was us who asked for too little.
#[derive(Clone, Debug)]
pub(crate) struct Speed {
    /// Bytes of blocks delivered so far.
    delivered: u64,
    /// When the last of them came, or when asking began after a time with nothing in flight.
    delivered_at: Timestamp,
    /// Highest samples, bytes per second, of this epoch and of the one before.
    peaks: [f64; 2],
    epoch: Timestamp,
    /// Shortest round trip that was seen.
    round_trip: Option<Duration>,
}

/// What a peer had delivered when a block was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    delivered: u64,
    delivered_at: Timestamp,
}

/// In flight to a peer that was never measured, in bytes, at least: whatever it is given before we know it, it may sit on.
pub(super) const FIRST_TARGET: u64 = 32 * 1024;
/// Bytes per second to reckon with for a peer that was never measured.
const FIRST_RATE: f64 = 128.0 * 1024.0;
/// A sample counts for one to two epochs.
const EPOCH: Duration = Duration::from_secs(15);
/// Kept in flight beyond two round trips, in seconds: what the peer's disk and our own scheduling may take. 0.25 s lost a
/// tenth of the speed in the simulator with jittery links, 1 s gained nothing over 0.5 s.
const SLACK: f64 = 0.5;
/// Parts of a block are told of at least this often, in seconds.
const LOOK: f64 = 0.5;
/// What is kept in flight for the case that anything takes longer than it should, in seconds.
const MARGIN: f64 = 0.1;
/// Round trip to reckon with before one was seen.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(200);
/// From so few bytes only the round trip is known, and not the line: a handful of small blocks looks slow from far away.
const ENOUGH: u64 = 256 * 1024;
/// A sample reckons with no shorter time, in seconds. What a peer could not send while nothing was asked of it, it may send
/// at once (token buckets and full socket buffers do so), and over a few milliseconds such a burst looks like a line a
/// hundred times as fast: one early peer was then given nearly half of a small chain, and sat on it. A truly fast peer is
/// measured all the same, since five times as much as a sample shows is in flight next.
const SHORTEST_SAMPLE: f64 = 0.1;

impl Speed {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            delivered: 0,
            delivered_at: now,
            peaks: [0.0; 2],
            epoch: now,
            round_trip: None,
        }
    }

    /// To be kept with a request made now.
    pub(crate) fn mark(&mut self, now: Timestamp, nothing_in_flight: bool) -> Mark {
        if nothing_in_flight {
            self.delivered_at = now;
        }
        Mark {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
        }
    }

    /// A block came that was asked for at `mark`.
    pub(crate) fn delivered(&mut self, now: Timestamp, bytes: usize, mark: Mark) {
        self.delivered = self.delivered.saturating_add(bytes as u64);
        let elapsed = now
            .since(mark.delivered_at)
            .as_secs_f64()
            .max(SHORTEST_SAMPLE);
        let sample = self.delivered.saturating_sub(mark.delivered) as f64 / elapsed;
        self.delivered_at = now;
        if now.since(self.epoch) > EPOCH {
            self.epoch = now;
            self.peaks = [sample, self.peaks[0]];
        } else {
            self.peaks[0] = self.peaks[0].max(sample);
        }
    }

    /// A ping was answered.
    pub(crate) fn round_trip(&mut self, took: Duration) {
        self.round_trip = Some(self.round_trip.map_or(took, |best| best.min(took)));
    }

    /// Bytes per second, if it was ever measured.
    pub(crate) fn rate(&self) -> Option<f64> {
        let peak = self.peaks[0].max(self.peaks[1]);
        (peak > 0.0).then_some(peak)
    }

    /// The rate is below `limit` bytes per second, for all that is known: enough was delivered to tell, and not too long ago.
    /// Whoever is asked for nothing because of it is tried again when it is forgotten.
    pub(crate) fn is_below(&self, limit: f64, now: Timestamp) -> bool {
        let is_known = self.delivered >= ENOUGH && now.since(self.delivered_at) <= 2 * EPOCH;
        is_known && self.rate().is_some_and(|rate| rate < limit)
    }

    /// Shortest round trip, or a guess.
    pub(crate) fn latency(&self) -> Duration {
        self.round_trip.unwrap_or(FIRST_ROUND_TRIP)
    }

    /// Bytes that should be in flight to this peer; `first` if it was never measured.
    pub(crate) fn target(&self, first: u64) -> u64 {
        match self.rate() {
            None => first,
            Some(rate) => (rate * (2.0 * self.latency().as_secs_f64() + SLACK)) as u64,
        }
    }

    /// When less than this is to come of what was asked for, the next request is due: what the peer can send during a round
    /// trip and until we look again. That is when the next block of `block` bytes is complete, or a part of it came.
    pub(crate) fn low_water(&self, block: u64) -> u64 {
        let Some(rate) = self.rate() else {
            return 0;
        };
        let next_look = (block as f64).min(rate * LOOK);
        (rate * (self.latency().as_secs_f64() + MARGIN) + next_look) as u64
    }

    /// How long the peer will take for this many bytes, everything in its queue before them included.
    pub(crate) fn time_for(&self, bytes: u64) -> Duration {
        // Never measured: reckon with a slow one, so that it is not trusted with what is urgent.
        let rate = self.rate().unwrap_or(FIRST_RATE).max(1.0);
        self.latency() + Duration::from_secs_f64((bytes as f64 / rate).min(1e6))
    }
}
