//! A network in a box: the real [`Machine`] among hundreds of simulated peers, on virtual time.
//!
//! Everything is decided by a seed: what the peers are like, how their lines behave, when blocks are found. The machine runs
//! as it does in the node, with a real header tree and the real checks of block bodies; only sockets, clock and disk are
//! simulated. A run takes milliseconds for minutes of virtual time, so many seeds can be tried, and any run can be repeated
//! by its seed.
//!
//! ```text
//!  Scenario (peers, blocks, events, seed)
//!      |
//!      v
//!  Simulation: queue of events by time -----> Machine::handle(now, Input)
//!      ^                                            |
//!      |    SimPeer answers, Pipe delays,           v
//!      +--- Checker judges blocks, <-------- Machine::poll_action()
//!           Connector connects them
//! ```
//!
//! While it runs the simulation holds the machine to what must never happen: a block stored twice, or handed in while a
//! copy is being checked; more memory than the credits allow; anything said to a connection that was closed; a peer that the
//! user named being dropped for slowness; an honest peer being blamed.

mod blocks;
mod checker;
mod connector;
mod digest;
mod event;
mod link;
mod peer;
mod scenario;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use tipward_chain::{Chain, ChainEvent};
use tipward_p2p::addrman::AddrMan;
use tipward_p2p::{Action, Command, Config, ConnKind, DisconnectReason, Input, Machine, PeerId};
use tipward_primitives::{BlockHash, Timestamp};

pub use self::blocks::{BlockId, Blocks, SimBlock};
use self::checker::Checker;
use self::connector::Connector;
use self::digest::Digest;
use self::event::{Entry, Event};
pub use self::link::Line;
use self::link::Shared;
pub use self::peer::{Behaviour, Lie, Out, SimPeer};
pub use self::scenario::{Happening, Scenario, World};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Our node's tip.
    pub tip: BlockHash,
    /// Virtual time until our node had the best tip for good; `None` if it never had.
    pub synced_after: Option<Duration>,
    /// Fingerprint of everything that the machine did, in order.
    pub trace: u64,
    /// Actions of the machine.
    pub actions: u64,
    /// Bytes of blocks that arrived and were of no use.
    pub wasted: u64,
    /// Bytes of blocks that were stored.
    pub stored: u64,
    /// Blocks that were stored and could not be connected.
    pub invalid: u64,
    /// Most credits that were out, in bytes.
    pub peak_credits: u64,
    /// Peers that our node dropped: which one, and why.
    pub dropped: Vec<(usize, String)>,
    /// The last lines of the log.
    pub log: Vec<String>,
}

/// Reports of progress on a long message, as the node's socket tasks give them.
const PART_INTERVAL: f64 = 0.5;
/// A peer that was dropped for slowness comes back after this time.
const COMES_BACK: Duration = Duration::from_secs(60);
/// Lines of the log that are kept.
const LOG_LINES: usize = 40_000;

/// One run.
pub struct Simulation {
    scenario: Scenario,
    blocks: Arc<Blocks>,
    machine: Machine,
    peers: Vec<SimPeer>,
    by_id: HashMap<PeerId, usize>,
    queue: BinaryHeap<Reverse<Entry>>,
    seq: u64,
    now: Timestamp,
    rng: ChaCha12Rng,
    our_line: Shared,
    checker: Checker,
    connector: Connector,
    stored: HashSet<BlockHash>,
    /// Connections that our node has closed.
    closing: HashSet<PeerId>,
    next_wake: Option<Timestamp>,
    digest: Digest,
    report: Report,
    /// Largest block, in bytes.
    largest: usize,
    best_since: Option<Timestamp>,
}

impl Simulation {
    /// A run that has not begun.
    pub fn new(scenario: Scenario) -> Self {
        let blocks = Arc::clone(&scenario.blocks);
        let mut rng = ChaCha12Rng::seed_from_u64(scenario.seed);
        let seed = [scenario.seed as u8; 32];
        let mut machine_seed = seed;
        machine_seed[..8].copy_from_slice(&scenario.seed.to_le_bytes());
        let config = Config {
            credit_bytes: scenario.credit_bytes,
            window_blocks: scenario.window_blocks,
            batch: scenario.batch,
            max_inbound: 1000,
            ..scenario.config()
        };
        let machine = Machine::new(
            config,
            Chain::new(Arc::clone(blocks.params())),
            AddrMan::new(seed),
            machine_seed,
        );
        let peers = scenario
            .peers
            .iter()
            .enumerate()
            .map(|(i, behaviour)| {
                SimPeer::new(*behaviour, scenario::address(i), scenario.first_tip(i))
            })
            .collect();
        let start = scenario.start;
        let checker = Checker::new(scenario.check_bytes_per_second, scenario.faults, &mut rng);
        let connector = Connector::new(Arc::clone(&blocks), scenario.connect_time, &mut rng);
        let our_line = Shared::new(scenario.our_bandwidth);
        let largest = scenario.largest_block();
        Self {
            report: Report {
                tip: blocks.params().genesis_hash,
                synced_after: None,
                trace: 0,
                actions: 0,
                wasted: 0,
                stored: 0,
                invalid: 0,
                peak_credits: 0,
                dropped: Vec::new(),
                log: Vec::new(),
            },
            scenario,
            blocks,
            machine,
            peers,
            by_id: HashMap::new(),
            queue: BinaryHeap::new(),
            seq: 0,
            now: start,
            rng,
            our_line,
            checker,
            connector,
            stored: HashSet::new(),
            closing: HashSet::new(),
            next_wake: None,
            digest: Digest::default(),
            largest,
            best_since: None,
        }
    }

    /// Runs until our node has the best tip after all that happens has happened, or the time is over.
    ///
    /// # Panics
    /// If the machine does what it must never do.
    pub fn run(mut self) -> Report {
        for peer in 0..self.peers.len() {
            let at = self.now + Duration::from_millis(self.random(0, 20_000));
            self.schedule(at, Event::Come(peer));
        }
        for (i, (after, _)) in self.scenario.happenings.iter().enumerate() {
            let at = self.scenario.start + *after;
            self.seq += 1;
            self.queue.push(Reverse(Entry {
                at,
                seq: self.seq,
                event: Event::World(i),
            }));
        }
        let end = self.scenario.start + self.scenario.time_limit;
        let last_happening = self
            .scenario
            .happenings
            .iter()
            .map(|(after, _)| self.scenario.start + *after)
            .max()
            .unwrap_or(self.scenario.start);
        self.input(Input::Tick);
        while let Some(Reverse(entry)) = self.queue.pop() {
            if entry.at > end {
                break;
            }
            self.now = self.now.max(entry.at);
            self.happen(entry.event);
            let best = self.blocks.get(self.scenario.best).hash;
            if self.machine.chain().tip_hash() == best {
                self.best_since.get_or_insert(self.now);
                let settled = self.now > last_happening + self.scenario.linger;
                if settled && self.checker.is_idle() && self.connector.is_idle() {
                    break;
                }
            } else {
                self.best_since = None;
            }
        }
        self.report.tip = self.machine.chain().tip_hash();
        self.report.synced_after = self.best_since.map(|t| t.since(self.scenario.start));
        self.report.trace = self.digest.value();
        self.report.peak_credits = self.machine.snapshot().download.credits_peak;
        self.report
    }

    fn random(&mut self, low: u64, high: u64) -> u64 {
        use rand::RngExt as _;
        self.rng.random_range(low..=high)
    }

    fn schedule(&mut self, at: Timestamp, event: Event) {
        self.seq += 1;
        self.queue.push(Reverse(Entry {
            at,
            seq: self.seq,
            event,
        }));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Come(peer) => self.come(peer),
            Event::Go(peer, id) => {
                if self.peers[peer].id == Some(id) {
                    self.gone(peer, None);
                    if let Some(after) = self.peers[peer].behaviour.churn {
                        self.schedule(self.now + after, Event::Come(peer));
                    }
                }
            }
            Event::AtPeer(peer, id, message) => self.at_peer(peer, id, &message),
            Event::Part(peer, id, bytes) => {
                if self.peers[peer].id == Some(id) && self.peers[peer].reading {
                    self.input(Input::Receiving { peer: id, bytes });
                }
            }
            Event::AtLine(peer, id, out) => self.at_line(peer, id, out),
            Event::AtNode(peer, id, out) => {
                if self.peers[peer].id == Some(id) {
                    if self.peers[peer].reading {
                        self.deliver(id, *out);
                    } else {
                        self.peers[peer].held.push_back(*out);
                    }
                }
            }
            Event::Left(id, command, size) => {
                if self.by_id.contains_key(&id) {
                    self.input(Input::Sent {
                        peer: id,
                        command,
                        size,
                        queued: 0,
                    });
                }
            }
            Event::Closed(id) => {
                if let Some(peer) = self.by_id.get(&id).copied() {
                    self.gone(peer, Some(id));
                }
            }
            Event::Verdict(verdict) => {
                self.checker.done(&verdict);
                if matches!(verdict.outcome, tipward_chain::BlockOutcome::Stored { .. }) {
                    assert!(
                        self.stored.insert(verdict.hash),
                        "{} stored twice",
                        verdict.hash
                    );
                    self.report.stored += verdict.size as u64;
                }
                self.input(Input::Verdict(verdict));
            }
            Event::Connect => {
                let (events, after) = self.connector.step();
                for event in events {
                    self.report.invalid +=
                        u64::from(matches!(event, ChainEvent::BlockInvalid { .. }));
                    self.input(Input::Chain(event));
                }
                if let Some(after) = after {
                    self.schedule(self.now + after, Event::Connect);
                }
            }
            Event::World(i) => {
                let (_, happening) = self.scenario.happenings[i].clone();
                self.world(&happening);
            }
            Event::Wake => {
                self.next_wake = None;
                self.input(Input::Tick);
            }
        }
    }

    fn come(&mut self, peer: usize) {
        if self.peers[peer].id.is_some() || self.peers[peer].dropped.is_some() {
            return;
        }
        let id = self.machine.new_peer_id();
        self.peers[peer].connect(id);
        self.by_id.insert(id, peer);
        let (addr, kind) = (self.peers[peer].addr, self.peers[peer].behaviour.kind);
        self.input(Input::Connected {
            peer: id,
            addr,
            local: None,
            kind,
        });
        let greeting = self.peers[peer].greet(&self.blocks, self.now);
        self.put_on_line(peer, greeting);
        if let Some(after) = self.peers[peer].behaviour.churn {
            let after = after.mul_f64(0.5 + self.random(0, 100) as f64 / 100.0);
            self.schedule(self.now + after, Event::Go(peer, id));
        }
    }

    fn gone(&mut self, peer: usize, by_us: Option<PeerId>) {
        let Some(id) = self.peers[peer].id else {
            return;
        };
        if by_us.is_some_and(|us| us != id) {
            return;
        }
        self.peers[peer].id = None;
        self.peers[peer].held.clear();
        self.by_id.remove(&id);
        self.closing.insert(id);
        self.input(Input::Disconnected {
            peer: id,
            error: None,
        });
    }

    fn world(&mut self, happening: &Happening) {
        match happening {
            Happening::NewTip { peers, tip } => {
                for &peer in peers {
                    if !matches!(self.peers[peer].behaviour.lie, Some(Lie::InvalidChain(_))) {
                        self.peers[peer].tip = *tip;
                    }
                    if self.peers[peer].id.is_some() {
                        let news = self.peers[peer].announce(&self.blocks, &mut self.rng);
                        self.put_on_line(peer, news);
                    }
                }
            }
            Happening::PingAll => self.input(Input::Command(Command::PingAll)),
        }
    }

    fn at_peer(&mut self, peer: usize, id: PeerId, message: &tipward_p2p::wire::Message) {
        if self.peers[peer].id != Some(id) {
            return;
        }
        let answer = self.peers[peer].answer(message, &self.blocks, self.now, &mut self.rng);
        self.put_on_line(peer, answer);
    }

    /// A peer sends to our node.
    fn put_on_line(&mut self, peer: usize, out: Vec<Out>) {
        let Some(id) = self.peers[peer].id else {
            return;
        };
        let line = self.peers[peer].behaviour.line;
        for out in out {
            let size = out.size();
            let now = self.now;
            let (first, last) = self.peers[peer].up.send(now, size, &line, &mut self.rng);
            // A long message is seen to come.
            self.report_parts(peer, id, first, last, size);
            self.schedule(last, Event::AtLine(peer, id, Box::new(out)));
        }
    }

    /// The last byte of a message reaches our own line.
    fn at_line(&mut self, peer: usize, id: PeerId, out: Box<Out>) {
        let size = out.size();
        let through = self.our_line.pass(self.now, size);
        // Where our own line is what is slow, a part of each message gets through.
        self.report_parts(peer, id, self.now, through, size);
        self.schedule(through, Event::AtNode(peer, id, out));
    }

    fn report_parts(
        &mut self,
        peer: usize,
        id: PeerId,
        first: Timestamp,
        last: Timestamp,
        size: usize,
    ) {
        let takes = last.since(first);
        let parts = (takes.as_secs_f64() / PART_INTERVAL).floor().min(1000.0) as u32;
        for part in 1..=parts {
            let at = first + takes * part / (parts + 1);
            let bytes = size / (parts as usize + 1);
            self.schedule(at, Event::Part(peer, id, bytes));
        }
    }

    /// A peer's message is handed to the machine.
    fn deliver(&mut self, id: PeerId, out: Out) {
        let size = out.size();
        match out {
            Out::Message(message) => self.input(Input::Message {
                peer: id,
                message,
                size,
            }),
            Out::Garbage(error, _) => self.input(Input::Malformed { peer: id, error }),
        }
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        while let Some(action) = self.machine.poll_action() {
            self.report.actions += 1;
            self.digest.action(self.now, &action);
            self.act(action);
        }
        let held = self.checker.bytes();
        let bound = self.scenario.credit_bytes as usize + (self.peers.len() + 1) * self.largest;
        assert!(held <= bound, "{held} bytes held, {bound} allowed");
        if let Some(at) = self.machine.next_wakeup() {
            // Never at once: a machine that asks for that would never let time go on.
            let at = at.max(self.now + Duration::from_millis(1));
            if self.next_wake.is_none_or(|next| at < next) {
                self.next_wake = Some(at);
                self.schedule(at, Event::Wake);
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send { peer: id, message } => {
                assert!(!self.closing.contains(&id), "sent to {id}, which is closed");
                let Some(peer) = self.by_id.get(&id).copied() else {
                    return;
                };
                let size = Out::Message(message.clone()).size();
                let line = Line {
                    bandwidth: 1e7,
                    ..self.peers[peer].behaviour.line
                };
                let (_, last) = self.peers[peer]
                    .down
                    .send(self.now, size, &line, &mut self.rng);
                self.schedule(self.now, Event::Left(id, message.command(), size));
                self.schedule(last, Event::AtPeer(peer, id, message));
            }
            Action::Disconnect { peer: id, reason } => self.disconnect(id, &reason),
            Action::SetReading { peer: id, reading } => {
                let Some(peer) = self.by_id.get(&id).copied() else {
                    return;
                };
                self.peers[peer].reading = reading;
                if reading {
                    for out in std::mem::take(&mut self.peers[peer].held) {
                        self.schedule(self.now, Event::AtNode(peer, id, Box::new(out)));
                    }
                }
            }
            Action::CheckBlock { job, block } => {
                assert!(
                    !self.stored.contains(&job.hash()),
                    "{} is checked though it is stored",
                    job.hash()
                );
                let (at, verdict) = self.checker.check(self.now, job, block);
                self.schedule(at, Event::Verdict(verdict));
            }
            Action::Log(event) => {
                if let tipward_p2p::event::Event::BlockIgnored { .. } = &event {
                    self.report.wasted += 1;
                }
                if self.report.log.len() >= LOG_LINES {
                    self.report.log.drain(..LOG_LINES / 2);
                }
                if self.scenario.keep_log {
                    let after = self.now.since(self.scenario.start).as_secs_f64();
                    self.report.log.push(format!("{after:10.3} {event}"));
                }
            }
            Action::Goal(goal) => {
                let chain = self.machine.chain();
                let candidate = self
                    .blocks
                    .find(&chain.hash(chain.candidate()))
                    .expect("the world has all blocks");
                if let Some(after) = self.connector.set_goal(goal, candidate) {
                    self.schedule(self.now + after, Event::Connect);
                }
            }
            Action::Halt(what) => panic!("the machine gave up: {what}"),
            Action::Connect { peer, .. } => self.input_later_failed(peer),
            Action::Resolve { .. }
            | Action::Publish
            | Action::PersistHeaders(_)
            | Action::MarkBlock(..)
            | Action::ReadBlock { .. } => {}
        }
    }

    fn input_later_failed(&mut self, peer: PeerId) {
        panic!("{peer}: the scenario opens all connections itself");
    }

    fn disconnect(&mut self, id: PeerId, reason: &DisconnectReason) {
        let Some(peer) = self.by_id.get(&id).copied() else {
            return;
        };
        let manual = self.peers[peer].behaviour.kind == ConnKind::Manual;
        let alive = self.peers[peer].behaviour.stalls_after.is_none();
        if manual && alive {
            assert!(
                !matches!(
                    reason,
                    DisconnectReason::Stalling(_)
                        | DisconnectReason::Timeout(
                            "block download" | "headers download" | "block request not answered"
                        )
                ),
                "peer {peer}, named by the user, dropped for slowness ({reason}): {:?}",
                self.peers[peer].behaviour
            );
        }
        if let DisconnectReason::Misbehaving(why) = reason {
            let behaviour = self.peers[peer].behaviour;
            assert!(
                behaviour.lie.is_some(),
                "peer {peer}, which is honest, blamed ({why}): {behaviour:?}"
            );
        }
        self.closing.insert(id);
        match reason {
            // Another connection to the same peer is possible later.
            DisconnectReason::Stalling(_) | DisconnectReason::Timeout(_) => {
                self.schedule(self.now + COMES_BACK, Event::Come(peer));
            }
            _ => self.peers[peer].dropped = Some(reason.to_string()),
        }
        self.report.dropped.push((peer, reason.to_string()));
        self.schedule(self.now, Event::Closed(id));
    }
}
