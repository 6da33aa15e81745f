//! How fast is a peer, and so how much should be in flight to it?

use std::time::Duration;

use tipward_primitives::Timestamp;

/// A peer's measured speed.
///
/// What should be in flight is the bandwidth-delay product: enough that the link never runs dry, and not more, because
/// whatever waits in a slow peer's queue could have come from a faster one. The bandwidth is what came in a second or more
/// in which something was asked for; and the highest such figure of the recent past, because one is too low whenever it
/// was us who asked for too little. Shorter measurements will not do: blocks are large, and what a busy machine sees of
/// them all at once came over a longer time.
#[derive(Clone, Debug)]
pub(crate) struct Speed {
    /// Bytes of blocks that came so far.
    delivered: u64,
    /// When the last of them came.
    delivered_at: Timestamp,
    /// The measurement that goes on: when it began, and what came since.
    since: Timestamp,
    came: u64,
    /// Nothing is in flight since then; that time does not count.
    idle_since: Option<Timestamp>,
    /// The last whole measurement, bytes per second.
    last: Option<f64>,
    /// Highest figures, bytes per second, of this epoch and of the one before.
    peaks: [f64; 2],
    epoch: Timestamp,
    /// Shortest round trip that was seen.
    round_trip: Option<Duration>,
}

/// In flight to a peer that was never measured, in bytes, at least: whatever it is given before we know it, it may sit on.
pub(super) const FIRST_TARGET: u64 = 32 * 1024;
/// Bytes per second to reckon with for a peer that was never measured.
const FIRST_RATE: f64 = 128.0 * 1024.0;
/// A figure counts for one to two epochs.
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
/// A measurement takes this long at least, in seconds.
const MEASURE: f64 = 1.0;
/// Before the first is over, what came so far is taken for the rate, but as if it had taken so long, in seconds. What a peer
/// could not send while nothing was asked of it, it may send at once (token buckets and full socket buffers do so), and over
/// a few milliseconds such a burst looks like a line a hundred times as fast: one early peer was then given nearly half of a
/// small chain, and sat on it. A truly fast peer gets its share all the same, since five times as much is in flight next.
const SHORTEST_MEASURE: f64 = 0.1;

impl Speed {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            delivered: 0,
            delivered_at: now,
            since: now,
            came: 0,
            idle_since: Some(now),
            last: None,
            peaks: [0.0; 2],
            epoch: now,
            round_trip: None,
        }
    }

    /// Something is asked for.
    pub(crate) fn asked(&mut self, now: Timestamp) {
        let Some(idle_since) = self.idle_since.take() else {
            return;
        };
        let idle = now.since(idle_since);
        if idle.as_secs_f64() > MEASURE {
            self.since = now;
            self.came = 0;
        } else {
            self.since = self.since + idle;
        }
    }

    /// Nothing is waited for any longer.
    pub(crate) fn idle(&mut self, now: Timestamp) {
        self.idle_since.get_or_insert(now);
    }

    /// A block came, or a part of one.
    pub(crate) fn came(&mut self, now: Timestamp, bytes: u64) {
        self.delivered = self.delivered.saturating_add(bytes);
        self.delivered_at = now;
        self.came = self.came.saturating_add(bytes);
        let elapsed = now.since(self.since).as_secs_f64();
        if elapsed >= MEASURE {
            let rate = self.came as f64 / elapsed;
            if self.last.replace(rate).is_none() {
                // What was taken for the rate until now may have been a burst.
                self.peaks = [0.0; 2];
                self.epoch = now;
            }
            if now.since(self.epoch) > EPOCH {
                self.epoch = now;
                self.peaks = [0.0, self.peaks[0]];
            }
            self.peaks[0] = self.peaks[0].max(rate);
            self.since = now;
            self.came = 0;
        } else if self.last.is_none() {
            let rate = self.came as f64 / elapsed.max(SHORTEST_MEASURE);
            self.peaks[0] = self.peaks[0].max(rate);
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

    /// Bytes per second that come now, as far as is known: less than [`Speed::rate`] if the peer has become slower.
    fn pace(&self, now: Timestamp) -> Option<f64> {
        let elapsed = now.since(self.since).as_secs_f64();
        if self.idle_since.is_none() && elapsed >= MEASURE {
            return self.rate().map(|_| self.came as f64 / elapsed);
        }
        self.last.or_else(|| self.rate())
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

    /// Bytes that should be in flight to this peer; at least `first` as long as too little came to tell.
    pub(crate) fn target(&self, first: u64) -> u64 {
        let by_rate = self.rate().map_or(0, |rate| {
            (rate * (2.0 * self.latency().as_secs_f64() + SLACK)) as u64
        });
        if self.delivered < ENOUGH {
            by_rate.max(first)
        } else {
            by_rate
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

    /// The same, at the pace of this moment.
    pub(crate) fn time_at_pace(&self, now: Timestamp, bytes: u64) -> Duration {
        let pace = self.pace(now).unwrap_or(FIRST_RATE).max(1.0);
        self.latency() + Duration::from_secs_f64((bytes as f64 / pace).min(1e6))
    }
}
