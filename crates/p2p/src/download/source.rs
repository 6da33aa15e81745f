//! What the download knows of one peer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::size;
use super::speed::{Mark, Speed};

/// A block that was asked of a peer and has not come from it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) hash: BlockHash,
    pub(super) height: Height,
    /// Credits taken for it, in bytes.
    pub(super) bytes: u64,
    pub(super) at: Timestamp,
    /// When it is late, by the speed that the peer had when it was asked.
    pub(super) due: Timestamp,
    pub(super) mark: Mark,
    /// Not waited for any longer: its credits are back and the block may have been given to others. It is still welcome.
    pub(super) given_up: bool,
}

/// A peer as a source of blocks.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Named by the user: never disconnected for slowness.
    pub(super) manual: bool,
    /// Heights on the way to the best header that the peer has, lowest and highest; `None` as long as that is unknown.
    pub(super) range: Option<(Height, Height)>,
    pub(super) speed: Speed,
    /// What was asked and has not come, in the order of asking.
    requests: BTreeMap<u64, Asked>,
    by_hash: HashMap<BlockHash, u64>,
    /// Credits taken for requests that are waited for, in bytes.
    in_flight_bytes: u64,
    in_flight: usize,
    /// Bytes that came of a block that is not complete.
    partial: u64,
    /// Last sign of life that can belong to a block.
    pub(super) progress: Timestamp,
    /// Found silent at this time, its blocks were given to others.
    pub(super) stalled: Option<Timestamp>,
    /// Not asked before this time (it said `notfound`).
    pub(super) rests_until: Timestamp,
    pub(super) rest: Duration,
    /// The connection is read.
    pub(super) reading: bool,
    /// In the queue of those that can take more.
    pub(super) queued: bool,
    /// In the set of those whose range holds nothing open.
    pub(super) parked: bool,
    /// Blocks delivered.
    pub(super) blocks: u64,
}

/// Requests that are remembered though nobody waits for them any more.
const REMEMBERED: usize = 1024;

impl Source {
    pub(super) fn new(now: Timestamp, manual: bool) -> Self {
        Self {
            manual,
            range: None,
            speed: Speed::new(now),
            requests: BTreeMap::new(),
            by_hash: HashMap::new(),
            in_flight_bytes: 0,
            in_flight: 0,
            partial: 0,
            progress: now,
            stalled: None,
            rests_until: now,
            rest: Duration::ZERO,
            reading: true,
            queued: false,
            parked: false,
            blocks: 0,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes
    }

    /// Requests that are waited for, oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u64, &Asked)> {
        self.requests
            .iter()
            .filter(|(_, a)| !a.given_up)
            .map(|(seq, a)| (*seq, a))
    }

    /// All requests that were not answered, oldest first.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &Asked> {
        self.requests.values()
    }

    pub(super) fn has(&self, height: Height) -> bool {
        self.range
            .is_some_and(|(low, high)| low <= height && height <= high)
    }

    pub(super) fn was_asked(&self, hash: &BlockHash) -> bool {
        self.by_hash.contains_key(hash)
    }

    pub(super) fn asked_at(&self, hash: &BlockHash) -> Option<Timestamp> {
        let seq = self.by_hash.get(hash)?;
        self.requests.get(seq).map(|asked| asked.at)
    }

    pub(super) fn ask(&mut self, seq: u64, asked: Asked) {
        if self.in_flight == 0 {
            self.progress = self.progress.max(asked.at);
        }
        self.in_flight += 1;
        self.in_flight_bytes += asked.bytes;
        // Asked again for what was given up: one answer will do for both, so that only the later request is remembered.
        if let Some(before) = self.by_hash.insert(asked.hash, seq) {
            let before = self.requests.remove(&before);
            debug_assert!(before.is_none_or(|b| b.given_up), "asked twice at once");
        }
        self.requests.insert(seq, asked);
    }

    /// The answer to a request came.
    pub(super) fn answered(&mut self, hash: &BlockHash) -> Option<(u64, Asked)> {
        let seq = self.by_hash.remove(hash)?;
        let asked = self.requests.remove(&seq)?;
        if !asked.given_up {
            self.in_flight -= 1;
            self.in_flight_bytes -= asked.bytes;
        }
        Some((seq, asked))
    }

    /// The request is not waited for any longer. Its credits, in bytes, go back to the pool.
    pub(super) fn give_up(&mut self, seq: u64) -> Option<(BlockHash, Height, u64)> {
        let asked = self.requests.get_mut(&seq)?;
        if asked.given_up {
            return None;
        }
        asked.given_up = true;
        self.in_flight -= 1;
        self.in_flight_bytes -= asked.bytes;
        let out = (asked.hash, asked.height, asked.bytes);
        if self.requests.len() - self.in_flight > REMEMBERED {
            let oldest = self.requests.iter().find(|(_, a)| a.given_up);
            if let Some((&seq, asked)) = oldest {
                self.by_hash.remove(&asked.hash);
                self.requests.remove(&seq);
            }
        }
        Some(out)
    }

    /// Bytes that are waited for up to and with this request.
    pub(super) fn bytes_up_to(&self, seq: u64) -> u64 {
        self.requests
            .range(..=seq)
            .filter(|(_, a)| !a.given_up)
            .map(|(_, a)| a.bytes)
            .sum()
    }

    /// A part of a message came that may be a block.
    pub(super) fn part_came(&mut self, bytes: usize) {
        self.partial = self.partial.saturating_add(bytes as u64);
    }

    /// A message is complete: what came in parts belonged to it.
    pub(super) fn parts_are_over(&mut self) {
        self.partial = 0;
    }

    /// Bytes that are still to come, as far as is known: credits allow for blocks that are larger than expected.
    fn expected(&self) -> u64 {
        size::without_allowance(self.in_flight_bytes).saturating_sub(self.partial)
    }

    /// How many more bytes should be in flight, if it is time to ask. Blocks go out in batches, so nothing is asked for as
    /// long as the peer has enough to send until the next time that this is looked at.
    ///
    /// It is looked at when a block comes, or a part of one; then what is in flight has to fill the line until a further
    /// request has reached the peer and its answer us. Where blocks are large and the line is slow that is a part of one
    /// block, and where it is fast and far it is many; but to wait for the last of them would leave the line empty.
    pub(super) fn room(&self, share: u64, block: u64, first: u64) -> u64 {
        let target = self.speed.target(first).min(share);
        let room = target.saturating_sub(self.in_flight_bytes).max(1);
        if self.in_flight == 0 {
            return room;
        }
        if self.expected() < self.speed.low_water(block).min(share / 2) {
            room
        } else {
            0
        }
    }

    /// May be asked for blocks.
    pub(super) fn usable(&self, now: Timestamp) -> bool {
        self.stalled.is_none() && self.reading && self.rests_until <= now
    }
}
