//! What the download knows of one peer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::size::{self, SizeEstimate};
use super::speed::Speed;

/// A block that was asked of a peer and has not come from it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) hash: BlockHash,
    pub(super) height: Height,
    /// Its size, as far as can be told.
    pub(super) bytes: u64,
    /// Credits taken for it, in bytes.
    pub(super) credits: u64,
    pub(super) at: Timestamp,
    /// When it is late, by the speed that the peer had when it was asked.
    pub(super) due: Timestamp,
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
    /// Size of all that is waited for, in bytes.
    in_flight_bytes: u64,
    in_flight: usize,
    /// Bytes that came of a block that is not complete.
    partial: u64,
    /// What its blocks were last reckoned with because of that.
    told: u64,
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

/// So many blocks may be in flight to a peer that has not delivered any.
const FIRST_BLOCKS: usize = 4;
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
            told: 0,
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
        self.speed.asked(asked.at);
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
    pub(super) fn answered(&mut self, now: Timestamp, hash: &BlockHash) -> Option<(u64, Asked)> {
        let seq = self.by_hash.remove(hash)?;
        let asked = self.requests.remove(&seq)?;
        if !asked.given_up {
            self.no_longer_waits(now, asked.bytes);
        }
        Some((seq, asked))
    }

    fn no_longer_waits(&mut self, now: Timestamp, bytes: u64) {
        self.in_flight -= 1;
        self.in_flight_bytes -= bytes;
        if self.in_flight == 0 {
            self.speed.idle(now);
        }
    }

    /// The request is not waited for any longer. Its credits, in bytes, go back to the pool.
    pub(super) fn give_up(&mut self, now: Timestamp, seq: u64) -> Option<(BlockHash, Height, u64)> {
        let asked = self.requests.get_mut(&seq)?;
        if asked.given_up {
            return None;
        }
        asked.given_up = true;
        let bytes = asked.bytes;
        let out = (asked.hash, asked.height, asked.credits);
        self.no_longer_waits(now, bytes);
        if self.requests.len() - self.in_flight > REMEMBERED {
            let oldest = self.requests.iter().find(|(_, a)| a.given_up);
            if let Some((&seq, asked)) = oldest {
                self.by_hash.remove(&asked.hash);
                self.requests.remove(&seq);
            }
        }
        Some(out)
    }

    /// How long each answer that is waited for will take, at the pace of this moment; they come in the order of asking.
    pub(super) fn times_left(&self, now: Timestamp) -> impl Iterator<Item = (&Asked, Duration)> {
        let mut bytes = 0;
        self.waiting().map(move |(_, asked)| {
            bytes += asked.bytes;
            (asked, self.speed.time_at_pace(now, self.still_of(bytes)))
        })
    }

    /// The same, of one request. It walks over those before it, of which there are few: what is asked about is the front of the
    /// window, among the oldest that a peer owes, and twice a second. A sum kept with each request would have to follow what is
    /// answered out of turn, what is given up and every new price.
    pub(super) fn time_left(&self, now: Timestamp, hash: &BlockHash) -> Option<(&Asked, Duration)> {
        self.times_left(now).find(|(asked, _)| asked.hash == *hash)
    }

    /// How long one more block of so many bytes would take, at the pace of this moment.
    pub(super) fn time_for_another(&self, now: Timestamp, block: u64) -> Duration {
        let block = size::without_allowance(block);
        self.speed.time_at_pace(now, self.expected() + block)
    }

    /// Blocks from this height on turned out to have about so many bytes. What is asked for beyond `share` bytes takes no more
    /// credits because of it: it will not be here soon. Returns the credits that all requests had taken before and take now.
    pub(super) fn reprice(
        &mut self,
        now: Timestamp,
        from: Height,
        bytes: u64,
        share: u64,
    ) -> (u64, u64) {
        let (mut before, mut after) = (0, 0);
        self.in_flight_bytes = 0;
        for asked in self.requests.values_mut().filter(|a| !a.given_up) {
            before += asked.credits;
            if asked.height >= from {
                asked.bytes = bytes;
                if bytes < asked.credits || after + bytes <= share {
                    asked.credits = bytes;
                }
                let expected = self.speed.time_for(self.in_flight_bytes + bytes);
                asked.due = asked.due.max(now + allowed(expected));
            }
            after += asked.credits;
            self.in_flight_bytes += asked.bytes;
        }
        (before, after)
    }

    /// Bytes came that can be part of a block: those of a message that is not complete, or what was left of it.
    /// Says from which height on its blocks should be reckoned with anew, if they have turned out to be of another order of size.
    pub(super) fn part_came(
        &mut self,
        now: Timestamp,
        bytes: usize,
        size: &SizeEstimate,
    ) -> Option<Height> {
        self.partial = self.partial.saturating_add(bytes as u64);
        self.speed.came(now, bytes as u64);
        let of_another_order = self.block_size(size) > 2 * self.told.max(size.bytes());
        if !of_another_order {
            return None;
        }
        self.told = self.block_size(size);
        self.unanswered().next().map(|asked| asked.height)
    }

    /// Bytes to reckon with for one of its blocks.
    pub(super) fn block_size(&self, size: &SizeEstimate) -> u64 {
        size.bytes_after(self.partial)
    }

    /// What comes of it has outgrown the blocks of others: a large block, or none at all.
    pub(super) fn has_outgrown(&self) -> bool {
        self.told > 0
    }

    /// A block is complete: part of it came before. One that it was not asked for shows nothing, least of all how fast it answers.
    pub(super) fn block_came(&mut self, now: Timestamp, hash: &BlockHash, bytes: usize) {
        if !self.was_asked(hash) {
            return;
        }
        let rest = (bytes as u64).saturating_sub(self.partial);
        self.partial = 0;
        self.told = 0;
        self.speed.came(now, rest);
    }

    /// So many blocks may be in flight to one peer of many: a few more than came, so that they double with each round trip. Where
    /// blocks were small so far, the next ones need not be.
    pub(super) fn most_blocks(&self) -> usize {
        usize::try_from(self.blocks)
            .map_or(usize::MAX, |blocks| blocks.saturating_add(FIRST_BLOCKS))
    }

    /// Bytes that are still to come, as far as is known: credits allow for blocks that are larger than expected.
    fn expected(&self) -> u64 {
        self.still_of(self.in_flight_bytes)
    }

    /// Bytes that are still to come of the first so many, as they were reckoned with.
    fn still_of(&self, bytes: u64) -> u64 {
        let left = size::without_allowance(bytes).saturating_sub(self.partial);
        if self.has_outgrown() {
            // As much may come again before it ends.
            left.saturating_add(self.partial)
        } else {
            left
        }
    }

    /// How many more bytes should be in flight, if it is time to ask. Blocks go out in batches, so nothing is asked for as
    /// long as the peer has enough to send until the next time that this is looked at.
    ///
    /// It is looked at when a block comes, or a part of one; then what is in flight has to fill the line until a further
    /// request has reached the peer and its answer us. Where blocks are large and the line is slow that is a part of one
    /// block, and where it is fast and far it is many; but to wait for the last of them would leave the line empty.
    pub(super) fn room(&self, share: u64, block: u64, first: u64) -> u64 {
        let target = self.speed.target(first).min(share);
        self.room_up_to(target, self.speed.low_water(block).min(share / 2))
    }

    /// The same of a peer that is the only one: what it does not owe us nobody does, so that it may owe us all that there is
    /// memory for, and is asked early enough for the line to stay full while we are busy.
    pub(super) fn room_of_one(&self, memory: u64) -> u64 {
        self.room_up_to(memory / 2, memory / 3)
    }

    fn room_up_to(&self, target: u64, low_water: u64) -> u64 {
        let room = target.saturating_sub(self.in_flight_bytes).max(1);
        if self.in_flight == 0 || self.expected() < low_water {
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

/// How long an answer that is expected after this time is waited for.
pub(super) fn allowed(expected: Duration) -> Duration {
    expected * 2 + Duration::from_secs(1)
}
