//! `--download-limit` and `--upload-limit`: bytes a second that all connections share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// Messages up to this size, in bytes, are counted but do not wait: a ping must not seem to take as long as the blocks of others.
const SMALL: usize = 1024;
/// Pieces that pass at once, in bytes: a twentieth of a second's, within these bounds.
const PIECES: (u64, u64) = (1024, 256 * 1024);
/// What the kernel may take in from one peer before we read it, in bytes, where downloads are limited: an eighth of a second's,
/// within these bounds. Without, it would take in some megabytes at once from each.
const KERNEL: (u64, u64) = (32 * 1024, 1024 * 1024);

/// A number of bytes a second. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limit(Option<Arc<Bucket>>);

#[derive(Debug)]
struct Bucket {
    /// Bytes a second, at least 1.
    rate: u64,
    /// When all that has passed would have passed at this rate.
    free_at: Mutex<Instant>,
    #[cfg(test)]
    passed: std::sync::atomic::AtomicU64,
}

/// What may be read from all peers together, and what may be sent to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) download: Limit,
    pub(crate) upload: Limit,
}

impl Limit {
    /// So many bytes a second; 0 for any number.
    pub(crate) fn new(rate: u64) -> Self {
        let bucket = || Bucket {
            rate,
            free_at: Mutex::new(Instant::now()),
            #[cfg(test)]
            passed: Default::default(),
        };
        Self((rate > 0).then(|| Arc::new(bucket())))
    }

    /// At most so many bytes are to pass between two calls of [`Self::passed`].
    pub(super) fn piece(&self) -> usize {
        let (least, most) = PIECES;
        let piece = self
            .0
            .as_ref()
            .map_or(most, |b| (b.rate / 20).clamp(least, most));
        usize::try_from(piece).unwrap_or(usize::MAX)
    }

    /// So many bytes have passed: waits until they would have, at this rate and behind those of others.
    pub(super) async fn passed(&self, bytes: usize) {
        if let Some(until) = self.book(bytes)
            && bytes > SMALL
        {
            sleep_until(until).await;
        }
    }

    fn book(&self, bytes: usize) -> Option<Instant> {
        let bucket = self.0.as_ref()?;
        #[cfg(test)]
        bucket
            .passed
            .fetch_add(bytes as u64, std::sync::atomic::Ordering::Relaxed);
        let takes = Duration::from_secs_f64(bytes as f64 / bucket.rate as f64);
        let mut free_at = bucket
            .free_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Nothing is made up for: what did not pass in the last second does not pass in this one.
        *free_at = (*free_at).max(Instant::now()) + takes;
        Some(*free_at)
    }

    /// Bytes that have passed.
    #[cfg(test)]
    pub(super) fn bytes_passed(&self) -> u64 {
        let passed = |b: &Arc<Bucket>| b.passed.load(std::sync::atomic::Ordering::Relaxed);
        self.0.as_ref().map_or(0, passed)
    }

    /// Keeps the kernel from taking in much more from a peer than may be read.
    pub(super) fn bound_kernel(&self, stream: &TcpStream) {
        if let Some(bucket) = &self.0 {
            let (least, most) = KERNEL;
            let bytes = usize::try_from((bucket.rate / 8).clamp(least, most)).unwrap_or(usize::MAX);
            // If it will not, only the first seconds are faster than they should be.
            let _ = socket2::SockRef::from(stream).set_recv_buffer_size(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
