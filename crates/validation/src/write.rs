//! The write stage: the one thread that appends to the store.
//!
//! # Correctness
//!
//! A header is in the header log before a block that needs it is in the index: who submits a block has handed its
//! header over before, and on every turn the writer takes what it is to write first and the headers after, so that it
//! has the headers of all that it took; it writes headers first, and no block while headers could not be written.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, after, never, select};
use tipward_chain::{BlockOutcome, Fault};
use tipward_consensus::CheckedBlock;
use tipward_primitives::Header;
use tipward_store::{BlockStore, NewBlock, StoreError};

use crate::ticket::{Event, Sink, Ticket, panic_message};

/// The most that one batch takes: enough that a system call for each batch costs nothing, and so little that verdicts are
/// not held up.
const BATCH_BLOCKS: usize = 256;
const BATCH_BYTES: usize = 16 << 20;

/// After a failure to write headers they are tried again so often.
const RETRY: Duration = Duration::from_secs(1);

/// A block on its way to the block files.
pub(crate) struct Checked {
    pub(crate) ticket: Ticket,
    pub(crate) block: CheckedBlock,
}

/// What else the writer is told.
pub(crate) enum Control {
    /// There are new headers in [`NewHeaders`].
    Headers,
    /// Sync, and say how it went.
    Flush(Sender<Result<(), Fault>>),
}

/// Headers that wait for the writer. Not bounded, because every one of them is also in the header tree, which takes more
/// memory for it and bounds what may enter.
#[derive(Clone, Default)]
pub(crate) struct NewHeaders(Arc<Mutex<Vec<Header>>>);

impl NewHeaders {
    pub(crate) fn add(&self, headers: Vec<Header>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            *waiting = headers;
        } else {
            waiting.extend(headers);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<Header> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The thread of the stage. Ends when every check thread has.
pub(crate) struct Writer {
    pub(crate) store: BlockStore,
    pub(crate) queue: Receiver<Checked>,
    pub(crate) control: Receiver<Control>,
    pub(crate) new_headers: NewHeaders,
    pub(crate) sink: Sink,
    pub(crate) sync_bytes: u64,
    pub(crate) sync_interval: Duration,
}

impl Writer {
    /// Runs until the end; returns how the last sync went.
    pub(crate) fn run(self) -> Result<(), Fault> {
        let sink = self.sink.clone();
        catch_unwind(AssertUnwindSafe(|| Turns::new(self).run())).unwrap_or_else(|panic| {
            let fault = Fault {
                what: format!(
                    "the thread that writes blocks panicked, which is a bug of ours: {}",
                    panic_message(&*panic)
                ),
                may_pass: false,
            };
            sink.send(Event::Fault(fault.clone()));
            Err(fault)
        })
    }
}

/// What the writer has in hand.
struct Turns {
    writer: Writer,
    batch: Vec<Checked>,
    flushes: Vec<Sender<Result<(), Fault>>>,
    /// Taken from [`NewHeaders`], not written yet.
    headers: Vec<Header>,
    /// When the oldest of what is not synced was written.
    unsynced_since: Option<Instant>,
    /// The last thing that failed outside a block: told once, until something works again.
    told: Option<Fault>,
}

impl Turns {
    fn new(writer: Writer) -> Self {
        Self {
            writer,
            batch: Vec::new(),
            flushes: Vec::new(),
            headers: Vec::new(),
            unsynced_since: None,
            told: None,
        }
    }

    fn run(mut self) -> Result<(), Fault> {
        loop {
            let open = self.wait();
            self.headers.append(&mut self.writer.new_headers.take());
            let headers = self.write_headers();
            match &headers {
                Ok(()) => self.write_batch(),
                Err(fault) => fail(self.batch.drain(..), fault),
            }
            self.sync_when_due();
            if !self.flushes.is_empty() {
                let done = headers.clone().and_then(|()| self.sync());
                for flush in self.flushes.drain(..) {
                    // Whoever asked may have gone.
                    let _ = flush.send(done.clone());
                }
            }
            if !open {
                return headers.and_then(|()| self.sync());
            }
        }
    }

    /// Waits for something to do; false if there will be nothing any more.
    fn wait(&mut self) -> bool {
        let wake = if !self.headers.is_empty() {
            after(RETRY)
        } else if let Some(since) = self.unsynced_since {
            after(self.writer.sync_interval.saturating_sub(since.elapsed()))
        } else {
            never()
        };
        select! {
            recv(self.writer.queue) -> block => match block {
                Ok(block) => self.batch.push(block),
                Err(_) => return false,
            },
            recv(self.writer.control) -> control => match control {
                Ok(Control::Flush(reply)) => self.flushes.push(reply),
                Ok(Control::Headers) => {}
                // The pipeline is stopping: what is left comes through the other queue.
                Err(_) => match self.writer.queue.recv_timeout(RETRY) {
                    Ok(block) => self.batch.push(block),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return false,
                },
            },
            recv(wake) -> _ => {}
        }
        let mut bytes: usize = self.batch.iter().map(|b| b.ticket.size()).sum();
        while self.batch.len() < BATCH_BLOCKS && bytes < BATCH_BYTES {
            let Ok(block) = self.writer.queue.try_recv() else {
                break;
            };
            bytes += block.ticket.size();
            self.batch.push(block);
        }
        true
    }

    fn write_headers(&mut self) -> Result<(), Fault> {
        if self.headers.is_empty() {
            return Ok(());
        }
        let written = self.writer.store.append_headers(&self.headers);
        self.told(written)?;
        self.headers.clear();
        self.note_unsynced();
        Ok(())
    }

    fn write_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let mut tickets = Vec::with_capacity(self.batch.len());
        let mut blocks = Vec::with_capacity(self.batch.len());
        for Checked { ticket, block } in self.batch.drain(..) {
            let transactions = u32::try_from(block.transaction_count())
                .expect("a block of 4 MB has fewer transactions");
            blocks.push(NewBlock {
                hash: ticket.hash(),
                block: block.into_raw(),
                transactions,
            });
            tickets.push(ticket);
        }
        match self.writer.store.append_blocks(&blocks) {
            Ok(_) => {
                self.note_unsynced();
                // Their bytes are not needed any more when who waits for the verdicts goes on.
                let transactions: Vec<u32> = blocks.iter().map(|b| b.transactions).collect();
                drop(blocks);
                for (ticket, transactions) in tickets.into_iter().zip(transactions) {
                    ticket.decide(BlockOutcome::Stored { transactions });
                }
            }
            Err(e) => {
                let fault = fault(&e);
                for ticket in tickets {
                    ticket.decide(BlockOutcome::Failed(fault.clone()));
                }
            }
        }
    }

    fn note_unsynced(&mut self) {
        if self.writer.store.unsynced_bytes() > 0 {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
    }

    fn sync_when_due(&mut self) {
        let overdue = self
            .unsynced_since
            .is_some_and(|since| since.elapsed() >= self.writer.sync_interval);
        if overdue || self.writer.store.unsynced_bytes() >= self.writer.sync_bytes {
            // A failure has been told.
            let _ = self.sync();
        }
    }

    fn sync(&mut self) -> Result<(), Fault> {
        let began = Instant::now();
        let bytes = self.writer.store.unsynced_bytes();
        // Also after a failure: the next attempt is due after another interval.
        self.unsynced_since = None;
        let synced = self.writer.store.sync();
        self.told(synced)?;
        tracing::debug!(bytes, took = ?began.elapsed(), "synced blocks and headers");
        Ok(())
    }

    /// Tells a failure that belongs to no block, once.
    fn told(&mut self, result: Result<(), StoreError>) -> Result<(), Fault> {
        let Err(e) = result else {
            self.told = None;
            return Ok(());
        };
        let fault = fault(&e);
        if self.told.as_ref() != Some(&fault) {
            self.told = Some(fault.clone());
            self.writer.sink.send(Event::Fault(fault.clone()));
        }
        self.note_unsynced();
        Err(fault)
    }
}

fn fail(blocks: impl Iterator<Item = Checked>, fault: &Fault) {
    for block in blocks {
        block.ticket.decide(BlockOutcome::Failed(fault.clone()));
    }
}

fn fault(e: &StoreError) -> Fault {
    Fault {
        what: e.to_string(),
        may_pass: e.is_full(),
    }
}
