//! A peer of the simulated world: what it answers, and how it misbehaves.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::hashes::Hash as _;
use bytes::BytesMut;
use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;
use tipward_p2p::addr::Address;
use tipward_p2p::wire::{Inventory, MAX_HEADERS, Message, ServiceFlags, Version, WireError};
use tipward_p2p::{ConnKind, PeerId};
use tipward_primitives::{BlockHash, CompactTarget, Header, RawBlock, Timestamp};

use super::blocks::{BlockId, Blocks};
use super::link::{Line, Pipe};

/// How a peer deviates from an honest one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lie {
    /// Some of its blocks have a flipped byte behind the header: this part of them, 0 to 1.
    BadBodies(f64),
    /// Some of its block messages are damaged on the way, so that the checksum is wrong.
    Damaged(f64),
    /// Its headers have no proof of work.
    WorthlessHeaders,
    /// Its headers do not follow each other.
    TornHeaders,
    /// It answers with the headers of a cheap chain of its own, as many as fit, whenever it is asked.
    CheapHeaders,
    /// It announces blocks that do not exist.
    FalseAnnouncements,
    /// It announces blocks and does not have them.
    Withholds,
    /// Its chain has more work than all others, and one of its blocks breaks a rule when it is connected: which chain.
    InvalidChain(usize),
}

/// How a peer behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Its line.
    pub line: Line,
    /// Sends so many blocks, and then no more, though it still answers pings.
    pub stalls_after: Option<usize>,
    /// What it lies about.
    pub lie: Option<Lie>,
    /// Leaves this long after it came, and comes back as long after that.
    pub churn: Option<Duration>,
    /// Why the connection exists, in our node's eyes.
    pub kind: ConnKind,
}

impl Behaviour {
    /// Honest, there to stay, and good for any block.
    pub fn is_reliable(&self) -> bool {
        self.stalls_after.is_none() && self.lie.is_none() && self.churn.is_none()
    }
}

/// What a peer puts on the line.
#[derive(Debug)]
pub enum Out {
    /// A message.
    Message(Message),
    /// Bytes that are no message, as many as that.
    Garbage(WireError, usize),
}

impl Out {
    /// Size on the wire in bytes.
    pub fn size(&self) -> usize {
        24 + match self {
            Self::Garbage(_, size) => *size,
            Self::Message(message) => match message {
                Message::Block(block) => block.size(),
                Message::Headers(headers) => 3 + 81 * headers.len(),
                Message::Inv(items) | Message::GetData(items) | Message::NotFound(items) => {
                    3 + 36 * items.len()
                }
                Message::Version(version) => 86 + version.user_agent.len(),
                _ => 8,
            },
        }
    }
}

/// One peer.
#[derive(Debug)]
pub struct SimPeer {
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Where it is.
    pub addr: Address,
    /// The connection, while one stands.
    pub id: Option<PeerId>,
    /// The tip of its chain.
    pub tip: BlockId,
    /// It was dropped by our node and does not come back.
    pub dropped: Option<String>,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    /// Our node reads from it.
    pub(super) reading: bool,
    /// What arrived while it was not read.
    pub(super) held: std::collections::VecDeque<Out>,
    blocks_sent: usize,
    cheap: Vec<Header>,
}

impl SimPeer {
    /// A peer that is not connected.
    pub fn new(behaviour: Behaviour, addr: Address, tip: BlockId) -> Self {
        Self {
            behaviour,
            addr,
            id: None,
            tip,
            dropped: None,
            up: Pipe::default(),
            down: Pipe::default(),
            reading: true,
            held: std::collections::VecDeque::new(),
            blocks_sent: 0,
            cheap: Vec::new(),
        }
    }

    /// A new connection.
    pub fn connect(&mut self, id: PeerId) {
        self.id = Some(id);
        self.up = Pipe::default();
        self.down = Pipe::default();
        self.reading = true;
        self.held.clear();
    }

    fn version(&self, blocks: &Blocks, now: Timestamp) -> Message {
        Message::Version(Version {
            protocol: 70_016,
            services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
            timestamp: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            receiver_services: ServiceFlags::NONE,
            receiver: Address::UNSPECIFIED,
            sender_services: ServiceFlags::NONE,
            sender: Address::UNSPECIFIED,
            nonce: u64::from(self.addr.port),
            user_agent: "/simulated:1/".to_owned(),
            start_height: i32::try_from(blocks.get(self.tip).height).unwrap_or(i32::MAX),
            relay: false,
        })
    }

    /// What it says first on a connection that it opened.
    pub fn greet(&self, blocks: &Blocks, now: Timestamp) -> Vec<Out> {
        if self.behaviour.kind == ConnKind::Inbound {
            vec![Out::Message(self.version(blocks, now))]
        } else {
            Vec::new()
        }
    }

    /// Its answer to a message of our node.
    pub fn answer(
        &mut self,
        message: &Message,
        blocks: &Arc<Blocks>,
        now: Timestamp,
        rng: &mut ChaCha12Rng,
    ) -> Vec<Out> {
        match message {
            Message::Version(_) => {
                let mut out = Vec::new();
                if self.behaviour.kind != ConnKind::Inbound {
                    out.push(Out::Message(self.version(blocks, now)));
                }
                out.push(Out::Message(Message::WtxidRelay));
                out.push(Out::Message(Message::SendAddrV2));
                out.push(Out::Message(Message::Verack));
                out.push(Out::Message(Message::SendHeaders));
                out
            }
            Message::Ping(nonce) => vec![Out::Message(Message::Pong(*nonce))],
            Message::GetHeaders(locator) => {
                let headers =
                    blocks.headers_after(self.tip, &locator.hashes, locator.stop, MAX_HEADERS);
                vec![Out::Message(Message::Headers(
                    self.lie_about_headers(headers, blocks),
                ))]
            }
            Message::GetData(items) => items
                .iter()
                .filter_map(|item| match item {
                    Inventory::WitnessBlock(hash) | Inventory::Block(hash) => {
                        self.deliver(*hash, blocks, rng)
                    }
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Tells of its present tip.
    pub fn announce(&self, blocks: &Blocks, rng: &mut ChaCha12Rng) -> Vec<Out> {
        let tip = blocks.get(self.tip);
        let hash = match self.behaviour.lie {
            Some(Lie::FalseAnnouncements) => BlockHash::from_byte_array(rng.random()),
            _ => tip.hash,
        };
        if hash == tip.hash && rng.random_bool(0.7) {
            vec![Out::Message(Message::Headers(vec![tip.header]))]
        } else {
            vec![Out::Message(Message::Inv(vec![Inventory::Block(hash)]))]
        }
    }

    fn deliver(&mut self, hash: BlockHash, blocks: &Blocks, rng: &mut ChaCha12Rng) -> Option<Out> {
        let Some(id) = blocks
            .find(&hash)
            .filter(|id| blocks.is_ancestor(*id, self.tip))
            .filter(|_| self.behaviour.lie != Some(Lie::Withholds))
        else {
            return Some(Out::Message(Message::NotFound(vec![
                Inventory::WitnessBlock(hash),
            ])));
        };
        if self
            .behaviour
            .stalls_after
            .is_some_and(|most| self.blocks_sent >= most)
        {
            return None;
        }
        self.blocks_sent += 1;
        let raw = &blocks.get(id).raw;
        match self.behaviour.lie {
            Some(Lie::BadBodies(part)) if rng.random_bool(part) => {
                Some(Out::Message(Message::Block(flip_a_byte(raw, rng))))
            }
            Some(Lie::Damaged(part)) if rng.random_bool(part) => Some(Out::Garbage(
                WireError::Malformed {
                    command: "block",
                    size: raw.size(),
                    error: tipward_p2p::wire::DecodeError::EndOfData,
                },
                raw.size(),
            )),
            _ => Some(Out::Message(Message::Block(raw.clone()))),
        }
    }

    fn lie_about_headers(&mut self, mut headers: Vec<Header>, blocks: &Blocks) -> Vec<Header> {
        match self.behaviour.lie {
            Some(Lie::WorthlessHeaders) => {
                if let Some(last) = headers.last_mut() {
                    last.bits = CompactTarget::from_consensus(0x1d00_ffff);
                }
            }
            Some(Lie::TornHeaders) if headers.len() > 2 => {
                headers.remove(1);
            }
            Some(Lie::CheapHeaders) => {
                if self.cheap.is_empty() {
                    self.cheap = cheap_chain(blocks);
                }
                return self.cheap.clone();
            }
            _ => {}
        }
        headers
    }
}

/// The block with one byte behind the header changed.
fn flip_a_byte(raw: &RawBlock, rng: &mut ChaCha12Rng) -> RawBlock {
    let mut bytes = BytesMut::from(&raw.bytes()[..]);
    // Behind the header and the number of transactions, so that it is the content that is wrong.
    let at = rng.random_range(RawBlock::HEADER_SIZE + 5..bytes.len());
    bytes[at] ^= 1 << rng.random_range(0..8);
    RawBlock::new(bytes.freeze()).expect("it is as long as it was")
}

/// Valid headers on top of the genesis block, as many as a message can hold, but too few to be worth anything: on regtest
/// all headers have the same work.
fn cheap_chain(blocks: &Blocks) -> Vec<Header> {
    let count = blocks.required_height().saturating_sub(10) as usize;
    let genesis = blocks.get(0);
    let mut prev = genesis.header;
    let mut hash = genesis.hash;
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count.min(MAX_HEADERS) {
        let mut header = Header {
            prev_blockhash: hash,
            time: prev.time + 1,
            nonce: 0,
            version: bitcoin::block::Version::from_consensus(0x2000_0000),
            ..prev
        };
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
        hash = header.block_hash();
        prev = header;
        headers.push(header);
    }
    headers
}
