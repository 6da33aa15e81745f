use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, TrySendError, bounded};
use tipward_chain::{BlockJob, BlockMark, BlockRef, ChainView, Fault};
use tipward_coins::{CoinCache, CoinsDb};
use tipward_primitives::{BlockHash, Header, RawBlock};
use tipward_store::{BlockReader, BlockStore, UndoFiles, UndoReader};

use crate::bell::Bell;
use crate::check::{CheckBlock, Unchecked, Worker, rules_of};
use crate::connect::{Connect, GoalSlot, Parts, Settings, SharedCoins, StopSign};
use crate::disk::Disk;
use crate::faults::{ended, lasting};
use crate::flush::Flusher;
use crate::handle::CoinsHandle;
use crate::handoff::Handoff;
use crate::load::{Loader, Sources};
use crate::options::Options;
use crate::scripts::ScriptPool;
use crate::start::Start;
use crate::ticket::{Event, Sink, Ticket};
use crate::write::{Checked, Control, NewRecords, Writer};

/// What waits in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepths {
    /// Blocks that wait for a check.
    pub check: usize,
    /// Blocks that wait for the writer.
    pub write: usize,
    /// Headers that wait for the writer.
    pub headers: usize,
    /// Written blocks that are kept in memory until they are connected.
    pub kept: usize,
}

/// The threads that check, store and connect blocks. Dropping it is [`Pipeline::shutdown`].
pub struct Pipeline {
    sink: Sink,
    new_records: NewRecords,
    reader: BlockReader,
    undo_reader: UndoReader,
    validated_tip: BlockRef,
    handoff: Handoff,
    goals: GoalSlot,
    bell: Bell,
    coins: CoinsHandle,
    disk: Option<Disk>,
    /// Checks are not worth while any more.
    stopping: Arc<AtomicBool>,
    stop_connecting: StopSign,
    /// `None` once the pipeline is stopping.
    check_queue: Option<Sender<Unchecked>>,
    /// As long as these are open, the writer runs. `None` once it is stopping.
    writer_queues: Option<WriterQueues>,
    workers: Vec<JoinHandle<()>>,
    connect: Option<JoinHandle<Result<(), Fault>>>,
    writer: Option<JoinHandle<Result<(), Fault>>>,
}

struct WriterQueues {
    /// Only to see how long it is.
    blocks: Sender<Checked>,
    control: Sender<Control>,
}

impl Pipeline {
    /// Starts the threads. `on_event` is called from any of them, and must not wait for anything that waits for the
    /// pipeline.
    ///
    /// `view` holds every header and block that is loaded; the coins must be of a block in it.
    ///
    /// # Errors
    /// If the coins cannot be read or are of a block that `view` does not know, or the system gives no threads.
    pub fn start(
        store: BlockStore,
        undo: UndoFiles,
        coins: CoinsDb,
        view: Arc<ChainView>,
        options: &Options,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, Fault> {
        let check = rules_of(view.params());
        let sink = Sink::new(on_event);
        Self::start_with(check, store, undo, coins, view, options, sink)
    }

    pub(crate) fn start_with(
        check: CheckBlock,
        store: BlockStore,
        undo: UndoFiles,
        coins: CoinsDb,
        view: Arc<ChainView>,
        options: &Options,
        sink: Sink,
    ) -> Result<Self, Fault> {
        let start = Start::of(&coins, &view)?;
        let (bell, heard) = Bell::new();
        let cache = CoinCache::new(coins.clone(), options.dbcache);
        let hasher = cache.hasher();
        let shared = SharedCoins::new(cache, coins.clone(), start.tip, options.lead);
        let (handle, queries) = CoinsHandle::new(shared.reader(), bell.clone());
        let (check_sender, check_queue) = bounded(options.queue);
        let (write_sender, write_queue) = bounded(options.queue);
        let (control_sender, control) = bounded(16);
        // Begun before the threads, so that those already running end if one cannot be started.
        let mut pipeline = Self {
            sink: sink.clone(),
            new_records: NewRecords::default(),
            reader: store.reader(),
            undo_reader: undo.reader(),
            validated_tip: start.tip,
            handoff: Handoff::new(options.handoff_bytes),
            goals: GoalSlot::default(),
            bell: bell.clone(),
            coins: handle,
            disk: options.prune.map(|prune| Disk {
                prune,
                blocks: store.reader().files(),
                undo: undo.reader().files(),
            }),
            stopping: Arc::default(),
            stop_connecting: StopSign::default(),
            check_queue: Some(check_sender),
            writer_queues: Some(WriterQueues {
                blocks: write_sender.clone(),
                control: control_sender.clone(),
            }),
            workers: Vec::new(),
            connect: None,
            writer: None,
        };
        let writer = Writer {
            store,
            queue: write_queue,
            control,
            new_records: pipeline.new_records.clone(),
            handoff: pipeline.handoff.clone(),
            sink: sink.clone(),
            sync_bytes: options.sync_bytes,
            sync_interval: options.sync_interval,
            counters: pipeline.coins.counters(),
        };
        pipeline.writer = Some(spawn("write", move || writer.run())?);
        for i in 0..options.check_threads.get() {
            let worker = Worker {
                check: Arc::clone(&check),
                hasher,
                handoff: pipeline.handoff.clone(),
                queue: check_queue.clone(),
                next: write_sender.clone(),
                stopping: Arc::clone(&pipeline.stopping),
                counters: pipeline.coins.counters(),
            };
            let worker = spawn(&format!("check-{i}"), move || worker.run())?;
            pipeline.workers.push(worker);
        }
        let sources = Sources {
            blocks: pipeline.reader.clone(),
            hasher,
            check,
        };
        let parts = Parts {
            view,
            tip: start.tip,
            on_disk: start.on_disk,
            coins: shared,
            undo,
            reader: pipeline.reader.clone(),
            handoff: pipeline.handoff.clone(),
            loader: Loader::start(options.load_threads.get(), &sources, &bell)
                .map_err(no_thread)?,
            sources,
            scripts: ScriptPool::start(options.script_threads.get()).map_err(no_thread)?,
            flusher: Flusher::start(
                coins.clone(),
                control_sender.clone(),
                sink.clone(),
                options.fault_points.clone(),
                bell.clone(),
            )
            .map_err(no_thread)?,
            writer: control_sender,
            disk: pipeline.disk.clone(),
            coins_db: coins,
            goals: pipeline.goals.clone(),
            stop: pipeline.stop_connecting.clone(),
            queries,
            counters: pipeline.coins.counters(),
            bell,
            heard,
            sink,
            settings: Settings {
                assume_valid: options.assume_valid,
                lead: options.lead,
                ahead_blocks: options.ahead_blocks,
                ahead_bytes: options.ahead_bytes,
                flush_interval: options.flush_interval,
                flush_deadline: options.flush_deadline,
                points: options.fault_points.clone(),
            },
        };
        pipeline.connect = Some(spawn("connect", move || Connect::run(parts))?);
        Ok(pipeline)
    }

    /// The tip that the connect thread starts from: the block that the coins on disk are of.
    pub fn validated_tip(&self) -> BlockRef {
        self.validated_tip
    }

    /// Has the connect thread go to the candidate of `view`; the newest goal is the one that counts. Numbers ascend. Never
    /// waits. [`ChainEvent::Settled`](tipward_chain::ChainEvent::Settled) says when it is there, or as far as it can go.
    pub fn set_goal(&self, number: u64, view: Arc<ChainView>) {
        self.goals.put(number, view);
        self.bell.ring();
    }

    /// Answers questions about the coins.
    pub fn coins(&self) -> CoinsHandle {
        self.coins.clone()
    }

    /// Hands a block over, whose header was handed over before. Waits while [`Options::queue`] blocks wait already.
    pub fn submit(&self, job: BlockJob, block: RawBlock) {
        let unchecked = self.unchecked(job, block);
        if let Some(queue) = &self.check_queue {
            // If nobody takes it, its ticket says so as it is dropped.
            let _ = queue.send(unchecked);
        }
    }

    /// Like [`Pipeline::submit`], but gives job and block back instead of waiting; then there is no verdict on them.
    pub fn try_submit(
        &self,
        job: BlockJob,
        block: RawBlock,
    ) -> Result<(), Box<(BlockJob, RawBlock)>> {
        let unchecked = self.unchecked(job, block);
        let Some(queue) = &self.check_queue else {
            return Ok(());
        };
        match queue.try_send(unchecked) {
            Err(TrySendError::Full(Unchecked {
                ticket,
                context,
                block,
            })) => {
                let job = BlockJob {
                    id: ticket.id(),
                    context,
                };
                ticket.cancel();
                Err(Box::new((job, block)))
            }
            // If nobody takes it, its ticket says so as it is dropped.
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    fn unchecked(&self, job: BlockJob, block: RawBlock) -> Unchecked {
        Unchecked {
            ticket: Ticket::new(&job, block.size(), self.sink.clone()),
            context: job.context,
            block,
        }
    }

    /// Has headers, parents first, written before any block that is submitted later. Never waits.
    pub fn persist_headers(&self, headers: Vec<Header>) {
        if headers.is_empty() {
            return;
        }
        self.new_records.add_headers(headers);
        self.wake_writer();
    }

    /// Has a mark on a block written, whose header was handed over before. Never waits.
    pub fn persist_mark(&self, hash: BlockHash, mark: BlockMark) {
        self.new_records.add_mark(hash, mark);
        self.wake_writer();
    }

    fn wake_writer(&self) {
        if let Some(queues) = &self.writer_queues {
            // If the queue is full, the writer has turns to take, and takes records on each.
            let _ = queues.control.try_send(Control::Records);
        }
    }

    /// Waits until the headers that were handed over and the blocks whose verdicts are out would survive power loss.
    pub fn flush(&self) -> Result<(), Fault> {
        let (reply, answer) = bounded(1);
        if let Some(queues) = &self.writer_queues {
            let _ = queues.control.send(Control::Flush(reply));
        }
        answer
            .recv()
            .unwrap_or_else(|_| Err(ended("writes blocks")))
    }

    /// Bytes of blocks that may still be fetched until old ones are deleted; `None` if there is no limit. Never waits.
    pub fn room(&self) -> Option<u64> {
        self.disk.as_ref().and_then(Disk::room)
    }

    /// What waits in each stage, for metrics.
    pub fn depths(&self) -> QueueDepths {
        QueueDepths {
            check: self.check_queue.as_ref().map_or(0, Sender::len),
            write: self.writer_queues.as_ref().map_or(0, |q| q.blocks.len()),
            headers: self.new_records.headers(),
            kept: self.handoff.load().0,
        }
    }

    /// Reads the blocks that are stored.
    pub fn reader(&self) -> BlockReader {
        self.reader.clone()
    }

    /// Reads what blocks of the active chain spent.
    pub fn undo_reader(&self) -> UndoReader {
        self.undo_reader.clone()
    }

    /// Ends the threads: what is checked is written and synced, what waits for its check fails with a [`Fault`] that
    /// may pass, and the coins are flushed as far as [`Options::flush_deadline`] allows.
    pub fn shutdown(mut self) -> Result<(), Fault> {
        self.stop()
    }

    /// Ends the threads as a kill would: what is connected is not flushed, and a flush that runs is left where it is.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.stop_connecting.abandon();
        let _ = self.stop();
    }

    fn stop(&mut self) -> Result<(), Fault> {
        self.stopping.store(true, Ordering::Relaxed);
        self.check_queue = None;
        for worker in self.workers.drain(..) {
            // A panic in a check is caught within; a panic elsewhere fails the jobs in hand by their tickets.
            let _ = worker.join();
        }
        // The last flush needs the writer.
        self.stop_connecting.shut_down();
        self.bell.ring();
        let connected = join(self.connect.take());
        self.writer_queues = None;
        let written = join(self.writer.take());
        connected.and(written)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // Who wants to know how it went calls `shutdown`.
        let _ = self.stop();
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Fault> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(run).map_err(no_thread)
}

fn no_thread(error: io::Error) -> Fault {
    lasting(format!("cannot start a thread: {error}"))
}

/// Panics are caught within.
fn join(thread: Option<JoinHandle<Result<(), Fault>>>) -> Result<(), Fault> {
    thread
        .and_then(|thread| thread.join().ok())
        .unwrap_or(Ok(()))
}
