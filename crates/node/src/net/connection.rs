//! One connection: a task that reads, a task that writes, and what the driver holds of both.
//!
//! ```text
//!  socket --> reader: bytes straight into the decoder's buffer --> Input::Message --(bounded)--> driver
//!  socket <-- writer: blocks read from disk, messages encoded <--(bounded)-- Outgoing <-- driver
//! ```
//!
//! # Bounds
//! What the readers of all peers have handed over and the driver has not yet taken is bounded in bytes by
//! [`INPUT_BYTES`]: a reader that cannot get its share waits and reads nothing meanwhile, so the kernel's window closes
//! and the peer waits too. What waits to be sent to a peer is bounded in messages by the queue and in bytes by
//! [`MAX_QUEUED_BYTES`]; a peer that takes in nothing while it asks for ever more is disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Buf as _;
use tipward_p2p::transport::{MessageReader, MessageWriter, V1Reader, V1Writer};
use tipward_p2p::wire::{Consequence, EncodedFrame, Message};
use tipward_p2p::{Input, PeerId, Transport};
use tipward_primitives::BlockHash;
use tipward_store::BlockReader;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::limit::{Limit, Limits};
use crate::blocks;

/// Messages that may wait for one peer. A peer that keeps up has a handful.
const OUTGOING_QUEUE: usize = 1024;
/// Bytes that may wait for one peer: as much as it can ask for before we stop reading from it, several times over.
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of messages between all readers and the driver: a few blocks of the greatest size.
const INPUT_BYTES: usize = 32 * 1024 * 1024;
/// The semaphore counts in units of this many bytes, so that a message of any size fits its counter.
const PERMIT_UNIT: usize = 64;
/// A block on its way is reported this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes of a block that are handed to the socket at once. Progress is reported in between.
const WRITE_CHUNK: usize = 256 * 1024;

/// Something for the driver from a connection's tasks.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) input: Input,
    /// Its share of [`INPUT_BYTES`], given back when the driver has handled it.
    _share: Option<OwnedSemaphorePermit>,
}

/// Where the tasks of all connections report to.
#[derive(Clone)]
pub(super) struct Reports {
    queue: mpsc::Sender<Incoming>,
    share: Arc<Semaphore>,
}

impl Reports {
    /// Reports that end in `queue`.
    pub(super) fn new(queue: mpsc::Sender<Incoming>) -> Self {
        Self {
            queue,
            share: Arc::new(Semaphore::new(INPUT_BYTES / PERMIT_UNIT)),
        }
    }

    /// How much waits for the driver.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Hands something over; `false` when the driver has ended.
    pub(super) async fn send(&self, input: Input) -> bool {
        self.queue
            .send(Incoming {
                input,
                _share: None,
            })
            .await
            .is_ok()
    }

    async fn send_message(&self, input: Input, size: usize) -> bool {
        let units = size.div_ceil(PERMIT_UNIT).min(INPUT_BYTES / PERMIT_UNIT) as u32;
        let Ok(share) = self.share.clone().acquire_many_owned(units).await else {
            return false;
        };
        self.queue
            .send(Incoming {
                input,
                _share: Some(share),
            })
            .await
            .is_ok()
    }
}

/// Something for a peer, in the order in which it shall leave.
enum Outgoing {
    Message(Message),
    /// Read from disk only when its turn has come.
    Block {
        hash: BlockHash,
        witness: bool,
    },
}

/// What the driver holds of a connection. The connection ends when this is dropped.
pub(super) struct Connection {
    outgoing: mpsc::Sender<Outgoing>,
    queued: Arc<AtomicUsize>,
    reading: watch::Sender<bool>,
    cancel: CancellationToken,
}

/// The queue to a peer is full.
#[derive(Debug)]
pub(super) struct Overflow;

impl Connection {
    /// Starts the tasks of a connection that stands. They report [`Input::Disconnected`] last.
    pub(super) fn start(
        peer: PeerId,
        stream: TcpStream,
        transport: Transport,
        magic: [u8; 4],
        reports: Reports,
        blocks: BlockReader,
        limits: Limits,
    ) -> Self {
        limits.download.bound_kernel(&stream);
        let (outgoing, queue) = mpsc::channel(OUTGOING_QUEUE);
        let (reading, may_read) = watch::channel(true);
        let queued = Arc::new(AtomicUsize::new(0));
        let cancel = CancellationToken::new();
        let (read_half, write_half) = stream.into_split();
        let Transport::V1 = transport;
        let reader = Reader {
            peer,
            socket: read_half,
            decoder: V1Reader::new(magic),
            may_read,
            reports: reports.clone(),
            limit: limits.download,
        };
        let writer = Writer {
            peer,
            socket: write_half,
            encoder: V1Writer::new(magic),
            queue,
            queued: queued.clone(),
            reports: reports.clone(),
            blocks,
            limit: limits.upload,
        };
        tokio::spawn(run(peer, reader, writer, reports, cancel.clone()));
        Self {
            outgoing,
            queued,
            reading,
            cancel,
        }
    }

    /// Puts a message into the queue.
    pub(super) fn send(&self, message: Message) -> Result<(), Overflow> {
        let size = wire_size(&message);
        if self.queued.load(Ordering::Relaxed).saturating_add(size) > MAX_QUEUED_BYTES {
            return Err(Overflow);
        }
        self.queued.fetch_add(size, Ordering::Relaxed);
        self.outgoing
            .try_send(Outgoing::Message(message))
            .map_err(|_| Overflow)
    }

    /// Puts a stored block into the queue.
    pub(super) fn send_block(&self, hash: BlockHash, witness: bool) -> Result<(), Overflow> {
        self.outgoing
            .try_send(Outgoing::Block { hash, witness })
            .map_err(|_| Overflow)
    }

    /// Stops or goes on reading. A message that is being handed over is not held back.
    pub(super) fn set_reading(&self, reading: bool) {
        self.reading.send_replace(reading);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Reads and writes until one of them ends or the driver has had enough, then says so, after everything else.
async fn run<R: MessageReader + 'static, W: MessageWriter + 'static>(
    peer: PeerId,
    reader: Reader<R>,
    writer: Writer<W>,
    reports: Reports,
    cancel: CancellationToken,
) {
    let stop_writing = cancel.child_token();
    let mut writing = tokio::spawn({
        let stop = stop_writing.clone();
        async move {
            tokio::select! {
                ended = writer.run() => Some(ended),
                () = stop.cancelled() => None,
            }
        }
    });
    let error = tokio::select! {
        ended = reader.run() => ended.err().map(|error| error.to_string()),
        ended = &mut writing => match ended {
            Ok(Some(Err(error))) => Some(error.to_string()),
            _ => None,
        },
        () = cancel.cancelled() => None,
    };
    stop_writing.cancel();
    if !writing.is_finished() {
        // The writer must not report anything after the end.
        let _ = writing.await;
    }
    reports.send(Input::Disconnected { peer, error }).await;
}

struct Reader<R> {
    peer: PeerId,
    socket: OwnedReadHalf,
    decoder: R,
    may_read: watch::Receiver<bool>,
    reports: Reports,
    limit: Limit,
}

impl<R: MessageReader> Reader<R> {
    /// `Ok` when the peer closed the connection between two messages.
    async fn run(mut self) -> std::io::Result<()> {
        let mut since_report = 0;
        let mut last_report = Instant::now();
        loop {
            if !self.wait_until_wanted().await {
                return Ok(());
            }
            let mut piece = (&mut self.socket).take(self.limit.piece() as u64);
            let read = piece.read_buf(&mut self.decoder.buffer()).await?;
            if read == 0 {
                return Ok(());
            }
            self.limit.passed(read).await;
            since_report += read;
            if !self.hand_over_messages().await {
                return Ok(());
            }
            if self.decoder.partial() == 0 {
                since_report = 0;
            } else if last_report.elapsed() >= PROGRESS_INTERVAL {
                let (peer, bytes) = (self.peer, since_report);
                if !self.reports.send(Input::Receiving { peer, bytes }).await {
                    return Ok(());
                }
                since_report = 0;
                last_report = Instant::now();
            }
        }
    }

    /// Hands every whole message to the driver; `false` when there is no use in reading on.
    async fn hand_over_messages(&mut self) -> bool {
        let peer = self.peer;
        loop {
            match self.decoder.next_message() {
                Ok(None) => return true,
                Ok(Some(received)) => {
                    if !self.wait_until_wanted().await {
                        return false;
                    }
                    let size = received.size;
                    let message = received.message;
                    let input = Input::Message {
                        peer,
                        message,
                        size,
                    };
                    if !self.reports.send_message(input, size).await {
                        return false;
                    }
                }
                Err(error) => {
                    let go_on = error.consequence() == Consequence::Ignore;
                    let reported = self.reports.send(Input::Malformed { peer, error }).await;
                    if !reported {
                        return false;
                    }
                    if !go_on {
                        // The machine decides how the connection ends, and the driver then drops it.
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }

    async fn wait_until_wanted(&mut self) -> bool {
        *self.may_read.borrow() || self.may_read.wait_for(|reading| *reading).await.is_ok()
    }
}

struct Writer<W> {
    peer: PeerId,
    socket: OwnedWriteHalf,
    encoder: W,
    queue: mpsc::Receiver<Outgoing>,
    queued: Arc<AtomicUsize>,
    reports: Reports,
    blocks: BlockReader,
    limit: Limit,
}

impl<W: MessageWriter> Writer<W> {
    async fn run(mut self) -> std::io::Result<()> {
        while let Some(outgoing) = self.queue.recv().await {
            match outgoing {
                Outgoing::Message(message) => {
                    let size = wire_size(&message);
                    let command = message.command();
                    let frame = self.encoder.encode(&message);
                    let written = self.write(frame, command).await;
                    self.queued.fetch_sub(size, Ordering::Relaxed);
                    written?;
                }
                Outgoing::Block { hash, witness } => self.serve_block(hash, witness).await?,
            }
        }
        Ok(())
    }

    async fn serve_block(&mut self, hash: BlockHash, witness: bool) -> std::io::Result<()> {
        let block = blocks::read_for_peer(self.blocks.clone(), hash, witness).await;
        let frame = block.map(|bytes| self.encoder.encode_block(bytes));
        let found = frame.is_some();
        let peer = self.peer;
        self.reports
            .send(Input::BlockServed { peer, hash, found })
            .await;
        match frame {
            Some(frame) => {
                let size = frame.remaining();
                self.queued.fetch_add(size, Ordering::Relaxed);
                let written = self.write(frame, "block").await;
                self.queued.fetch_sub(size, Ordering::Relaxed);
                written
            }
            None => Ok(()),
        }
    }

    async fn write(
        &mut self,
        mut frame: EncodedFrame,
        command: &'static str,
    ) -> std::io::Result<()> {
        let size = frame.remaining();
        let piece = WRITE_CHUNK.min(self.limit.piece());
        while frame.has_remaining() {
            let before = frame.remaining();
            self.socket
                .write_all_buf(&mut (&mut frame).take(piece))
                .await?;
            self.limit.passed(before - frame.remaining()).await;
        }
        let queued = self.queued.load(Ordering::Relaxed).saturating_sub(size);
        let peer = self.peer;
        self.reports
            .send(Input::Sent {
                peer,
                command,
                size,
                queued,
            })
            .await;
        Ok(())
    }
}

/// About how many bytes a message takes on the wire: exact where messages are large.
fn wire_size(message: &Message) -> usize {
    const FRAME: usize = 24;
    const SMALL: usize = 100;
    FRAME
        + match message {
            Message::Headers(headers) => 3 + 81 * headers.len(),
            Message::Inv(items) | Message::GetData(items) | Message::NotFound(items) => {
                3 + 36 * items.len()
            }
            Message::Addr(entries) | Message::AddrV2(entries) => 3 + 50 * entries.len(),
            Message::GetHeaders(locator) | Message::GetBlocks(locator) => {
                SMALL + 32 * locator.hashes.len()
            }
            Message::Block(block) => block.size(),
            Message::Tx(transaction) => transaction.0.len(),
            _ => SMALL,
        }
}

#[cfg(test)]
mod tests;
