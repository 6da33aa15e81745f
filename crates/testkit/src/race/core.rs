//! Bitcoin Core's policy, as `net_processing.cpp` has it in 2025: what of it matters for an initial download.
//!
//! - Headers come from one peer; a chain that has to show the minimum of work is fetched twice, and kept from the second
//!   time on.
//! - A peer owes 16 blocks at most, and is asked for more as soon as one has come. Blocks lie less than 1024 above the
//!   last one before which none is missing.
//! - When a peer owes nothing and could be given nothing because of that window, whoever owes the window's first missing
//!   block is the staller. It has two seconds to deliver anything; that doubles with every staller that is disconnected,
//!   up to 64 seconds, and shrinks by 15 % with every block that is connected.
//! - A peer whose oldest block is in flight for ten minutes, and five more for each other peer that owes blocks, is
//!   disconnected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tipward_primitives::{Height, Timestamp};

use super::chain::Chain;
use super::policy::{Ask, Command, Event, Peer, Policy};
use super::world::MAX_HEADERS;

const MOST_IN_FLIGHT: usize = 16;
const WINDOW: Height = 1024;
const STALLING: Duration = Duration::from_secs(2);
const LONGEST_STALLING: Duration = Duration::from_secs(64);
const TIMEOUT: Duration = Duration::from_secs(600);
const TIMEOUT_FOR_EACH: Duration = Duration::from_secs(300);
/// Timeouts are looked at this often.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct State {
    in_flight: Vec<Height>,
    downloading_since: Timestamp,
    stalling_since: Option<Timestamp>,
    greeted: bool,
}

/// Bitcoin Core's policy.
#[derive(Debug)]
pub struct Core {
    chain: Arc<Chain>,
    peers: BTreeMap<Peer, State>,
    owed: BTreeMap<Height, Peer>,
    /// Blocks that are here, above the first that is missing.
    above: BTreeSet<Height>,
    first_missing: Height,
    /// Lowest height that nobody was asked for, or one below it.
    next: Height,
    headers: Headers,
    stalling: Duration,
    looking: bool,
}

/// One peer's headers, twice.
#[derive(Debug, Default)]
struct Headers {
    from: Option<Peer>,
    /// Height up to which they came this time.
    height: Height,
    /// They come for the second time.
    kept: bool,
}

impl Core {
    /// Nothing was fetched.
    pub fn new(chain: Arc<Chain>) -> Self {
        Self {
            chain,
            peers: BTreeMap::new(),
            owed: BTreeMap::new(),
            above: BTreeSet::new(),
            first_missing: 1,
            next: 1,
            headers: Headers::default(),
            stalling: STALLING,
            looking: false,
        }
    }

    /// Height up to which blocks may be asked for: none before the kept headers have the minimum of work, which nearly all of
    /// mainnet's have together.
    fn known(&self) -> Height {
        if self.headers.kept && self.headers.height == self.chain.tip() {
            self.headers.height
        } else {
            0
        }
    }

    fn ask_for_headers(&mut self, out: &mut Vec<Command>) {
        if self.headers.from.is_none() && !(self.headers.kept && self.known() == self.chain.tip()) {
            let greeted = self.peers.iter().find(|(_, s)| s.greeted);
            self.headers.from = greeted.map(|(peer, _)| *peer);
            if !self.headers.kept {
                self.headers.height = 0;
            }
        }
        if let Some(peer) = self.headers.from {
            let ask = Ask::Headers(self.headers.height, Height::MAX);
            out.push(Command::Ask(peer, ask));
        }
    }

    fn headers(&mut self, after: Height, out: &mut Vec<Command>) {
        self.headers.height = self.chain.tip().min(after + MAX_HEADERS);
        if self.headers.height == self.chain.tip() {
            if self.headers.kept {
                self.headers.from = None;
                return;
            }
            self.headers.kept = true;
            self.headers.height = 0;
        }
        self.ask_for_headers(out);
    }

    fn block(&mut self, now: Timestamp, peer: Peer, height: Height) {
        if self.owed.get(&height) == Some(&peer) {
            self.owed.remove(&height);
        }
        if let Some(state) = self.peers.get_mut(&peer) {
            if state.in_flight.first() == Some(&height) {
                state.downloading_since = now;
            }
            state.in_flight.retain(|h| *h != height);
            state.stalling_since = None;
        }
        if height >= self.first_missing {
            self.above.insert(height);
        }
        while self.above.remove(&self.first_missing) {
            self.first_missing += 1;
            self.stalling = self.stalling.mul_f64(0.85).max(STALLING);
        }
    }

    /// `FindNextBlocksToDownload`, and what `SendMessages` makes of it.
    fn ask_for_blocks(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        let end = self.known().min(self.first_missing - 1 + WINDOW);
        let peers: Vec<Peer> = self.peers.keys().copied().collect();
        for peer in peers {
            let Some(state) = self.peers.get_mut(&peer).filter(|s| s.greeted) else {
                continue;
            };
            while state.in_flight.len() < MOST_IN_FLIGHT {
                while self.next <= end
                    && (self.next < self.first_missing
                        || self.above.contains(&self.next)
                        || self.owed.contains_key(&self.next))
                {
                    self.next += 1;
                }
                if self.next > end {
                    break;
                }
                if state.in_flight.is_empty() {
                    state.downloading_since = now;
                }
                state.in_flight.push(self.next);
                self.owed.insert(self.next, peer);
                out.push(Command::Ask(peer, Ask::Block(self.next)));
            }
            let starved = state.in_flight.is_empty() && end < self.known();
            if starved
                && let Some(staller) = self.owed.get(&self.first_missing)
                && let Some(state) = self.peers.get_mut(staller)
            {
                state.stalling_since.get_or_insert(now);
            }
        }
    }

    fn look(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        let busy = self
            .peers
            .values()
            .filter(|s| !s.in_flight.is_empty())
            .count() as u32;
        for (peer, state) in &mut self.peers {
            let stalls = state
                .stalling_since
                .is_some_and(|since| since + self.stalling < now);
            let timeout = TIMEOUT + TIMEOUT_FOR_EACH * busy.saturating_sub(1);
            let late = !state.in_flight.is_empty() && state.downloading_since + timeout < now;
            if stalls || late {
                out.push(Command::Drop(*peer));
                state.stalling_since = None;
                if stalls {
                    self.stalling = (self.stalling * 2).min(LONGEST_STALLING);
                }
            }
        }
    }

    fn left(&mut self, peer: Peer, out: &mut Vec<Command>) {
        if let Some(state) = self.peers.remove(&peer) {
            for height in state.in_flight {
                self.owed.remove(&height);
                self.next = self.next.min(height);
            }
        }
        if self.headers.from == Some(peer) {
            self.headers.from = None;
            self.ask_for_headers(out);
        }
    }
}

impl Policy for Core {
    fn input(&mut self, now: Timestamp, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Came(peer) => {
                self.peers.insert(peer, State::default());
                out.push(Command::Ask(peer, Ask::Hello));
            }
            Event::Left(peer) => self.left(peer, out),
            Event::Answer(peer, Ask::Hello) => {
                if let Some(state) = self.peers.get_mut(&peer) {
                    state.greeted = true;
                }
                if self.headers.from.is_none() {
                    self.ask_for_headers(out);
                }
            }
            Event::Answer(_, Ask::Headers(after, _)) => self.headers(after, out),
            Event::Answer(peer, Ask::Block(height)) => self.block(now, peer, height),
            Event::Answer(_, Ask::Ping(_)) | Event::Part(..) => return,
            Event::Wake(_) => {
                self.looking = false;
                self.look(now, out);
            }
        }
        self.ask_for_blocks(now, out);
        if !std::mem::replace(&mut self.looking, true) {
            out.push(Command::Wake(now + LOOK, 0));
        }
    }
}
