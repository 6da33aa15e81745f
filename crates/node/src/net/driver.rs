//! The driver: owns the peer-to-peer machine, feeds it what happens and does what it says.
//!
//! It runs on a thread of its own, so that nothing on the runtime's workers (hashing a block for its checksum, say)
//! can hold it up, and so that it may hand blocks to the validation threads without ceremony. It computes nothing heavy
//! itself: no disk, no checksum, no block is ever parsed here.

mod requests;
mod settle;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tipward_chain::{BlockOutcome, ChainView, Fault};
use tipward_p2p::addr::Address;
use tipward_p2p::event::{Event, Level};
use tipward_p2p::{Action, ConnKind, Input, Machine, PeerId, Target, Transport};
use tipward_primitives::{BlockHash, Height, Timestamp};
use tipward_store::BlockReader;
use tipward_validation::{Pipeline, QueueDepths};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::connection::{Connection, Incoming, Overflow, Reports};
use super::dial::Dialer;
use super::dns::Dns;
use super::limit::Limits;
use super::listen;
use super::mailbox::Mailbox;
use super::peer_files::PeerFiles;
use settle::Settling;

use crate::watch::Tally;

/// Inputs handled before timers and the other sources are looked at again.
const BURST: usize = 64;
/// When nothing is due, the machine is ticked this often all the same.
const IDLE_TICK: Duration = Duration::from_secs(60);

/// Messages and reports of connections that may wait for the driver; their bytes are bounded elsewhere.
const INPUT_QUEUE: usize = 1024;
/// New connections that may wait for the driver.
const ARRIVAL_QUEUE: usize = 64;

/// Something that the driver does for another part of the node, between two inputs.
pub(crate) type Task = Box<dyn FnOnce(&mut Driver) + Send>;

/// A tip that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
}

/// What the rest of the node sees of the driver.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) view: Arc<ArcSwap<ChainView>>,
    pub(crate) tip: watch::Sender<Tip>,
}

impl Published {
    pub(crate) fn new(view: Arc<ChainView>) -> Self {
        let tip = watch::Sender::new(tip_of(&view));
        Self {
            view: Arc::new(ArcSwap::new(view)),
            tip,
        }
    }

    /// The view first, then the tip that it shows: who waits for a tip finds it in the view.
    fn publish(&self, view: Arc<ChainView>) {
        let tip = tip_of(&view);
        self.view.store(view);
        self.tip
            .send_if_modified(|old| std::mem::replace(old, tip) != tip);
    }
}

fn tip_of(view: &ChainView) -> Tip {
    Tip {
        hash: view.tip_hash(),
        height: view.tip_height(),
    }
}

/// A connection that stands, or does not come to.
pub(super) enum Arrival {
    /// The end of an attempt to connect.
    Dialed(Dialed),
    /// Somebody connected to us.
    Accepted {
        stream: TcpStream,
        addr: std::net::SocketAddr,
    },
}

/// How an attempt to connect ended.
pub(super) struct Dialed {
    peer: PeerId,
    kind: ConnKind,
    transport: Transport,
    result: anyhow::Result<(TcpStream, Address)>,
}

enum Link {
    /// Cancels the attempt when dropped.
    Dialing(#[expect(dead_code, reason = "held to be dropped")] tokio_util::sync::DropGuard),
    Standing(Connection),
}

/// Everything that the driver needs, made before it starts.
pub(crate) struct Parts {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    pub(crate) pipeline: Pipeline,
    pub(crate) verdicts: Mailbox<tipward_validation::Event>,
    pub(crate) blocks: BlockReader,
    pub(crate) dialer: Dialer,
    pub(crate) dns: Dns,
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) magic: [u8; 4],
    pub(crate) limits: Limits,
    pub(crate) published: Published,
    pub(crate) stop_at_height: Option<Height>,
    pub(crate) peer_files: PeerFiles,
    /// Cancelled when the node shall end, by whomever.
    pub(crate) shutdown: CancellationToken,
}

/// See the module's page.
pub(crate) struct Driver {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    pipeline: Pipeline,
    blocks: BlockReader,
    dialer: Dialer,
    dns: Dns,
    magic: [u8; 4],
    limits: Limits,
    published: Published,
    stop_at_height: Option<Height>,
    peer_files: PeerFiles,
    shutdown: CancellationToken,

    links: HashMap<PeerId, Link>,
    reports: Reports,
    arrivals: mpsc::Sender<Arrival>,
    /// Jobs whose verdict is not in.
    checking: BTreeSet<u64>,
    /// Who waits for the verdicts on all jobs up to a number.
    waiting: Vec<(u64, oneshot::Sender<()>)>,
    last_job: u64,
    /// Who waits for the verdict on a submitted block, by its job.
    verdict_waiters: BTreeMap<u64, Vec<oneshot::Sender<BlockOutcome>>>,
    /// Who waits for connecting.
    settling: Settling,
    /// How often what happened.
    pub(crate) tally: Tally,
    last_tick: Timestamp,
    /// Why the node cannot go on.
    halted: Option<String>,
}

impl Driver {
    /// Runs until the node shall end, then closes every connection, saves what is known of peers, and ends the
    /// pipeline. An error is the node's own failure.
    pub(crate) async fn run(parts: Parts, mut tasks: mpsc::Receiver<Task>) -> anyhow::Result<()> {
        let (incoming_in, mut incoming) = mpsc::channel(INPUT_QUEUE);
        let (arrivals_in, mut arrivals) = mpsc::channel(ARRIVAL_QUEUE);
        let verdicts = parts.verdicts.clone();
        for listener in parts.listeners {
            tokio::spawn(accept_all(listener, arrivals_in.clone()));
        }
        let mut driver = Self {
            last_tick: parts.clock.now(),
            machine: parts.machine,
            clock: parts.clock,
            pipeline: parts.pipeline,
            blocks: parts.blocks,
            dialer: parts.dialer,
            dns: parts.dns,
            magic: parts.magic,
            limits: parts.limits,
            published: parts.published,
            stop_at_height: parts.stop_at_height,
            peer_files: parts.peer_files,
            shutdown: parts.shutdown,
            links: HashMap::new(),
            reports: Reports::new(incoming_in),
            arrivals: arrivals_in,
            checking: BTreeSet::new(),
            waiting: Vec::new(),
            last_job: 0,
            verdict_waiters: BTreeMap::new(),
            settling: Settling::default(),
            tally: Tally::default(),
            halted: None,
        };
        let shutdown = driver.shutdown.clone();
        driver.publish();
        driver.tick();
        while !shutdown.is_cancelled() {
            let wait = driver.until_wakeup();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                // Verdicts first: they free credits and let deferred messages take effect.
                events = verdicts.take() => driver.take_verdicts(events),
                Some(task) = tasks.recv() => {
                    task(&mut driver);
                    driver.act_all();
                }
                Some(arrival) = arrivals.recv() => driver.arrive(arrival),
                Some(first) = incoming.recv() => {
                    driver.take_incoming(first);
                    for _ in 1..BURST {
                        let Ok(next) = incoming.try_recv() else { break };
                        driver.take_incoming(next);
                    }
                }
                () = tokio::time::sleep(wait) => {}
            }
            driver.tick_if_due();
            driver
                .peer_files
                .save_if_due(&driver.machine, driver.clock.now());
        }
        driver.end()
    }

    fn end(mut self) -> anyhow::Result<()> {
        self.peer_files.save_anchors(&self.machine);
        self.links.clear();
        self.peer_files.save(&self.machine, self.clock.now());
        let ended = self.pipeline.shutdown();
        if let Some(why) = self.halted {
            anyhow::bail!(why);
        }
        ended.map_err(anyhow::Error::from)
    }

    /// Gives the machine an input and does what follows from it.
    pub(crate) fn handle(&mut self, input: Input) {
        self.machine.set_room(self.pipeline.room());
        self.machine.handle(self.clock.now(), input);
        self.act_all();
    }

    fn tick(&mut self) {
        self.last_tick = self.clock.now();
        self.handle(Input::Tick);
    }

    fn tick_if_due(&mut self) {
        let now = self.clock.now();
        let due = self.machine.next_wakeup().is_some_and(|at| at <= now);
        // A clock that stands still must not be ticked over and over.
        if due && !(self.clock.is_mocked() && self.last_tick == now) {
            self.tick();
        }
    }

    fn until_wakeup(&self) -> Duration {
        if self.clock.is_mocked() {
            return IDLE_TICK;
        }
        match self.machine.next_wakeup() {
            // The runtime's timers count milliseconds; to wake too early would mean to wake twice.
            Some(at) => (at.since(self.clock.now()) + Duration::from_millis(1)).min(IDLE_TICK),
            None => IDLE_TICK,
        }
    }

    /// Stops or frees the clock; every timer follows.
    pub(crate) fn set_mock_time(&mut self, seconds: Option<u32>) {
        self.clock.mock(seconds);
        self.tick();
    }

    fn take_incoming(&mut self, incoming: Incoming) {
        if let Input::Disconnected { peer, .. } = incoming.input {
            self.links.remove(&peer);
        }
        self.handle(incoming.input);
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Accepted { stream, addr } => {
                let peer = self.machine.new_peer_id();
                self.connected(peer, stream, addr.into(), ConnKind::Inbound, Transport::V1);
            }
            Arrival::Dialed(dialed) => {
                let peer = dialed.peer;
                // Given up meanwhile; the machine has been told.
                if !matches!(self.links.get(&peer), Some(Link::Dialing(_))) {
                    return;
                }
                match dialed.result {
                    Ok((stream, addr)) => {
                        self.connected(peer, stream, addr, dialed.kind, dialed.transport);
                    }
                    Err(error) => {
                        self.links.remove(&peer);
                        let error = format!("{error:#}");
                        self.handle(Input::ConnectFailed { peer, error });
                    }
                }
            }
        }
    }

    fn connected(
        &mut self,
        peer: PeerId,
        stream: TcpStream,
        addr: Address,
        kind: ConnKind,
        transport: Transport,
    ) {
        let local = stream.local_addr().ok().map(Address::from);
        let connection = Connection::start(
            peer,
            stream,
            transport,
            self.magic,
            self.reports.clone(),
            self.blocks.clone(),
            self.limits.clone(),
        );
        self.links.insert(peer, Link::Standing(connection));
        self.handle(Input::Connected {
            peer,
            addr,
            local,
            kind,
        });
    }

    fn take_verdicts(&mut self, events: Vec<tipward_validation::Event>) {
        for event in events {
            match event {
                tipward_validation::Event::Verdict(verdict) => {
                    self.checking.remove(&verdict.id);
                    let waiters = self.verdict_waiters.remove(&verdict.id);
                    let judged = waiters.map(|w| (w, verdict.hash, verdict.outcome.clone()));
                    self.handle(Input::Verdict(verdict));
                    if let Some((waiters, hash, outcome)) = judged {
                        self.judged(waiters, hash, &outcome);
                    }
                }
                tipward_validation::Event::Chain(event) => {
                    let heard = event.clone();
                    self.handle(Input::Chain(event));
                    self.settling.note(&heard, self.machine.goal());
                }
                tipward_validation::Event::Fault(fault) => self.fault(&fault),
            }
        }
        let oldest = self.checking.first().copied().unwrap_or(u64::MAX);
        let (done, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(job, _)| *job < oldest);
        self.waiting = waiting;
        for (_, waiter) in done {
            self.settling.tell(self.machine.goal(), waiter);
        }
    }

    /// A block that a user handed in was checked. If it is stored, connecting has the last word.
    fn judged(
        &mut self,
        waiters: Vec<oneshot::Sender<BlockOutcome>>,
        hash: BlockHash,
        outcome: &BlockOutcome,
    ) {
        let goal = self.machine.goal();
        for waiter in waiters {
            match outcome {
                BlockOutcome::Stored { transactions } => {
                    self.settling.judge(goal, hash, *transactions, waiter);
                }
                BlockOutcome::Refused(_) | BlockOutcome::Failed(_) => {
                    // Who no longer waits need not be told.
                    let _ = waiter.send(outcome.clone());
                }
            }
        }
    }

    /// A failure that belongs to no block: headers that could not be written, say.
    fn fault(&mut self, fault: &Fault) {
        if fault.may_pass {
            tracing::warn!(target: "store", "{fault}");
        } else {
            self.halt(fault.to_string());
        }
    }

    /// Tells `waiter` when everything that has been submitted by now has its verdict, is connected as far as it can be, and
    /// is published.
    pub(crate) fn when_checked(&mut self, waiter: oneshot::Sender<()>) {
        if self.checking.is_empty() {
            self.settling.tell(self.machine.goal(), waiter);
        } else {
            self.waiting.push((self.last_job, waiter));
        }
    }

    /// What waits in each stage of the pipeline.
    pub(crate) fn depths(&self) -> QueueDepths {
        self.pipeline.depths()
    }

    /// Messages and reports of connections that wait for the driver.
    pub(crate) fn waiting_messages(&self) -> usize {
        self.reports.waiting()
    }

    fn halt(&mut self, why: String) {
        tracing::error!(target: "node", "Stopping: {why}");
        self.halted.get_or_insert(why);
        self.shutdown.cancel();
    }

    fn publish(&mut self) {
        let view = self.machine.chain().view();
        let height = view.tip_height();
        self.published.publish(view);
        if self.stop_at_height.is_some_and(|stop| height >= stop) && !self.shutdown.is_cancelled() {
            tracing::info!(target: "node", "Height {height} is reached, stopping as --stopatheight says");
            self.shutdown.cancel();
        }
    }

    fn act_all(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Connect {
                peer,
                target,
                kind,
                transport,
            } => self.dial(peer, target, kind, transport),
            Action::Disconnect { peer, .. } => {
                if let Some(Link::Dialing(_)) = self.links.remove(&peer) {
                    self.handle(Input::Disconnected { peer, error: None });
                }
                // A connection that stands reports its end itself, when its tasks have ended.
            }
            Action::Send { peer, message } => {
                self.with_connection(peer, |connection| connection.send(message));
            }
            Action::ReadBlock {
                peer,
                hash,
                witness,
            } => self.with_connection(peer, |connection| connection.send_block(hash, witness)),
            Action::SetReading { peer, reading } => self.with_connection(peer, |connection| {
                connection.set_reading(reading);
                Ok(())
            }),
            Action::CheckBlock { job, block } => {
                self.checking.insert(job.id);
                self.last_job = self.last_job.max(job.id);
                self.pipeline.submit(job, block);
            }
            Action::Goal(goal) => {
                let view = self.machine.chain().view();
                self.pipeline.set_goal(goal, view);
            }
            Action::MarkBlock(hash, mark) => self.pipeline.persist_mark(hash, mark),
            Action::PersistHeaders(headers) => self.pipeline.persist_headers(headers),
            Action::Resolve { name, port } => self.resolve(name, port),
            Action::Publish => self.publish(),
            Action::Log(event) => {
                self.tally.note(&event);
                log(&event);
            }
            Action::Halt(why) => self.halt(why),
        }
    }

    fn with_connection(
        &mut self,
        peer: PeerId,
        act: impl FnOnce(&Connection) -> Result<(), Overflow>,
    ) {
        let Some(Link::Standing(connection)) = self.links.get(&peer) else {
            return;
        };
        if act(connection).is_err() {
            tracing::info!(target: "net", "Disconnecting {peer}: it does not take in what it asked for");
            // Dropped, it ends and says so to the machine.
            self.links.remove(&peer);
        }
    }

    fn dial(&mut self, peer: PeerId, target: Target, kind: ConnKind, transport: Transport) {
        let cancel = CancellationToken::new();
        self.links
            .insert(peer, Link::Dialing(cancel.clone().drop_guard()));
        let dialer = self.dialer.clone();
        let arrivals = self.arrivals.clone();
        tokio::spawn(async move {
            let result = tokio::select! {
                result = dialer.dial(&target) => result,
                () = cancel.cancelled() => return,
            };
            let dialed = Dialed {
                peer,
                kind,
                transport,
                result,
            };
            // Only a node that has ended does not take it.
            let _ = arrivals.send(Arrival::Dialed(dialed)).await;
        });
    }

    fn resolve(&self, name: String, port: u16) {
        let dns = self.dns.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let found = dns.lookup(&name).await;
            let addrs = found.into_iter().map(|ip| Address::new(ip, port)).collect();
            reports.send(Input::Resolved { name, addrs }).await;
        });
    }
}

async fn accept_all(listener: TcpListener, arrivals: mpsc::Sender<Arrival>) {
    loop {
        let accepted = tokio::select! {
            accepted = listen::accept(&listener) => accepted,
            () = arrivals.closed() => return,
        };
        let (stream, addr) = accepted;
        if arrivals
            .send(Arrival::Accepted { stream, addr })
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Writes one event to the log, under the target that `--debug` knows it by.
fn log(event: &Event) {
    macro_rules! line {
        ($target:literal) => {
            match event.level() {
                Level::Warn => tracing::warn!(target: $target, "{event}"),
                Level::Info => tracing::info!(target: $target, "{event}"),
                Level::Debug => tracing::debug!(target: $target, "{event}"),
            }
        };
    }
    match event {
        Event::HeaderSyncStarted { .. }
        | Event::HeaderSyncPutAside { .. }
        | Event::HeaderSyncSkipped { .. }
        | Event::HeaderSyncEnded { .. }
        | Event::HeadersReceived { .. }
        | Event::HeaderRefused { .. }
        | Event::Presync { .. } => line!("headers"),
        Event::BlocksRequested { .. }
        | Event::BlockReceived { .. }
        | Event::BlockRefused { .. }
        | Event::BlockIgnored { .. }
        | Event::Hedged { .. }
        | Event::Reassigned { .. }
        | Event::NewTip { .. }
        | Event::Reorganized { .. }
        | Event::Paused { .. }
        | Event::StaleTip { .. } => line!("blocks"),
        _ => line!("net"),
    }
}
