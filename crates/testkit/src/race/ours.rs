//! The node's own network machine, run in a race.
//!
//! Its messages become requests and answers of the race, and its blocks are judged as the node's pipeline would: checked
//! and stored in the order in which they came, at so many bytes a second, then connected.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tipward_chain::{BlockOutcome, BlockVerdict, Chain as Tree, ChainEvent};
use tipward_p2p::addr::Address;
use tipward_p2p::addrman::AddrMan;
use tipward_p2p::pool::PoolConfig;
use tipward_p2p::wire::{Inventory, Message, ServiceFlags, Version};
use tipward_p2p::{Action, Config, ConnKind, Input, Machine, PeerId};
use tipward_primitives::{Header, Height, RawBlock, Timestamp};

use super::chain::Chain;
use super::policy::{Ask, Command, Event, Peer, Policy};
use super::world::MAX_HEADERS;

/// The node's `--blockbuffer`.
const CREDITS: u64 = 96 << 20;
/// Blocks are checked and stored so fast, in bytes a second.
const CHECKS: f64 = 400e6;
/// Connecting is told of this long after its goal was set.
const CONNECTS: Duration = Duration::from_millis(50);

/// Size that messages of ours are said to have, in bytes; it is only counted.
const SMALL: usize = 100;

/// What a [`Command::Wake`] is for.
const TICK: u64 = 0;
const CONNECTED: u64 = 1;
const JUDGED: u64 = 2;

/// The node's machine.
pub struct Ours {
    chain: Arc<Chain>,
    machine: Machine,
    ids: HashMap<Peer, PeerId>,
    peers: HashMap<PeerId, Peer>,
    memory: Memory,
    /// Blocks that are being checked, in order.
    checks: VecDeque<BlockVerdict>,
    checks_done: Timestamp,
    connecting: bool,
    goal: Option<u64>,
    next_tick: Option<Timestamp>,
    /// Keep the log.
    log: Option<Vec<String>>,
    begin: Timestamp,
}

impl Ours {
    /// A machine that knows nothing but the genesis block. Its user named the peers, or it found them.
    pub fn new(chain: Arc<Chain>, seed: u64) -> Self {
        let mut random = [0; 32];
        random[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config {
            credit_bytes: CREDITS,
            pool: PoolConfig {
                // The race opens all connections.
                connect: Some(Vec::new()),
                full_relay: usize::MAX,
                ..PoolConfig::default()
            },
            ..Config::default()
        };
        let tree = Tree::new(Arc::clone(chain.params()));
        Self {
            machine: Machine::new(config, tree, AddrMan::new(random), random),
            ids: HashMap::new(),
            peers: HashMap::new(),
            memory: Memory::default(),
            checks: VecDeque::new(),
            checks_done: Timestamp::default(),
            connecting: false,
            goal: None,
            next_tick: None,
            log: None,
            begin: chain.now(),
            chain,
        }
    }

    /// Keeps what the machine says, with the seconds since the beginning.
    pub fn keep_log(&mut self) {
        self.log = Some(Vec::new());
    }

    /// What the machine said, if that is kept.
    pub fn log(&self) -> &[String] {
        self.log.as_deref().unwrap_or_default()
    }

    fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Command>) {
        self.machine.handle(now, input);
        while let Some(action) = self.machine.poll_action() {
            let sent = match &action {
                Action::Send { peer, message } => Some((*peer, message.command())),
                _ => None,
            };
            self.act(now, action, out);
            if let Some((peer, command)) = sent {
                let input = Input::Sent {
                    peer,
                    command,
                    size: SMALL,
                    queued: 0,
                };
                self.machine.handle(now, input);
            }
        }
        if let Some(at) = self.machine.next_wakeup() {
            let at = at.max(now + Duration::from_millis(1));
            if self.next_tick.is_none_or(|next| at < next) {
                self.next_tick = Some(at);
                out.push(Command::Wake(at, TICK));
            }
        }
    }

    fn act(&mut self, now: Timestamp, action: Action, out: &mut Vec<Command>) {
        match action {
            Action::Send { peer, message } => self.send(peer, &message, out),
            Action::Disconnect { peer, reason } => {
                self.note(now, || format!("{peer} dropped: {reason}"));
                if let Some(peer) = self.peers.get(&peer) {
                    out.push(Command::Drop(*peer));
                }
            }
            Action::SetReading { peer, reading } => {
                if let Some(peer) = self.peers.get(&peer) {
                    out.push(Command::Read(*peer, reading));
                }
            }
            Action::CheckBlock { job, block } => {
                let takes = Duration::from_secs_f64(block.size() as f64 / CHECKS);
                self.checks_done = self.checks_done.max(now) + takes;
                self.checks.push_back(BlockVerdict {
                    id: job.id,
                    hash: job.hash(),
                    height: job.context.height,
                    size: block.size(),
                    outcome: BlockOutcome::Stored { transactions: 1 },
                });
                out.push(Command::Wake(self.checks_done, JUDGED));
            }
            Action::Goal(goal) => {
                self.goal = Some(goal);
                if !std::mem::replace(&mut self.connecting, true) {
                    out.push(Command::Wake(now + CONNECTS, CONNECTED));
                }
            }
            Action::Log(event) => self.note(now, || event.to_string()),
            Action::Halt(what) => unreachable!("nothing of ours fails in a race: {what}"),
            Action::Connect { .. }
            | Action::Resolve { .. }
            | Action::Publish
            | Action::PersistHeaders(_)
            | Action::MarkBlock(..)
            | Action::ReadBlock { .. } => {}
        }
    }

    fn note(&mut self, now: Timestamp, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            let after = now.since(self.begin).as_secs_f64();
            log.push(format!("{after:10.3} {}", what()));
        }
    }

    fn send(&self, to: PeerId, message: &Message, out: &mut Vec<Command>) {
        let Some(&peer) = self.peers.get(&to) else {
            return;
        };
        match message {
            Message::Version(_) => out.push(Command::Ask(peer, Ask::Hello)),
            Message::Ping(nonce) => out.push(Command::Ask(peer, Ask::Ping(*nonce))),
            Message::GetHeaders(locator) => {
                let known = locator.hashes.iter().find_map(|h| self.chain.height(h));
                let last = self.chain.height(&locator.stop);
                let ask = Ask::Headers(known.unwrap_or(0), last.unwrap_or(Height::MAX));
                out.push(Command::Ask(peer, ask));
            }
            Message::GetData(items) => {
                for item in items {
                    if let Inventory::WitnessBlock(hash) = item
                        && let Some(height) = self.chain.height(hash)
                    {
                        out.push(Command::Ask(peer, Ask::Block(height)));
                    }
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, now: Timestamp, peer: Peer, ask: Ask, out: &mut Vec<Command>) {
        let Some(&id) = self.ids.get(&peer) else {
            return;
        };
        let messages = match ask {
            Ask::Hello => vec![
                Message::Version(self.version(now, peer)),
                Message::WtxidRelay,
                Message::SendAddrV2,
                Message::Verack,
                Message::SendHeaders,
            ],
            Ask::Ping(nonce) => vec![Message::Pong(nonce)],
            Ask::Headers(after, last) => {
                let last = last.min(after + MAX_HEADERS).min(self.chain.tip());
                vec![Message::Headers(self.chain.headers(after, last.max(after)))]
            }
            Ask::Block(height) => vec![Message::Block(self.block(height))],
        };
        for message in messages {
            let size = 24
                + match &message {
                    Message::Block(block) => block.size(),
                    Message::Headers(headers) => 3 + 81 * headers.len(),
                    _ => 8,
                };
            let input = Input::Message {
                peer: id,
                message,
                size,
            };
            self.handle(now, input, out);
        }
    }

    fn version(&self, now: Timestamp, peer: Peer) -> Version {
        Version {
            protocol: 70_016,
            services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
            timestamp: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            receiver_services: ServiceFlags::NONE,
            receiver: Address::UNSPECIFIED,
            sender_services: ServiceFlags::NONE,
            sender: Address::UNSPECIFIED,
            nonce: peer + 1,
            user_agent: "/raced:1/".to_owned(),
            start_height: i32::try_from(self.chain.tip()).unwrap_or(i32::MAX),
            relay: false,
        }
    }

    /// A block of the right size; behind its header is nothing.
    fn block(&self, height: Height) -> RawBlock {
        let size = self.chain.size(height) as usize;
        let bytes = self.memory.with_header(self.chain.header(height), size);
        RawBlock::new(bytes).expect("no block is shorter than its header")
    }
}

impl Policy for Ours {
    fn input(&mut self, now: Timestamp, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Came(peer) => {
                let id = self.machine.new_peer_id();
                self.ids.insert(peer, id);
                self.peers.insert(id, peer);
                let [.., high, middle, low] = peer.to_be_bytes();
                let addr = Address::new(std::net::Ipv4Addr::new(8, high, middle, low), 8333);
                let input = Input::Connected {
                    peer: id,
                    addr,
                    local: None,
                    kind: ConnKind::OutboundFullRelay,
                };
                self.handle(now, input, out);
            }
            Event::Left(peer) => {
                if let Some(id) = self.ids.remove(&peer) {
                    self.peers.remove(&id);
                    let input = Input::Disconnected {
                        peer: id,
                        error: None,
                    };
                    self.handle(now, input, out);
                }
            }
            Event::Answer(peer, ask) => self.answer(now, peer, ask, out),
            Event::Part(peer, bytes) => {
                if let Some(&id) = self.ids.get(&peer) {
                    let bytes = bytes as usize;
                    self.handle(now, Input::Receiving { peer: id, bytes }, out);
                }
            }
            Event::Wake(JUDGED) => {
                if let Some(verdict) = self.checks.pop_front() {
                    self.handle(now, Input::Verdict(verdict), out);
                }
            }
            Event::Wake(CONNECTED) => {
                self.connecting = false;
                if let Some(goal) = self.goal.take() {
                    let chain = self.machine.chain();
                    let tip = chain.hash(chain.candidate());
                    self.handle(now, Input::Chain(ChainEvent::TipMoved { tip }), out);
                    self.handle(now, Input::Chain(ChainEvent::Settled { goal }), out);
                }
            }
            Event::Wake(_) => {
                self.next_tick = None;
                self.handle(now, Input::Tick, out);
            }
        }
    }
}

/// Memory that is used again, so that only the pages with headers are ever touched.
#[derive(Debug, Default)]
struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);

/// Blocks below this size get memory of their own.
const WORTH_KEEPING: usize = 32 * 1024;
/// No block is larger.
const LARGEST: usize = 4_000_000;

struct Borrowed {
    bytes: Vec<u8>,
    size: usize,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        home.push(std::mem::take(&mut self.bytes));
    }
}

impl Memory {
    fn with_header(&self, header: &Header, size: usize) -> Bytes {
        let header = bitcoin::consensus::serialize(header);
        if size < WORTH_KEEPING {
            let mut bytes = vec![0; size.max(header.len())];
            bytes[..header.len()].copy_from_slice(&header);
            return Bytes::from(bytes);
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bytes = kept.unwrap_or_else(|| vec![0; LARGEST]);
        bytes[..header.len()].copy_from_slice(&header);
        Bytes::from_owner(Borrowed {
            bytes,
            size: size.min(LARGEST),
            home: Arc::clone(&self.0),
        })
    }
}

impl std::fmt::Debug for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ours")
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}
