//! Which block is asked of whom, and when somebody else is asked instead.
//!
//! # The problem
//!
//! The chain of headers says which hundreds of thousands of blocks are needed, and a dozen strangers have them. They
//! deliver at anything between a kilobyte and a gigabyte a second, some of them stop, some of them lie, and nothing that
//! they say about themselves can be relied upon. The blocks should arrive as fast as our own link carries them, roughly in
//! order of height (later stages take them in order), without any of them being fetched twice, in bounded memory.
//!
//! # The attack
//!
//! A peer that wants to hold a node back accepts requests and answers slowly, or not at all; or it delivers bodies that do
//! not belong to their headers. If each block is tied to one peer, and the window cannot slide over a missing block, then
//! one such peer stops everybody. A fixed timeout is no answer: a short one throws honest peers on slow links away (and on
//! a slow link of our own, all of them), a long one gives the attacker its length, again and again.
//!
//! # The window and the credits
//!
//! The window is the run of blocks, from the first one that is not stored, which may be asked for now. It slides when its
//! front is stored. Because every block goes to the disk as soon as it was checked, in whatever order, a wide window costs
//! no memory; its width only bounds how far the order on disk strays from the order of heights.
//!
//! The window does not wait for validation: connecting a block takes longer than storing it, and a link that stands idle
//! now is time lost. So blocks may be stored far ahead of the active chain's tip, up to the best header. What bounds that
//! is the chain itself: only the way to the best header is fetched, which has proven the network's minimum of work, and
//! every block of it has to be on this disk anyway. If one of them turns out to be invalid, all that was fetched on top of
//! it was for nothing, at the price of its proof of work to whoever made it.
//!
//! Memory is bounded by [`credits::Credits`] alone: from the request until the verdict every block holds credits, by what its
//! size was thought to be; what one peer owes beyond its share takes no more when blocks turn out larger (it is not here soon).
//! Of a block that is not complete nobody knows whether it ever will be: its size counts for what else its sender owes, and
//! for nobody else ([`source::Source::block_size`]).
//!
//! # Who is asked
//!
//! Peers with room for more stand in a queue. Each in turn gets the next batch of open blocks that it has. Room is measured
//! ([`speed::Speed`]): the bandwidth-delay product, at least one block. So a fast peer comes by often and a slow one seldom,
//! with no figure to set. A turn costs a few look-ups in ordered sets; nothing walks over the window or over all peers for
//! a block. One is skipped until something changes for it when its range holds nothing open; and one that lacks room is
//! out of the queue until it delivers.
//!
//! # The states of a block
//!
//! ```text
//!        ask               arrives             stored
//! Open -------> Asked ----------------> Checking -------> Stored (gone when the window has slid over it)
//!   ^            | |  ^                    |
//!   |            | +--+ a second or third  |
//!   |            |      peer is asked      |
//!   +------------+                         |
//!   ^  all were given up                   |
//!   +--------------------------------------+ body refused, or our own failure
//! ```
//!
//! A block is in exactly one state, kept in exactly one place. What is `Checking` is never handed out again, and a second
//! copy is dropped on arrival.
//!
//! # Slow, silent, convicted
//!
//! Three things of growing weight happen, and only the last one ends a connection:
//!
//! 1. *Hedging*: when the block at the window's front is late, or holds everybody else up, a peer that is expected to be
//!    clearly faster is asked for it too. The first copy counts. When nothing is left to ask for, whoever is free does the
//!    same with the blocks that would come last.
//! 2. *Giving to others*: a peer of which no byte came for a while, while it owes blocks and others do deliver, is
//!    silent. Everything it owes becomes open again. If it speaks after all, what it sends is still taken.
//! 3. *Conviction*: a peer that stays silent is disconnected, so that a better one can take its place; not if the user
//!    named it, and not if the silence can be ours: while the pipeline lags behind, requests pause, or the connection is
//!    not read, all clocks stand still. Each conviction doubles the patience for a while, so that a hiccup of our own link
//!    cannot cost all peers at once.
//!
//! Nobody's timeout is needed for progress: a block moves on as soon as any other peer could deliver it.

pub(crate) mod credits;
mod finish;
mod patience;
mod report;
mod room;
mod schedule;
mod size;
mod source;
pub(crate) mod speed;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Timestamp};

use self::credits::Credits;
pub(crate) use self::patience::Finding;
use self::room::Room;
pub(crate) use self::schedule::Request;
use self::size::SizeEstimate;
use self::source::Source;
use crate::io::PeerId;

/// What the download may use.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Blocks in one request.
    pub(crate) batch: usize,
    /// Bytes on their way or in our hands.
    pub(crate) credit_bytes: u64,
    /// Widest window, in blocks.
    pub(crate) window_blocks: usize,
    /// Widest window, in estimated bytes (but never fewer than a few hundred blocks).
    pub(crate) window_bytes: u64,
}

/// Peers that may owe us the same block.
const MOST_HOLDERS: usize = 3;

/// The way to the best header, as the header tree knows it.
pub(crate) trait Route {
    /// Height of the best header.
    fn end(&self) -> Height;
    /// Hash of the block at a height up to [`Route::end`] on the way to the best header.
    fn hash(&self, height: Height) -> BlockHash;
    /// Whether that block is stored.
    fn stored(&self, hash: &BlockHash) -> bool;
}

/// Where a block stands. See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Open,
    Asked,
    Checking { bytes: u64 },
    Stored,
}

#[derive(Clone, Debug)]
struct Wanted {
    height: Height,
    /// Part of the way to the best header, so in the window.
    on_route: bool,
    state: State,
    /// Who owes it, and the number of the request.
    holders: Vec<(PeerId, u64)>,
}

/// What an arriving block is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is wanted: have it checked.
    Check,
    /// It was asked for, but came from somebody else before.
    Duplicate,
    /// Nobody asked this peer for it.
    NotAsked,
}

/// What became of a block that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is stored.
    Stored,
    /// It has to be fetched again.
    Again,
    /// It can never be part of the chain.
    Gone,
}

/// The download of blocks. See the module's documentation.
pub(crate) struct Download {
    limits: Limits,
    blocks: HashMap<BlockHash, Wanted>,
    window: VecDeque<BlockHash>,
    /// Height of the window's front.
    base: Height,
    /// Heights in the window that nobody owes us.
    open: BTreeSet<Height>,
    sources: BTreeMap<PeerId, Source>,
    /// Those with room for more, in turn.
    queue: VecDeque<PeerId>,
    /// Those with room whose range held nothing open when it was their turn.
    parked: BTreeSet<PeerId>,
    credits: Credits,
    size: SizeEstimate,
    room: Room,
    next_seq: u64,
    /// Blocks whose verdict is not known.
    checking: usize,
    /// Last time that a verdict came, or that the first block was handed in.
    pipeline_moved: Timestamp,
    paused_until: Option<Timestamp>,
    pause: Duration,
    /// Silence before this time was ours.
    excused: Timestamp,
    /// Last time that any peer delivered anything.
    any_progress: Timestamp,
    stall_timeout: Duration,
    next_check: Option<Timestamp>,
    /// Last time that somebody was looked for to help with the last blocks.
    helped_out: Timestamp,
    /// Most credits that were out when something was asked for, in bytes; a block that was asked for alone is left out.
    peak_credits: u64,
}

impl Download {
    pub(crate) fn new(limits: Limits, now: Timestamp) -> Self {
        let credits = Credits::new(limits.credit_bytes);
        Self {
            limits,
            blocks: HashMap::new(),
            window: VecDeque::new(),
            base: 0,
            open: BTreeSet::new(),
            sources: BTreeMap::new(),
            queue: VecDeque::new(),
            parked: BTreeSet::new(),
            credits,
            size: SizeEstimate::new(),
            room: Room::new(),
            next_seq: 0,
            checking: 0,
            pipeline_moved: now,
            paused_until: None,
            pause: patience::FIRST_PAUSE,
            excused: now,
            any_progress: now,
            stall_timeout: patience::SHORTEST,
            next_check: None,
            helped_out: now,
            peak_credits: 0,
        }
    }

    // ---- the way ----

    /// The best header, or what is stored of the way to it, changed otherwise than by [`Download::judged`]. `front` is
    /// the height of the first block on the way that is not part of the active chain.
    pub(crate) fn reroute(&mut self, route: &impl Route, front: Height) {
        let still_fits = front >= self.base
            && match self.window.back() {
                None => front == self.base,
                Some(last) => {
                    let height = self.base + (self.window.len() - 1) as Height;
                    height <= route.end() && route.hash(height) == *last
                }
            };
        if !still_fits {
            for hash in std::mem::take(&mut self.window) {
                if let Some(wanted) = self.blocks.get_mut(&hash) {
                    wanted.on_route = false;
                    if matches!(wanted.state, State::Open | State::Stored) {
                        self.blocks.remove(&hash);
                    }
                }
            }
            self.open.clear();
            self.room.stored = 0;
            self.base = front;
        }
        self.slide(route);
    }

    /// Takes stored blocks off the window's front and puts new ones to its end.
    fn slide(&mut self, route: &impl Route) {
        self.trim();
        loop {
            while let Some(front) = self.window.front() {
                let stored = match self.blocks.get(front) {
                    Some(wanted) => wanted.state == State::Stored,
                    None => true,
                };
                if !stored {
                    break;
                }
                self.room.stored -= usize::from(self.blocks.remove(front).is_some());
                self.window.pop_front();
                self.base += 1;
                self.stall_timeout = patience::relaxed(self.stall_timeout);
            }
            let width = self.width();
            let mut more = false;
            while self.window.len() < width {
                let height = self.base + self.window.len() as Height;
                if !self.may_append(route, height) {
                    break;
                }
                self.append(route, height);
                more = true;
            }
            if !more {
                break;
            }
        }
    }

    fn append(&mut self, route: &impl Route, height: Height) {
        let hash = route.hash(height);
        let wanted = self.blocks.entry(hash).or_insert_with(|| Wanted {
            height,
            on_route: true,
            state: if route.stored(&hash) {
                State::Stored
            } else {
                State::Open
            },
            holders: Vec::new(),
        });
        wanted.on_route = true;
        self.room.stored += usize::from(wanted.state == State::Stored);
        if wanted.state == State::Open {
            self.open.insert(height);
        }
        self.window.push_back(hash);
    }

    // ---- the peers ----

    /// A peer that can serve blocks is ready.
    pub(crate) fn join(&mut self, now: Timestamp, peer: PeerId, manual: bool) {
        self.sources.insert(peer, Source::new(now, manual));
    }

    /// A peer is gone: what it owed is open again. Returns how many blocks that were.
    pub(crate) fn leave(&mut self, peer: PeerId) -> usize {
        self.parked.remove(&peer);
        let Some(source) = self.sources.remove(&peer) else {
            return 0;
        };
        for (seq, asked) in source.waiting() {
            self.credits.unask(asked.credits);
            self.dropped(peer, seq, &asked.hash);
        }
        source.in_flight()
    }

    /// Which heights on the way to the best header a peer has.
    pub(crate) fn set_range(&mut self, peer: PeerId, range: Option<(Height, Height)>) {
        let Some(source) = self.sources.get_mut(&peer) else {
            return;
        };
        if source.range != range {
            source.range = range;
            if range.is_some() {
                self.enqueue(peer);
            }
        }
    }

    /// A ping was answered.
    pub(crate) fn round_trip(&mut self, peer: PeerId, took: Duration) {
        if let Some(source) = self.sources.get_mut(&peer) {
            source.speed.round_trip(took);
        }
    }

    /// A part of a message came: so many bytes since the last report.
    pub(crate) fn receiving(&mut self, now: Timestamp, peer: PeerId, bytes: usize) {
        self.progress(now, peer);
        if let Some(source) = self.sources.get_mut(&peer)
            && source.in_flight() > 0
        {
            if let Some(height) = source.part_came(now, bytes, &self.size) {
                self.reprice_of(now, peer, height);
            }
            self.enqueue(peer);
        }
    }

    /// Bytes came that can be part of a block.
    pub(crate) fn progress(&mut self, now: Timestamp, peer: PeerId) {
        if let Some(source) = self.sources.get_mut(&peer) {
            source.progress = now;
            self.any_progress = now;
            if source.stalled.take().is_some() {
                self.enqueue(peer);
            }
        }
    }

    /// The connection is read, or not.
    pub(crate) fn set_reading(&mut self, now: Timestamp, peer: PeerId, reading: bool) {
        if let Some(source) = self.sources.get_mut(&peer) {
            source.reading = reading;
            source.progress = source.progress.max(now);
            if reading {
                self.enqueue(peer);
            }
        }
    }

    fn enqueue(&mut self, peer: PeerId) {
        self.parked.remove(&peer);
        if let Some(source) = self.sources.get_mut(&peer) {
            source.parked = false;
            if !source.queued {
                source.queued = true;
                self.queue.push_back(peer);
            }
        }
    }

    // ---- the blocks ----

    /// A block came.
    pub(crate) fn arrived(
        &mut self,
        now: Timestamp,
        peer: PeerId,
        hash: &BlockHash,
        bytes: usize,
    ) -> Arrival {
        self.progress(now, peer);
        let asked = self.sources.get_mut(&peer).and_then(|source| {
            source.block_came(now, hash, bytes);
            let (seq, asked) = source.answered(now, hash)?;
            Some((source, seq, asked))
        });
        let was_asked = asked.is_some();
        if let Some((source, seq, asked)) = asked {
            source.blocks += 1;
            source.rest = Duration::ZERO;
            if !asked.given_up {
                self.credits.unask(asked.credits);
            }
            if let Some(wanted) = self.blocks.get_mut(hash) {
                wanted.holders.retain(|h| *h != (peer, seq));
            }
            self.enqueue(peer);
        }
        let Some(wanted) = self.blocks.get_mut(hash) else {
            return if was_asked {
                Arrival::Duplicate
            } else {
                Arrival::NotAsked
            };
        };
        match wanted.state {
            State::Open | State::Asked => {
                if wanted.on_route {
                    self.open.remove(&wanted.height);
                }
                let height = wanted.height;
                if self.size.saw(bytes) {
                    self.reprice(now, height);
                }
                self.check(now, hash, bytes);
                Arrival::Check
            }
            State::Checking { .. } | State::Stored => Arrival::Duplicate,
        }
    }

    /// A block that nobody asked for is taken in.
    pub(crate) fn adopt(&mut self, now: Timestamp, hash: BlockHash, height: Height, bytes: usize) {
        self.blocks.entry(hash).or_insert(Wanted {
            height,
            on_route: false,
            state: State::Open,
            holders: Vec::new(),
        });
        self.check(now, &hash, bytes);
    }

    /// A block that did not come from a peer is being checked; whoever owes it need not hurry.
    pub(crate) fn take_over(
        &mut self,
        now: Timestamp,
        hash: BlockHash,
        height: Height,
        bytes: usize,
    ) {
        if let Some(wanted) = self.blocks.get(&hash)
            && matches!(wanted.state, State::Checking { .. } | State::Stored)
        {
            return;
        }
        self.open.remove(&height);
        self.adopt(now, hash, height, bytes);
    }

    fn check(&mut self, now: Timestamp, hash: &BlockHash, bytes: usize) {
        if let Some(wanted) = self.blocks.get_mut(hash) {
            let bytes = bytes as u64;
            wanted.state = State::Checking { bytes };
            self.credits.hold(bytes);
            if self.checking == 0 {
                self.pipeline_moved = now;
            }
            self.checking += 1;
        }
    }

    /// A block that was handed in for checking has its verdict. Returns whether it was one of ours.
    pub(crate) fn judged(
        &mut self,
        now: Timestamp,
        hash: &BlockHash,
        judged: Judged,
        route: &impl Route,
    ) -> bool {
        let Some(wanted) = self.blocks.get_mut(hash) else {
            return false;
        };
        let State::Checking { bytes } = wanted.state else {
            return false;
        };
        self.credits.release(bytes);
        self.checking = self.checking.saturating_sub(1);
        self.pipeline_moved = now;
        match judged {
            Judged::Stored if wanted.on_route => {
                wanted.state = State::Stored;
                self.room.stored += 1;
            }
            Judged::Again if !wanted.holders.is_empty() => wanted.state = State::Asked,
            Judged::Again if wanted.on_route => {
                wanted.state = State::Open;
                self.open.insert(wanted.height);
                self.wake_parked();
            }
            // A block on the way that is gone takes its place away with it: the caller reroutes.
            Judged::Gone if wanted.on_route => wanted.state = State::Open,
            Judged::Stored | Judged::Again | Judged::Gone => {
                self.blocks.remove(hash);
            }
        }
        if judged == Judged::Stored {
            self.pause = patience::FIRST_PAUSE;
            self.slide(route);
        }
        true
    }

    /// The peer does not have what it was asked for.
    pub(crate) fn not_found(&mut self, now: Timestamp, peer: PeerId, hash: &BlockHash) -> bool {
        let Some((source, (seq, asked))) = self
            .sources
            .get_mut(&peer)
            .and_then(|s| s.answered(now, hash).map(|a| (s, a)))
        else {
            return false;
        };
        // Whoever announced a chain and lacks its blocks is asked again later, ever more seldom.
        source.rest = (source.rest * 2).clamp(SHORTEST_REST, LONGEST_REST);
        source.rests_until = now + source.rest;
        self.any_progress = now;
        if !asked.given_up {
            self.credits.unask(asked.credits);
            self.dropped(peer, seq, hash);
        }
        true
    }

    /// A message was damaged that can have been the oldest block this peer owes.
    pub(crate) fn damaged(&mut self, now: Timestamp, peer: PeerId) {
        self.progress(now, peer);
        let oldest = self.sources.get_mut(&peer).and_then(|source| {
            let hash = source.unanswered().next()?.hash;
            source.answered(now, &hash)
        });
        if let Some((seq, asked)) = oldest {
            if !asked.given_up {
                self.credits.unask(asked.credits);
                self.dropped(peer, seq, &asked.hash);
            }
            self.enqueue(peer);
        }
    }

    fn give_up(&mut self, now: Timestamp, peer: PeerId, seq: u64) {
        let given = self
            .sources
            .get_mut(&peer)
            .and_then(|source| source.give_up(now, seq));
        if let Some((hash, _, bytes)) = given {
            self.credits.unask(bytes);
            self.dropped(peer, seq, &hash);
        }
    }

    /// A peer does not owe this block any more.
    fn dropped(&mut self, peer: PeerId, seq: u64, hash: &BlockHash) {
        if let Some(wanted) = self.blocks.get_mut(hash) {
            wanted.holders.retain(|h| *h != (peer, seq));
            if wanted.holders.is_empty() && wanted.state == State::Asked {
                if wanted.on_route {
                    wanted.state = State::Open;
                    self.open.insert(wanted.height);
                    self.wake_parked();
                } else {
                    self.blocks.remove(hash);
                }
            }
        }
    }
}

/// How long a peer is left alone that lacks a block it should have.
const SHORTEST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(600);
