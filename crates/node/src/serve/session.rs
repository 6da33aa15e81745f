//! One connection of a serving peer.
//!
//! A reader task turns messages into requests; the session answers them in order. Between the two lies a bounded
//! queue, so a node that asks faster than it reads is simply no longer read from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bitcoin::hashes::{Hash as _, sha256d};
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::address::Address;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_network::VersionMessage;
use tipward_primitives::BlockHash;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::archive::Archive;
use super::{Announce, Behaviour, wire};
use crate::blocks;

/// Requests that wait for their answer: more than a node has in flight with one peer.
const MAX_WAITING: usize = 256;
/// Headers in one message.
const MAX_HEADERS: usize = 2000;
/// Above this many new blocks an inv is sent, and the node asks for the headers itself.
const MAX_ANNOUNCED_HEADERS: usize = 8;
/// BIP130: the other end wants announcements as headers. 70016 is what the node speaks too.
const PROTOCOL_VERSION: u32 = 70_016;

pub(super) struct Session {
    pub(super) archive: Arc<Archive>,
    pub(super) magic: [u8; 4],
    pub(super) behaviour: Behaviour,
    /// Changes whenever the archive's tip does.
    pub(super) tips: watch::Receiver<BlockHash>,
    /// Blocks sent, to all nodes.
    pub(super) blocks_sent: Arc<AtomicU64>,
}

struct Request {
    arrived: Instant,
    message: NetworkMessage,
}

struct Answering {
    session: Session,
    writer: OwnedWriteHalf,
    pacer: Option<Pacer>,
    /// The node asked for announcements as headers.
    wants_headers: bool,
    /// The last tip that the node was told of.
    announced: BlockHash,
    blocks_sent: u64,
}

impl Session {
    /// Speaks to one node until either end closes the connection.
    pub(super) async fn run(self, stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let (requests_in, mut requests) = mpsc::channel(MAX_WAITING);
        let read = tokio::spawn(read_requests(reader, self.magic, requests_in));
        let mut tips = self.tips.clone();
        let announced = self.archive.tip().1;
        let mut answering = Answering {
            pacer: self.behaviour.rate.map(Pacer::new),
            session: self,
            writer,
            wants_headers: false,
            announced,
            blocks_sent: 0,
        };
        let mut shaken = false;
        let result = loop {
            let step = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => {
                        shaken |= matches!(request.message, NetworkMessage::Verack);
                        answering.answer(request).await
                    }
                    None => break Ok(()),
                },
                changed = tips.changed(), if shaken => match changed {
                    Ok(()) => answering.announce().await,
                    Err(_) => break Ok(()),
                },
            };
            if let Err(error) = step {
                break Err(error);
            }
        };
        read.abort();
        result
    }
}

async fn read_requests(
    mut reader: OwnedReadHalf,
    magic: [u8; 4],
    requests: mpsc::Sender<Request>,
) -> anyhow::Result<()> {
    while let Some(message) = wire::read_message(&mut reader, magic).await? {
        let request = Request {
            arrived: Instant::now(),
            message,
        };
        if requests.send(request).await.is_err() {
            break;
        }
    }
    Ok(())
}

impl Answering {
    async fn answer(&mut self, request: Request) -> anyhow::Result<()> {
        if let Some(latency) = self.session.behaviour.latency {
            sleep_until(request.arrived + latency).await;
        }
        match request.message {
            NetworkMessage::Version(_) => {
                let version = self.version();
                self.send(NetworkMessage::Version(version)).await?;
                self.send(NetworkMessage::Verack).await
            }
            NetworkMessage::Verack => {
                if self.session.behaviour.announce == Announce::Headers {
                    self.send(NetworkMessage::SendHeaders).await?;
                }
                Ok(())
            }
            NetworkMessage::SendHeaders => {
                self.wants_headers = true;
                Ok(())
            }
            NetworkMessage::Ping(nonce) => self.send(NetworkMessage::Pong(nonce)).await,
            NetworkMessage::GetHeaders(asked) => {
                let headers = self.session.archive.headers_after(
                    &asked.locator_hashes,
                    asked.stop_hash,
                    MAX_HEADERS,
                );
                self.send(NetworkMessage::Headers(headers)).await
            }
            NetworkMessage::GetData(items) => self.send_items(items).await,
            NetworkMessage::GetAddr => self.send(NetworkMessage::Addr(Vec::new())).await,
            _ => Ok(()),
        }
    }

    fn version(&self) -> VersionMessage {
        let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
        let nobody = Address::new(&([0, 0, 0, 0], 0).into(), ServiceFlags::NONE);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        VersionMessage {
            version: PROTOCOL_VERSION,
            services,
            timestamp: now.as_secs() as i64,
            receiver: nobody.clone(),
            sender: nobody,
            nonce: rand::random(),
            user_agent: concat!("/tipward-serve:", env!("CARGO_PKG_VERSION"), "/").to_owned(),
            start_height: self.session.archive.tip().0 as i32,
            relay: false,
        }
    }

    async fn send_items(&mut self, items: Vec<Inventory>) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        for item in items {
            let (hash, witness) = match item {
                Inventory::WitnessBlock(hash) => (hash, true),
                Inventory::Block(hash) => (hash, false),
                other => {
                    missing.push(other);
                    continue;
                }
            };
            if self.stalls() {
                continue;
            }
            if !self.send_block(hash, witness).await? {
                missing.push(item);
            }
        }
        if !missing.is_empty() {
            self.send(NetworkMessage::NotFound(missing)).await?;
        }
        Ok(())
    }

    /// A stalling peer goes on answering everything but requests for blocks.
    fn stalls(&self) -> bool {
        self.session
            .behaviour
            .stall_after
            .is_some_and(|n| self.blocks_sent >= n)
    }

    /// Sends a block straight from the mapped file; `false` if there is no such block.
    async fn send_block(&mut self, hash: BlockHash, witness: bool) -> anyhow::Result<bool> {
        let Some(block) = self.session.archive.get(&hash) else {
            return Ok(false);
        };
        let height = self.session.archive.height_of(&hash);
        let corrupt =
            height.is_some_and(|height| self.session.behaviour.corrupt_block.contains(&height));
        if corrupt {
            // The frame is whole and its checksum right: only the transactions are no longer the header's.
            let mut bytes = block.bytes().to_vec();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            self.send_changed_block(&bytes).await?;
        } else if witness {
            let header =
                wire::block_frame_header(self.session.magic, block.bytes().len(), block.checksum);
            self.write(&header).await?;
            self.write(block.bytes()).await?;
        } else {
            let stripped = blocks::strip(block.bytes()).context("a file holds what is no block")?;
            self.send_changed_block(&stripped).await?;
        }
        self.blocks_sent += 1;
        self.session.blocks_sent.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    async fn send_changed_block(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let digest = sha256d::Hash::hash(bytes).to_byte_array();
        let checksum = [digest[0], digest[1], digest[2], digest[3]];
        let header = wire::block_frame_header(self.session.magic, bytes.len(), checksum);
        self.write(&header).await?;
        self.write(bytes).await
    }

    async fn announce(&mut self) -> anyhow::Result<()> {
        let headers = self.session.archive.headers_since(self.announced);
        let Some(tip) = headers.last().map(|header| header.block_hash()) else {
            return Ok(());
        };
        self.announced = tip;
        let by_headers = self.session.behaviour.announce == Announce::Headers
            && self.wants_headers
            && headers.len() <= MAX_ANNOUNCED_HEADERS;
        if by_headers {
            self.send(NetworkMessage::Headers(headers)).await
        } else {
            self.send(NetworkMessage::Inv(vec![Inventory::Block(tip)]))
                .await
        }
    }

    async fn send(&mut self, message: NetworkMessage) -> anyhow::Result<()> {
        let bytes = wire::frame(self.session.magic, message);
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(pacer) = &mut self.pacer else {
            return Ok(self.writer.write_all(bytes).await?);
        };
        for chunk in bytes.chunks(pacer.chunk) {
            self.writer.write_all(chunk).await?;
            pacer.sent(chunk.len()).await;
        }
        Ok(())
    }
}

/// Holds a connection to a number of bytes a second.
struct Pacer {
    rate: u64,
    chunk: usize,
    /// When all that was sent so far should have left.
    due: Instant,
}

impl Pacer {
    /// What an idle connection may make up for.
    const SLACK: Duration = Duration::from_millis(50);

    fn new(rate: u64) -> Self {
        Self {
            rate,
            chunk: usize::try_from(rate / 50).map_or(65_536, |bytes| bytes.clamp(64, 65_536)),
            due: Instant::now(),
        }
    }

    async fn sent(&mut self, bytes: usize) {
        let now = Instant::now();
        let floor = now.checked_sub(Self::SLACK).unwrap_or(now);
        let takes = Duration::from_secs_f64(bytes as f64 / self.rate.max(1) as f64);
        self.due = self.due.max(floor) + takes;
        if self.due > now {
            sleep(self.due - now).await;
        }
    }
}
