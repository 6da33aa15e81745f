//! The world of a race: peers that come, answer and go, and what is counted of it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tipward_primitives::{Height, Timestamp};

use super::chain::Chain;
use super::crowd::{Crowd, Line};
use super::link::Link;
use super::policy::{Ask, Command, Event, Peer, Policy};

/// All that a race depends on, beside the policy.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What is fetched.
    pub chain: Arc<Chain>,
    /// From whom.
    pub crowd: Crowd,
    /// Bytes a second that our own line carries.
    pub own: f64,
    /// Our side is busy with other things so long in every second, and what came in that time is seen at its end, all at once.
    pub busy: Duration,
    /// Decides all that is left to chance.
    pub seed: u64,
    /// When a race is given up.
    pub time_limit: Duration,
}

/// What a race came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the first connection to the last block, or until it was given up.
    pub took: Duration,
    /// Whether all blocks came.
    pub finished: bool,
    /// Bytes of blocks that came, each counted once.
    pub bytes: u64,
    /// Bytes of blocks that came again.
    pub wasted: u64,
    /// Bytes that could have come: see the module's page.
    pub capacity: f64,
    /// When the first block came.
    pub first_block: Option<Duration>,
    /// Connections that were closed by us.
    pub dropped: u64,
    /// How much had come when: seconds, bytes; some hundreds of points, evenly over the bytes.
    pub progress: Vec<(f64, u64)>,
    /// Events that the policy was told of.
    pub events: u64,
}

impl Report {
    /// What came, as a part of what could have come.
    pub fn utilisation(&self) -> f64 {
        self.bytes as f64 / self.capacity.max(1.0)
    }
}

/// Points of [`Report::progress`].
const POINTS: u64 = 400;
/// Parts of long answers are told of this often. The node's sockets do so twice as often, which changes nothing but the
/// time that a race takes.
const PARTS: Duration = Duration::from_millis(500);
/// All connections are opened within this time.
const ARRIVALS: Duration = Duration::from_millis(500);
/// A peer that is gone is replaced after this time: an address is chosen, dialled, perhaps in vain.
const REPLACED: Duration = Duration::from_secs(5);
/// Bytes of a message's frame.
const FRAME: u64 = 24;
/// Bytes that no line carries before the race is over.
const ENDLESS: u64 = 1 << 50;
/// Headers in one message.
pub(super) const MAX_HEADERS: Height = 2000;

/// Something that happens in the world, at a place and to the connection that stands there then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Come(usize),
    Go(usize, Peer),
    /// A request of ours arrives.
    Asked(usize, Peer, AskOrd),
    /// An answer arrives.
    Answered(usize, Peer, AskOrd),
    Part(usize, Peer, u64),
    Parts,
    Wake(u64),
}

/// An [`Ask`] with an order, so that the queue has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AskOrd(Ask);

impl PartialOrd for AskOrd {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AskOrd {
    /// Entries of the queue have numbers, which decide before this is asked.
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    peer: Peer,
    line: Line,
    blocks: u64,
}

struct World<'a> {
    scenario: &'a Scenario,
    chain: &'a Chain,
    link: Link,
    places: Vec<Option<Connection>>,
    turns: Vec<u64>,
    by_peer: HashMap<Peer, usize>,
    next_peer: Peer,
    queue: BinaryHeap<Reverse<(Timestamp, u64, Happening)>>,
    seq: u64,
    begin: Timestamp,
    now: Timestamp,
    here: Vec<bool>,
    left: Height,
    next_point: u64,
    /// Bytes a second that could come now.
    could: f64,
    could_since: Timestamp,
    report: Report,
}

/// Runs a race to its end.
pub fn run(scenario: &Scenario, policy: &mut dyn Policy) -> Report {
    let begin = scenario.chain.now();
    let places = scenario.crowd.size();
    let mut world = World {
        scenario,
        chain: &scenario.chain,
        link: Link::new(scenario.own, places, begin),
        places: vec![None; places],
        turns: vec![0; places],
        by_peer: HashMap::new(),
        next_peer: 0,
        queue: BinaryHeap::new(),
        seq: 0,
        begin,
        now: begin,
        here: vec![false; scenario.chain.tip() as usize + 1],
        left: scenario.chain.tip(),
        next_point: 0,
        could: 0.0,
        could_since: begin,
        report: Report {
            took: Duration::ZERO,
            finished: false,
            bytes: 0,
            wasted: 0,
            capacity: 0.0,
            first_block: None,
            dropped: 0,
            progress: Vec::new(),
            events: 0,
        },
    };
    world.run(policy);
    world.report
}

impl World<'_> {
    fn run(&mut self, policy: &mut dyn Policy) {
        for place in 0..self.places.len() {
            let after = ARRIVALS * place as u32 / self.places.len() as u32;
            self.schedule(self.begin + after, Happening::Come(place));
        }
        self.schedule(self.begin + PARTS, Happening::Parts);
        let end = self.begin + self.scenario.time_limit;
        let mut commands = Vec::new();
        let mut sent = Vec::new();
        while self.left > 0 {
            let by_link = self.link.next();
            let by_queue = self.queue.peek().map(|Reverse((at, ..))| *at);
            let at = match (by_link, by_queue) {
                (Some(a), Some(b)) => a.min(b),
                (Some(at), None) | (None, Some(at)) => at,
                (None, None) => break,
            };
            if at > end {
                self.now = end;
                break;
            }
            self.now = self.now.max(at);
            if by_link == Some(at) {
                self.link.done(self.now, &mut sent);
                for (place, ask) in sent.drain(..) {
                    self.sent(place, ask);
                }
                continue;
            }
            let Some(Reverse((_, _, happening))) = self.queue.pop() else {
                break;
            };
            if let Some(event) = self.happen(happening) {
                self.report.events += 1;
                policy.input(self.now, event, &mut commands);
                for command in commands.drain(..) {
                    self.obey(command);
                }
            }
        }
        self.count_capacity();
        self.report.finished = self.left == 0;
        self.report.took = self.now.since(self.begin);
        let last = (self.report.took.as_secs_f64(), self.report.bytes);
        self.report.progress.push(last);
    }

    fn schedule(&mut self, mut at: Timestamp, happening: Happening) {
        self.seq += 1;
        let seen_by_us = matches!(
            happening,
            Happening::Answered(..) | Happening::Part(..) | Happening::Wake(_)
        );
        if seen_by_us {
            at = at + self.busy_until(at);
        }
        self.queue.push(Reverse((at, self.seq, happening)));
    }

    /// How long our side will not see what happens at this time: the last part of every second.
    fn busy_until(&self, at: Timestamp) -> Duration {
        let second = Duration::from_secs(1);
        let into = Duration::from_micros((at.since(self.begin).as_micros() % 1_000_000) as u64);
        let is_busy = into + self.scenario.busy > second;
        if is_busy {
            second - into
        } else {
            Duration::ZERO
        }
    }

    fn is(&self, place: usize, peer: Peer) -> bool {
        self.places[place].is_some_and(|c| c.peer == peer)
    }

    fn half_way(&self, place: usize) -> Duration {
        self.places[place].map_or(Duration::ZERO, |c| c.line.round_trip / 2)
    }

    fn happen(&mut self, happening: Happening) -> Option<Event> {
        match happening {
            Happening::Come(place) => self.come(place),
            Happening::Go(place, peer) => self.is(place, peer).then(|| {
                self.leave(place);
                Event::Left(peer)
            }),
            Happening::Asked(place, peer, AskOrd(ask)) => {
                if self.is(place, peer) {
                    self.asked(place, ask);
                }
                None
            }
            Happening::Answered(place, peer, AskOrd(ask)) => self.is(place, peer).then(|| {
                if let Ask::Block(height) = ask {
                    self.arrived(height);
                }
                Event::Answer(peer, ask)
            }),
            Happening::Part(place, peer, bytes) => {
                self.is(place, peer).then_some(Event::Part(peer, bytes))
            }
            Happening::Parts => {
                let parts: Vec<_> = self.link.parts(self.now).collect();
                for (place, bytes) in parts {
                    if let Some(connection) = self.places[place] {
                        let at = self.now + self.half_way(place);
                        self.schedule(at, Happening::Part(place, connection.peer, bytes));
                    }
                }
                self.schedule(self.now + PARTS, Happening::Parts);
                None
            }
            Happening::Wake(token) => Some(Event::Wake(token)),
        }
    }

    fn come(&mut self, place: usize) -> Option<Event> {
        let turn = self.turns[place];
        self.turns[place] += 1;
        let line = self.scenario.crowd.draw(self.scenario.seed, place, turn)?;
        let peer = self.next_peer;
        self.next_peer += 1;
        self.places[place] = Some(Connection {
            peer,
            line,
            blocks: 0,
        });
        self.by_peer.insert(peer, place);
        self.link.reset(self.now, place, line.rate);
        if let Some(stays) = line.stays {
            self.schedule(self.now + stays, Happening::Go(place, peer));
        }
        self.count_capacity();
        Some(Event::Came(peer))
    }

    fn leave(&mut self, place: usize) {
        if let Some(connection) = self.places[place].take() {
            self.by_peer.remove(&connection.peer);
            self.link.reset(self.now, place, 1.0);
            self.schedule(self.now + REPLACED, Happening::Come(place));
            self.count_capacity();
        }
    }

    /// A request arrives at a peer.
    fn asked(&mut self, place: usize, ask: Ask) {
        let bytes = match ask {
            Ask::Hello => 300,
            Ask::Ping(_) => FRAME + 8,
            Ask::Headers(after, last) => {
                let count = last.min(self.chain.tip()).saturating_sub(after);
                FRAME + 3 + 81 * u64::from(count.min(MAX_HEADERS))
            }
            Ask::Block(height) => {
                let Some(connection) = &mut self.places[place] else {
                    return;
                };
                let line = connection.line;
                if line
                    .silent_after
                    .is_none_or(|most| connection.blocks < most)
                {
                    connection.blocks += 1;
                    FRAME + u64::from(self.chain.size(height))
                } else if line.junk {
                    ENDLESS
                } else {
                    return;
                }
            }
        };
        self.link.push(self.now, place, ask, bytes);
    }

    /// The last byte of an answer left.
    fn sent(&mut self, place: usize, ask: Ask) {
        let Some(connection) = self.places[place] else {
            return;
        };
        if connection.line.silent_after == Some(connection.blocks) {
            self.count_capacity();
        }
        let at = self.now + self.half_way(place);
        self.schedule(at, Happening::Answered(place, connection.peer, AskOrd(ask)));
    }

    fn arrived(&mut self, height: Height) {
        let size = u64::from(self.chain.size(height));
        if std::mem::replace(&mut self.here[height as usize], true) {
            self.report.wasted += size;
            return;
        }
        self.left -= 1;
        let after = self.now.since(self.begin);
        self.report.first_block.get_or_insert(after);
        self.report.bytes += size;
        if self.report.bytes >= self.next_point {
            let point = (after.as_secs_f64(), self.report.bytes);
            self.report.progress.push(point);
            self.next_point += self.chain.bytes().div_ceil(POINTS);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(peer, ask) => {
                if let Some(&place) = self.by_peer.get(&peer) {
                    let at = self.now + self.half_way(place);
                    self.schedule(at, Happening::Asked(place, peer, AskOrd(ask)));
                }
            }
            Command::Drop(peer) => {
                if let Some(&place) = self.by_peer.get(&peer) {
                    self.report.dropped += 1;
                    self.schedule(self.now, Happening::Go(place, peer));
                }
            }
            Command::Read(peer, reading) => {
                if let Some(&place) = self.by_peer.get(&peer) {
                    self.link.set_reading(self.now, place, reading);
                }
            }
            Command::Wake(at, token) => self.schedule(at.max(self.now), Happening::Wake(token)),
        }
    }

    /// Adds up what could have come since the last change.
    fn count_capacity(&mut self) {
        let takes = self.now.since(self.could_since).as_secs_f64();
        self.report.capacity += self.could * takes;
        self.could_since = self.now;
        let lines = self.places.iter().flatten();
        let lines: f64 = lines
            .filter(|c| c.line.silent_after.is_none_or(|most| c.blocks < most))
            .map(|c| c.line.rate)
            .sum();
        self.could = lines.min(self.scenario.own);
    }
}
