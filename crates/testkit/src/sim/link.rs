//! A connection's line: bandwidth, distance, loss.

use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;
use tipward_primitives::Timestamp;

/// What a line is like.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bytes per second that the peer can send.
    pub bandwidth: f64,
    /// Time that a byte is on its way, one way.
    pub latency: Duration,
    /// Part of the messages that has to be sent again, 0 to 1.
    pub loss: f64,
}

/// One direction of a line, on which bytes follow each other and arrive in order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pipe {
    free_at: Timestamp,
    last_arrival: Timestamp,
}

impl Pipe {
    /// Puts a message on the line at `now`. Returns when its first and its last byte arrive.
    pub(super) fn send(
        &mut self,
        now: Timestamp,
        bytes: usize,
        line: &Line,
        rng: &mut ChaCha12Rng,
    ) -> (Timestamp, Timestamp) {
        let start = self.free_at.max(now);
        let takes = Duration::from_secs_f64((bytes as f64 / line.bandwidth.max(1.0)).min(1e7));
        self.free_at = start + takes;
        let lost = if rng.random_bool(line.loss.clamp(0.0, 1.0)) {
            // A retransmission timeout, at least a second.
            Duration::from_millis(rng.random_range(1000..3000))
        } else {
            Duration::ZERO
        };
        let first = (start + line.latency + lost).max(self.last_arrival);
        let last = (self.free_at + line.latency + lost).max(self.last_arrival);
        self.last_arrival = last;
        (first, last)
    }
}

/// Our own end of all lines: what arrives shares its bandwidth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    bandwidth: f64,
    free_at: Timestamp,
}

impl Shared {
    /// A line of so many bytes per second.
    pub(super) fn new(bandwidth: f64) -> Self {
        Self {
            bandwidth: bandwidth.max(1.0),
            free_at: Timestamp::default(),
        }
    }

    /// When a message is through that would have arrived at `at` on an idle line.
    pub(super) fn pass(&mut self, at: Timestamp, bytes: usize) -> Timestamp {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bandwidth);
        self.free_at = self.free_at.max(at) + takes;
        self.free_at.max(at)
    }
}
