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
use tipward_chain::{BlockMark, BlockOutcome, ChainEvent, Fault};
use tipward_consensus::CheckedBlock;
use tipward_primitives::{BlockHash, Header};
use tipward_store::{BlockStore, NewBlock, StoreError};

use crate::faults::store_fault;
use crate::handle::Counters;
use crate::handoff::Handoff;
use crate::prepared::PreparedBlock;
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
    pub(crate) block: Body,
}

/// What is to be written.
pub(crate) enum Body {
    /// To be kept until it is connected, if there is room.
    Prepared(Arc<PreparedBlock>),
    /// It was not worth its preparation: when its turn to be connected comes, it is read again.
    Bare(Box<CheckedBlock>),
}

impl Body {
    fn block(&self) -> &CheckedBlock {
        match self {
            Self::Prepared(block) => block.block(),
            Self::Bare(block) => block,
        }
    }
}

/// What else the writer is told.
pub(crate) enum Control {
    /// There is something in [`NewRecords`].
    Records,
    /// Sync, and say how it went.
    Flush(Sender<Result<(), Fault>>),
    /// Delete block files that are not needed any more.
    Prune(PruneOrder),
}

/// Block files to delete.
pub(crate) struct PruneOrder {
    pub(crate) files: Vec<u32>,
    /// Hears how it went.
    pub(crate) done: Box<dyn FnOnce(Result<(), Fault>) + Send>,
}

/// Headers and marks that wait for the writer. Not bounded, because each of them is also in the header tree, which takes
/// more memory for it and bounds what may enter.
#[derive(Clone, Default)]
pub(crate) struct NewRecords(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    headers: Vec<Header>,
    marks: Vec<(BlockHash, BlockMark)>,
}

impl NewRecords {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_headers(&self, headers: Vec<Header>) {
        let mut waiting = self.waiting();
        if waiting.headers.is_empty() {
            waiting.headers = headers;
        } else {
            waiting.headers.extend(headers);
        }
    }

    pub(crate) fn add_mark(&self, hash: BlockHash, mark: BlockMark) {
        self.waiting().marks.push((hash, mark));
    }

    /// Headers that wait.
    pub(crate) fn headers(&self) -> usize {
        self.waiting().headers.len()
    }

    /// Moves all behind what `to` holds.
    fn take(&self, to: &mut Records) {
        let mut waiting = self.waiting();
        to.headers.append(&mut waiting.headers);
        to.marks.append(&mut waiting.marks);
    }
}

/// The thread of the stage. Ends when every check thread has.
pub(crate) struct Writer {
    pub(crate) store: BlockStore,
    pub(crate) queue: Receiver<Checked>,
    pub(crate) control: Receiver<Control>,
    pub(crate) new_records: NewRecords,
    pub(crate) handoff: Handoff,
    pub(crate) sink: Sink,
    pub(crate) sync_bytes: u64,
    pub(crate) sync_interval: Duration,
    pub(crate) counters: Arc<Counters>,
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
    prunes: Vec<PruneOrder>,
    /// Taken from [`NewRecords`], not written yet.
    records: Records,
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
            prunes: Vec::new(),
            records: Records::default(),
            unsynced_since: None,
            told: None,
        }
    }

    fn run(mut self) -> Result<(), Fault> {
        loop {
            let open = self.wait();
            self.writer.new_records.take(&mut self.records);
            let records = self.write_records();
            match &records {
                Ok(()) => self.write_batch(),
                Err(fault) => fail(self.batch.drain(..), fault),
            }
            self.sync_when_due();
            if !self.flushes.is_empty() {
                let done = records.clone().and_then(|()| self.sync());
                for flush in self.flushes.drain(..) {
                    // Whoever asked may have gone.
                    let _ = flush.send(done.clone());
                }
            }
            for order in std::mem::take(&mut self.prunes) {
                let pruned = self.prune(&order.files);
                (order.done)(pruned);
            }
            if !open {
                return records.and_then(|()| self.sync());
            }
        }
    }

    /// Waits for something to do; false if there will be nothing any more.
    fn wait(&mut self) -> bool {
        let wake = if !(self.records.headers.is_empty() && self.records.marks.is_empty()) {
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
                Ok(Control::Prune(order)) => self.prunes.push(order),
                Ok(Control::Records) => {}
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

    fn write_records(&mut self) -> Result<(), Fault> {
        if !self.records.headers.is_empty() {
            let written = self.writer.store.append_headers(&self.records.headers);
            self.told(written)?;
            self.records.headers.clear();
            self.note_unsynced();
        }
        while let Some((hash, mark)) = self.records.marks.first().copied() {
            let mark = match mark {
                BlockMark::Invalid => tipward_store::BlockMark::Invalid,
                BlockMark::Reconsidered => tipward_store::BlockMark::Reconsidered,
            };
            let written = self.writer.store.append_mark(hash, mark);
            self.told(written)?;
            self.records.marks.remove(0);
            self.note_unsynced();
        }
        Ok(())
    }

    fn write_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let blocks: Vec<NewBlock> = self
            .batch
            .iter()
            .map(|Checked { ticket, block }| NewBlock {
                hash: ticket.hash(),
                height: ticket.height(),
                block: block.block().raw().clone(),
                transactions: transactions(block.block()),
            })
            .collect();
        let began = Instant::now();
        let appended = self.writer.store.append_blocks(&blocks);
        self.writer.counters.clocks.write.add(began.elapsed());
        match appended {
            Ok(_) => {
                self.note_unsynced();
                // What is not kept to be connected is not needed any more when who waits for the verdicts goes on.
                drop(blocks);
                for Checked { ticket, block } in self.batch.drain(..) {
                    let transactions = transactions(block.block());
                    if let Body::Prepared(block) = block {
                        self.writer.handoff.put(block);
                    }
                    ticket.decide(BlockOutcome::Stored { transactions });
                }
            }
            Err(e) => fail(self.batch.drain(..), &store_fault(&e)),
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

    /// Deletes block files, and tells who reads blocks.
    fn prune(&mut self, files: &[u32]) -> Result<(), Fault> {
        let pruned = self.writer.store.prune(files);
        let blocks = pruned.map_err(|e| store_fault(&e))?;
        tracing::info!(target: "store", "Deleted {} block files with {} blocks to save space", files.len(), blocks.len());
        let blocks = Arc::new(blocks);
        self.writer
            .sink
            .send(Event::Chain(ChainEvent::Pruned { blocks }));
        Ok(())
    }

    /// Tells a failure that belongs to no block, once.
    fn told(&mut self, result: Result<(), StoreError>) -> Result<(), Fault> {
        let Err(e) = result else {
            self.told = None;
            return Ok(());
        };
        let fault = store_fault(&e);
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

fn transactions(block: &CheckedBlock) -> u32 {
    u32::try_from(block.transaction_count()).expect("a block of 4 MB has fewer transactions")
}
