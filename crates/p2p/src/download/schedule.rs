//! Handing out blocks.

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::source::{Asked, Source, allowed};
use super::speed::FIRST_TARGET;
use super::{Download, MOST_HOLDERS, Route, State, Wanted};
use crate::io::PeerId;

/// One request: blocks to ask one peer for, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) peer: PeerId,
    pub(crate) blocks: Vec<(Height, BlockHash)>,
}

/// Blocks that one peer may owe us: what a request costs the peer's memory is not ours to spend.
const MOST_PER_PEER: usize = 1024;
/// Part of the pool that is kept for hedging, at most.
const RESERVE: u64 = 8;
/// For so many bytes a request is worth it, however few blocks they are.
const WORTH_A_REQUEST: u64 = 64 * 1024;
/// A peer is slow if its rate is below the usual one by this factor.
const SLOW: f64 = 4.0;
/// What all peers have in flight is done in about this time, in seconds.
const AT_WORK: f64 = 0.25;
/// No block takes so long, in seconds, that anything further from the end is of interest.
const LONG: f64 = 600.0;

/// A peer that was never measured is asked for its share of what is left, by this figure, and for no more than so many bytes.
const FIRST_PART: u64 = 16;
const MOST_AT_FIRST: u64 = 2 << 20;

impl Download {
    /// Asks for whatever can be asked for now.
    pub(crate) fn schedule(&mut self, now: Timestamp, route: &impl Route) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(until) = self.paused_until {
            if now < until {
                self.excused = now;
                return requests;
            }
            self.paused_until = None;
            self.wake_parked();
        }
        self.slide(route);
        // Each turn either asks for a block, or takes a peer out of the queue, or ends.
        let mut later = Vec::new();
        let (usual, together) = self.rates(now);
        let rest = self.left(route.end()).saturating_mul(self.size.bytes()) as f64 / together;
        while !self.open.is_empty() {
            let Some(peer) = self.queue.pop_front() else {
                break;
            };
            if !self.has_credits() {
                self.queue.push_front(peer);
                break;
            }
            if self.is_for_the_fast(now, peer, usual) || self.is_too_late(now, peer, usual, rest) {
                later.push(peer);
                continue;
            }
            match self.turn(now, peer) {
                Turn::Asked(request) => requests.push(request),
                Turn::Full | Turn::Gone => {}
                Turn::NothingOpen => {
                    self.parked.insert(peer);
                }
            }
        }
        self.queue.extend(later);
        // At the end; elsewhere it is the front that matters, and nobody needs to wait for it.
        if self.open.is_empty() && self.left(route.end()) == 0 {
            self.help_out(now, &mut requests);
        }
        if !requests.is_empty() && self.next_check.is_none() {
            self.next_check = Some(now + super::patience::CHECK_INTERVAL);
        }
        requests
    }

    /// Bytes a second that a peer has on average, and all together, of those that were measured and could be asked for the
    /// first open block.
    fn rates(&self, now: Timestamp) -> (f64, f64) {
        let first = self.open.first().copied().unwrap_or(self.base);
        // Who knows what it is that comes so fast and does not end?
        let usable = |s: &&Source| s.usable(now) && s.has(first) && !s.has_outgrown();
        let rates = self.sources.values().filter(usable);
        let rates = rates.filter_map(|s| s.speed.rate());
        let (sum, count) = rates.fold((0.0, 0.0), |(sum, count), rate| (sum + rate, count + 1.0));
        (sum / f64::max(count, 1.0), f64::max(sum, 1.0))
    }

    fn rate_below(&self, now: Timestamp, peer: PeerId, limit: f64) -> bool {
        let source = self.sources.get(&peer);
        source.is_some_and(|source| source.speed.is_below(limit, now))
    }

    /// The second half of the pool is not for a slow peer: it would hold credits for long which are with a faster one for a
    /// moment.
    fn is_for_the_fast(&self, now: Timestamp, peer: PeerId, usual: f64) -> bool {
        self.credits.free() < self.credits.capacity() / 2
            && self.rate_below(now, peer, usual / SLOW)
    }

    /// Near the end: a slow peer would still be at one more block when all together have fetched the rest, which takes `rest`
    /// seconds. Whoever is not slow is asked in any case, so that there is always somebody.
    fn is_too_late(&self, now: Timestamp, peer: PeerId, usual: f64, rest: f64) -> bool {
        rest < LONG
            && self.rate_below(now, peer, usual / 2.0)
            && self.sources.get(&peer).is_some_and(|source| {
                let bytes = source.in_flight_bytes() + source.block_size(&self.size);
                source.speed.time_for(bytes).as_secs_f64() > rest + AT_WORK
            })
    }

    /// Part of the pool that only a hedge may use, so that slow peers cannot hold all credits while the front waits: a few
    /// blocks will do, and that is little of a pool for large blocks.
    fn reserve(&self) -> u64 {
        (self.credits.capacity() / RESERVE).min(2 * self.size.bytes())
    }

    fn batch_bytes(&self) -> u64 {
        self.size
            .bytes()
            .saturating_mul(self.limits.batch.max(1) as u64)
    }

    /// Enough credits for a request that is worth it, or nothing else outstanding.
    fn has_credits(&self) -> bool {
        let capacity = self.credits.capacity();
        let worth = self
            .batch_bytes()
            .min(capacity / RESERVE)
            .min(WORTH_A_REQUEST)
            .max(self.size.bytes());
        self.credits.idle() || self.credits.free() >= worth.saturating_add(self.reserve())
    }

    /// What a peer is asked for before it was measured, in bytes: all peers together a small part of what is left to be asked for,
    /// so that nobody sits on much of a short chain, and that a long one starts at once.
    fn first_target(&self) -> u64 {
        let left = self.size.bytes().saturating_mul(self.open.len() as u64);
        (left / (FIRST_PART * self.sources.len().max(1) as u64)).clamp(FIRST_TARGET, MOST_AT_FIRST)
    }

    fn turn(&mut self, now: Timestamp, peer: PeerId) -> Turn {
        let first = self.first_target();
        let spare = self.credits.free().saturating_sub(self.reserve());
        let capacity = self.credits.capacity();
        let alone = self.sources.len() == 1;
        let fair = self.fair_share();
        let Some(source) = self.sources.get_mut(&peer) else {
            return Turn::Gone;
        };
        source.queued = false;
        if !source.usable(now) {
            return Turn::Full;
        }
        let bytes = source.block_size(&self.size);
        let room = if alone {
            source.room_of_one(capacity)
        } else if bytes > self.size.bytes() {
            // Nobody gets more of the pool by what it does not complete.
            source.room(fair, bytes, first)
        } else {
            // No peer may hold more than half the pool while others could use it.
            source.room(capacity / 2, bytes, first)
        };
        let most = if alone {
            MOST_PER_PEER
        } else {
            source.most_blocks().min(MOST_PER_PEER)
        };
        // Not for a block or two, where many would be asked for soon.
        if room == 0 || source.in_flight() > most - most / 4 {
            return Turn::Full;
        }
        let Some((low, high)) = source.range.filter(|(low, high)| low <= high) else {
            return Turn::Full;
        };
        let count = usize::try_from(room.min(spare).div_ceil(bytes))
            .unwrap_or(usize::MAX)
            .min(most - source.in_flight())
            .clamp(1, self.limits.batch.max(1));
        let heights: Vec<Height> = self.open.range(low..=high).take(count).copied().collect();
        if heights.is_empty() {
            source.parked = true;
            return Turn::NothingOpen;
        }
        let mut blocks = Vec::with_capacity(heights.len());
        for height in heights {
            if let Some(hash) = self.at(height) {
                // The last block of a batch may need more than was left.
                if !blocks.is_empty() && self.credits.free() < bytes {
                    break;
                }
                self.ask(now, peer, height, hash);
                blocks.push((height, hash));
            }
        }
        self.enqueue(peer);
        Turn::Asked(Request { peer, blocks })
    }

    pub(super) fn at(&self, height: Height) -> Option<BlockHash> {
        let offset = height.checked_sub(self.base)?;
        self.window.get(offset as usize).copied()
    }

    /// Books a request.
    pub(super) fn ask(&mut self, now: Timestamp, peer: PeerId, height: Height, hash: BlockHash) {
        let seq = self.next_seq;
        let (Some(source), Some(wanted)) =
            (self.sources.get_mut(&peer), self.blocks.get_mut(&hash))
        else {
            return;
        };
        self.next_seq += 1;
        let bytes = source.block_size(&self.size);
        let expected = source
            .speed
            .time_for(source.in_flight_bytes().saturating_add(bytes));
        source.ask(
            seq,
            Asked {
                hash,
                height,
                bytes,
                credits: bytes,
                at: now,
                due: now + allowed(expected),
                given_up: false,
            },
        );
        wanted.state = State::Asked;
        wanted.holders.push((peer, seq));
        if wanted.on_route {
            self.open.remove(&height);
        }
        let alone = self.credits.idle();
        self.credits.ask(bytes);
        if !alone {
            let out = self.credits.asked() + self.credits.held();
            self.peak_credits = self.peak_credits.max(out);
        }
    }

    pub(super) fn wake_parked(&mut self) {
        for peer in std::mem::take(&mut self.parked) {
            self.enqueue(peer);
        }
    }

    /// What was asked for from this height on is reckoned with anew: blocks are of another order of size than was thought.
    pub(super) fn reprice(&mut self, now: Timestamp, from: Height) {
        let peers: Vec<PeerId> = self.sources.keys().copied().collect();
        for peer in peers {
            self.reprice_of(now, peer, from);
        }
    }

    /// The same, of one peer's blocks.
    pub(super) fn reprice_of(&mut self, now: Timestamp, peer: PeerId, from: Height) {
        let share = self.fair_share();
        if let Some(source) = self.sources.get_mut(&peer) {
            let bytes = source.block_size(&self.size);
            let (before, after) = source.reprice(now, from, bytes, share);
            self.credits.unask(before);
            self.credits.ask(after);
        }
    }

    /// What a peer may hold of half the pool if all have the same.
    fn fair_share(&self) -> u64 {
        self.credits.capacity() / (2 * self.sources.len().max(1) as u64)
    }

    /// Asks one peer for blocks beside the way to the best header (a branch that is worth having), as far as limits
    /// allow.
    pub(crate) fn fetch_branch(
        &mut self,
        now: Timestamp,
        peer: PeerId,
        blocks: &[(Height, BlockHash)],
    ) -> Option<Request> {
        let usable = self.sources.get(&peer).is_some_and(|s| s.usable(now));
        if !usable || self.paused_until.is_some() {
            return None;
        }
        let mut asked = Vec::new();
        for &(height, hash) in blocks {
            if self.blocks.contains_key(&hash) || self.was_asked(peer, &hash) {
                continue;
            }
            if !self.credits.idle() && self.credits.free() < self.size.bytes() {
                break;
            }
            self.blocks.insert(
                hash,
                Wanted {
                    height,
                    on_route: false,
                    state: State::Open,
                    holders: Vec::with_capacity(MOST_HOLDERS),
                },
            );
            self.ask(now, peer, height, hash);
            asked.push((height, hash));
        }
        if asked.is_empty() {
            return None;
        }
        if self.next_check.is_none() {
            self.next_check = Some(now + super::patience::CHECK_INTERVAL);
        }
        Some(Request {
            peer,
            blocks: asked,
        })
    }
}

impl Download {
    /// Asks one peer for a block because the user wants it from there, whatever the limits. Whoever was asked before is not
    /// waited for any longer. `None` if the peer cannot be asked, or owes the block already, or the block is here.
    pub(crate) fn fetch_for_user(
        &mut self,
        now: Timestamp,
        peer: PeerId,
        height: Height,
        hash: BlockHash,
    ) -> Option<Request> {
        if !self.sources.contains_key(&peer) || self.was_asked(peer, &hash) {
            return None;
        }
        let holders = match self.blocks.get(&hash) {
            Some(wanted) if matches!(wanted.state, State::Checking { .. } | State::Stored) => {
                return None;
            }
            Some(wanted) => wanted.holders.clone(),
            None => Vec::new(),
        };
        for (holder, seq) in holders {
            self.give_up(now, holder, seq);
        }
        self.blocks.entry(hash).or_insert(Wanted {
            height,
            on_route: false,
            state: State::Open,
            holders: Vec::with_capacity(MOST_HOLDERS),
        });
        self.ask(now, peer, height, hash);
        if self.next_check.is_none() {
            self.next_check = Some(now + super::patience::CHECK_INTERVAL);
        }
        Some(Request {
            peer,
            blocks: vec![(height, hash)],
        })
    }
}

enum Turn {
    Asked(Request),
    /// No room, or not to be asked now; whatever changes that puts it back into the queue.
    Full,
    NothingOpen,
    Gone,
}
