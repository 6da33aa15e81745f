//! The policy that tutorials teach: whoever has nothing to do gets the next twenty blocks.
//!
//! Headers come from the first peer, once. A batch whose last answer is a minute old is given to somebody else, and its
//! peer is dropped. There is no window: blocks are taken in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tipward_primitives::{Height, Timestamp};

use super::chain::Chain;
use super::policy::{Ask, Command, Event, Peer, Policy};
use super::world::MAX_HEADERS;

const BATCH: usize = 20;
const TIMEOUT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct State {
    owes: BTreeSet<Height>,
    last_answer: Timestamp,
    greeted: bool,
}

/// The tutorials' policy.
#[derive(Debug)]
pub struct Tutorial {
    chain: Arc<Chain>,
    peers: BTreeMap<Peer, State>,
    headers_from: Option<Peer>,
    /// Height up to which headers are known.
    known: Height,
    /// Height after the highest one asked for.
    next: Height,
    /// Lower ones that have to be asked for again.
    again: BTreeSet<Height>,
    looking: bool,
}

impl Tutorial {
    /// Nothing was fetched.
    pub fn new(chain: Arc<Chain>) -> Self {
        Self {
            chain,
            peers: BTreeMap::new(),
            headers_from: None,
            known: 0,
            next: 1,
            again: BTreeSet::new(),
            looking: false,
        }
    }

    fn ask_for_headers(&mut self, out: &mut Vec<Command>) {
        if self.headers_from.is_none() {
            let greeted = self.peers.iter().find(|(_, s)| s.greeted);
            self.headers_from = greeted.map(|(peer, _)| *peer);
        }
        if let Some(peer) = self.headers_from.filter(|_| self.known < self.chain.tip()) {
            out.push(Command::Ask(peer, Ask::Headers(self.known, Height::MAX)));
        }
    }

    fn ask_for_blocks(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        for (peer, state) in &mut self.peers {
            if !state.greeted || !state.owes.is_empty() {
                continue;
            }
            while state.owes.len() < BATCH {
                let height = match self.again.pop_first() {
                    Some(height) => height,
                    None if self.next <= self.known => {
                        self.next += 1;
                        self.next - 1
                    }
                    None => break,
                };
                state.owes.insert(height);
                out.push(Command::Ask(*peer, Ask::Block(height)));
            }
            state.last_answer = now;
        }
    }
}

impl Policy for Tutorial {
    fn input(&mut self, now: Timestamp, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Came(peer) => {
                self.peers.insert(peer, State::default());
                out.push(Command::Ask(peer, Ask::Hello));
            }
            Event::Left(peer) => {
                if let Some(state) = self.peers.remove(&peer) {
                    self.again.extend(state.owes);
                }
                if self.headers_from == Some(peer) {
                    self.headers_from = None;
                    self.ask_for_headers(out);
                }
            }
            Event::Answer(peer, Ask::Hello) => {
                if let Some(state) = self.peers.get_mut(&peer) {
                    state.greeted = true;
                }
                if self.headers_from.is_none() {
                    self.ask_for_headers(out);
                }
            }
            Event::Answer(_, Ask::Headers(after, _)) => {
                self.known = self.known.max(self.chain.tip().min(after + MAX_HEADERS));
                self.ask_for_headers(out);
            }
            Event::Answer(peer, Ask::Block(height)) => {
                if let Some(state) = self.peers.get_mut(&peer) {
                    state.owes.remove(&height);
                    state.last_answer = now;
                }
            }
            Event::Answer(_, Ask::Ping(_)) | Event::Part(..) => return,
            Event::Wake(_) => {
                self.looking = false;
                for (peer, state) in &self.peers {
                    if !state.owes.is_empty() && state.last_answer + TIMEOUT < now {
                        out.push(Command::Drop(*peer));
                    }
                }
            }
        }
        self.ask_for_blocks(now, out);
        if !std::mem::replace(&mut self.looking, true) {
            out.push(Command::Wake(now + LOOK, 0));
        }
    }
}
