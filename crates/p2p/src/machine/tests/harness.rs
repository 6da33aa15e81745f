//! A machine, scripted peers, and a tiny chain whose verdicts the test gives.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::hashes::Hash as _;
use bytes::Bytes;
use tipward_chain::{BlockJob, BlockMark, BlockOutcome, BlockVerdict, Chain, ChainEvent, Fault};
use tipward_consensus::{Reject, RejectKind};
use tipward_primitives::{BlockHash, Header, Network, Params, RawBlock, Timestamp};

use crate::addr::Address;
use crate::addrman::AddrMan;
use crate::config::Config;
use crate::event::Event;
use crate::io::{Action, DisconnectReason, Input};
use crate::machine::Machine;
use crate::pool::PoolConfig;
use crate::wire::{Inventory, Message, ServiceFlags, Version};
use crate::{ConnKind, PeerId};

pub(super) struct Net {
    pub(super) machine: Machine,
    pub(super) now: Timestamp,
    pub(super) actions: Vec<Action>,
    /// Validation goes to every goal at once; if not, the test says what validation does.
    pub(super) connects: bool,
    peers: u8,
}

pub(super) fn params() -> Params {
    Params::new(Network::Regtest)
}

/// `count` headers on top of `parent`; `salt` tells branches apart.
pub(super) fn mine(parent: &Header, count: usize, salt: u8) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for _ in 0..count {
        let prev = headers.last().unwrap_or(parent);
        let mut header = Header {
            prev_blockhash: prev.block_hash(),
            merkle_root: bitcoin::TxMerkleNode::from_byte_array([salt; 32]),
            time: prev.time + 600,
            nonce: 0,
            version: bitcoin::block::Version::from_consensus(0x2000_0000),
            ..*prev
        };
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
        headers.push(header);
    }
    headers
}

pub(super) fn genesis() -> Header {
    params().genesis.header
}

/// A block with this header, and something behind it.
pub(super) fn block(header: &Header) -> RawBlock {
    let mut bytes = bitcoin::consensus::serialize(header);
    bytes.extend([0; 200]);
    RawBlock::new(Bytes::from(bytes)).unwrap()
}

impl Net {
    /// A machine at the genesis block, a day after all headers that the tests mine.
    pub(super) fn new() -> Self {
        Self::with(params(), Config::default())
    }

    pub(super) fn with(params: Params, config: Config) -> Self {
        Self::on(Chain::new(Arc::new(params)), config)
    }

    /// A machine that begins with what an earlier run left.
    pub(super) fn on(chain: Chain, config: Config) -> Self {
        let config = Config {
            pool: PoolConfig {
                connect: Some(Vec::new()),
                ..config.pool
            },
            ..config
        };
        let now = Timestamp::from_secs(u64::from(genesis().time) + 3000 * 600);
        let mut net = Self {
            machine: Machine::new(config, chain, AddrMan::new([1; 32]), [2; 32]),
            now,
            actions: Vec::new(),
            connects: true,
            peers: 0,
        };
        net.input(Input::Tick);
        net
    }

    pub(super) fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        while let Some(action) = self.machine.poll_action() {
            let goal = match &action {
                Action::Goal(goal) if self.connects => Some(*goal),
                _ => None,
            };
            self.actions.push(action);
            if let Some(goal) = goal {
                let chain = self.machine.chain();
                let tip = chain.hash(chain.candidate());
                self.connected(tip);
                self.settled(goal);
            }
        }
    }

    /// Validation has connected the way to this block.
    pub(super) fn connected(&mut self, tip: BlockHash) {
        self.input(Input::Chain(ChainEvent::TipMoved { tip }));
    }

    /// A stored block breaks a rule when it is connected.
    pub(super) fn invalid(&mut self, header: &Header, kind: RejectKind) {
        let hash = header.block_hash();
        let chain = self.machine.chain();
        let height = chain.height(chain.find(&hash).unwrap());
        let reject = Reject::new(kind, "block-script-verify-flag-failed", "");
        self.input(Input::Chain(ChainEvent::BlockInvalid {
            hash,
            height,
            reject,
        }));
    }

    pub(super) fn settled(&mut self, goal: u64) {
        self.input(Input::Chain(ChainEvent::Settled { goal }));
    }

    /// All that the machine did since this was last called.
    pub(super) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// A connection on which nothing was said by the peer yet.
    pub(super) fn connect(&mut self, kind: ConnKind) -> PeerId {
        let peer = self.machine.new_peer_id();
        self.peers += 1;
        let addr = Address::new(std::net::Ipv4Addr::new(8, self.peers, 1, 1), 8333);
        self.input(Input::Connected {
            peer,
            addr,
            local: None,
            kind,
        });
        peer
    }

    /// A peer whose handshake is done and that says it has `height`.
    pub(super) fn peer(&mut self, kind: ConnKind, height: usize) -> PeerId {
        let peer = self.connect(kind);
        self.message(peer, Message::Version(version(height)));
        self.message(peer, Message::Verack);
        peer
    }

    pub(super) fn message(&mut self, peer: PeerId, message: Message) {
        let size = match &message {
            Message::Block(block) => block.size() + 24,
            _ => 100,
        };
        self.input(Input::Message {
            peer,
            message,
            size,
        });
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.input(Input::Tick);
    }

    /// Lets time pass as a driver does, waking the machine when it asks for it.
    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.next_wakeup().filter(|at| *at <= end) {
            self.now = at.max(self.now + Duration::from_millis(1));
            self.input(Input::Tick);
        }
        self.now = end;
        self.input(Input::Tick);
    }

    pub(super) fn stored(&mut self, job: &BlockJob) {
        self.verdict(job, BlockOutcome::Stored { transactions: 1 });
    }

    pub(super) fn refused(&mut self, job: &BlockJob, kind: RejectKind) {
        let reject = Reject::new(kind, "bad-test", "");
        self.verdict(job, BlockOutcome::Refused(reject));
    }

    pub(super) fn failed(&mut self, job: &BlockJob, may_pass: bool) {
        let what = "no space left".to_owned();
        self.verdict(job, BlockOutcome::Failed(Fault { what, may_pass }));
    }

    fn verdict(&mut self, job: &BlockJob, outcome: BlockOutcome) {
        self.input(Input::Verdict(BlockVerdict {
            id: job.id,
            hash: job.hash(),
            height: job.height(),
            size: 280,
            outcome,
        }));
    }

    /// The peer sends a block; returns the job if it was handed in for checking.
    pub(super) fn deliver(&mut self, peer: PeerId, header: &Header) -> Option<BlockJob> {
        let before = self.actions.len();
        self.message(peer, Message::Block(block(header)));
        self.actions[before..].iter().find_map(|a| match a {
            Action::CheckBlock { job, .. } => Some(job.clone()),
            _ => None,
        })
    }

    /// The peer sends all of these blocks, and they are good.
    pub(super) fn deliver_all(&mut self, peer: PeerId, headers: &[Header]) {
        for header in headers {
            if let Some(job) = self.deliver(peer, header) {
                self.stored(&job);
            }
        }
    }

    pub(super) fn tip(&self) -> BlockHash {
        self.machine.chain().tip_hash()
    }
}

pub(super) fn version(height: usize) -> Version {
    Version {
        protocol: 70_016,
        services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
        timestamp: 0,
        receiver_services: ServiceFlags::NONE,
        receiver: Address::UNSPECIFIED,
        sender_services: ServiceFlags::NONE,
        sender: Address::UNSPECIFIED,
        nonce: 5,
        user_agent: "/test:1/".to_owned(),
        start_height: i32::try_from(height).unwrap(),
        relay: true,
    }
}

/// Goals that validation was given.
pub(super) fn goals(actions: &[Action]) -> Vec<u64> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::Goal(goal) => Some(*goal),
            _ => None,
        })
        .collect()
}

/// Marks that are to be kept.
pub(super) fn marks(actions: &[Action]) -> Vec<(BlockHash, BlockMark)> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::MarkBlock(hash, mark) => Some((*hash, *mark)),
            _ => None,
        })
        .collect()
}

/// Messages to one peer.
pub(super) fn sent(actions: &[Action], to: PeerId) -> Vec<Message> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::Send { peer, message } if *peer == to => Some(message.clone()),
            _ => None,
        })
        .collect()
}

/// Commands of the messages to one peer.
pub(super) fn commands(actions: &[Action], to: PeerId) -> Vec<&'static str> {
    sent(actions, to).iter().map(Message::command).collect()
}

/// Blocks asked of one peer.
pub(super) fn asked(actions: &[Action], of: PeerId) -> Vec<BlockHash> {
    sent(actions, of)
        .into_iter()
        .filter_map(|m| match m {
            Message::GetData(items) => Some(items),
            _ => None,
        })
        .flatten()
        .map(|item| match item {
            Inventory::WitnessBlock(hash) => hash,
            other => panic!("asked for {other:?}"),
        })
        .collect()
}

pub(super) fn disconnects(actions: &[Action]) -> Vec<(PeerId, DisconnectReason)> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::Disconnect { peer, reason } => Some((*peer, reason.clone())),
            _ => None,
        })
        .collect()
}

pub(super) fn events(actions: &[Action]) -> Vec<Event> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::Log(event) => Some(event.clone()),
            _ => None,
        })
        .collect()
}

pub(super) fn hashes(headers: &[Header]) -> Vec<BlockHash> {
    headers.iter().map(Header::block_hash).collect()
}
