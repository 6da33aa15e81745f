use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError, bounded};
use tipward_chain::{BlockJob, Fault};
use tipward_primitives::{Header, RawBlock};
use tipward_store::{BlockReader, BlockStore};

use crate::check::{CheckBlock, Unchecked, Worker};
use crate::ticket::{Event, Sink, Ticket};
use crate::write::{Checked, Control, NewHeaders, Writer};

/// How a [`Pipeline`] runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that check blocks.
    pub check_threads: NonZeroUsize,
    /// Blocks that may wait for a check, and again for the writer. What bounds memory is not this but the byte credits
    /// that a block holds from its request to its verdict.
    pub queue: usize,
    /// A sync follows at the latest after so many bytes: so many are read again after power loss or a crash, which
    /// takes well under a second.
    pub sync_bytes: u64,
    /// A sync follows at the latest after so long.
    pub sync_interval: Duration,
}

impl Default for Options {
    /// As many check threads as cores, a queue of 1024, and a sync after 256 MiB or 30 seconds.
    fn default() -> Self {
        Self {
            check_threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            queue: 1024,
            sync_bytes: 256 << 20,
            sync_interval: Duration::from_secs(30),
        }
    }
}

/// What waits in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepths {
    /// Blocks that wait for a check.
    pub check: usize,
    /// Blocks that wait for the writer.
    pub write: usize,
    /// Headers that wait for the writer.
    pub headers: usize,
}

/// The threads that check and store blocks. Dropping it is [`Pipeline::shutdown`].
pub struct Pipeline {
    sink: Sink,
    new_headers: NewHeaders,
    reader: BlockReader,
    stopping: Arc<AtomicBool>,
    /// `None` once the pipeline is stopping.
    queues: Option<Queues>,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<Result<(), Fault>>>,
}

/// As long as these are open, threads run.
struct Queues {
    check: Sender<Unchecked>,
    /// Only to see how long it is.
    write: Sender<Checked>,
    control: Sender<Control>,
}

impl Pipeline {
    /// Starts the threads. `on_event` is called from any of them, and must not wait for anything that waits for the
    /// pipeline. Fails if the operating system gives no threads.
    pub fn start(
        store: BlockStore,
        options: &Options,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_with(
            tipward_consensus::check_block,
            store,
            options,
            Sink::new(on_event),
        )
    }

    pub(crate) fn start_with(
        check: CheckBlock,
        store: BlockStore,
        options: &Options,
        sink: Sink,
    ) -> io::Result<Self> {
        let (check_sender, check_queue) = bounded(options.queue);
        let (write_sender, write_queue) = bounded(options.queue);
        let (control_sender, control) = bounded(16);
        // Begun before the threads, so that those already running end if one cannot be started.
        let mut pipeline = Self {
            sink: sink.clone(),
            new_headers: NewHeaders::default(),
            reader: store.reader(),
            stopping: Arc::default(),
            queues: Some(Queues {
                check: check_sender,
                write: write_sender.clone(),
                control: control_sender,
            }),
            workers: Vec::new(),
            writer: None,
        };
        let writer = Writer {
            store,
            queue: write_queue,
            control,
            new_headers: pipeline.new_headers.clone(),
            sink,
            sync_bytes: options.sync_bytes,
            sync_interval: options.sync_interval,
        };
        let writer = thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || writer.run())?;
        pipeline.writer = Some(writer);
        for i in 0..options.check_threads.get() {
            let worker = Worker {
                check,
                queue: check_queue.clone(),
                next: write_sender.clone(),
                stopping: Arc::clone(&pipeline.stopping),
            };
            let worker = thread::Builder::new()
                .name(format!("check-{i}"))
                .spawn(move || worker.run())?;
            pipeline.workers.push(worker);
        }
        Ok(pipeline)
    }

    /// Hands a block over, whose header was handed over before. Waits while [`Options::queue`] blocks wait already.
    pub fn submit(&self, job: BlockJob, block: RawBlock) {
        let unchecked = self.unchecked(job, block);
        if let Some(queues) = &self.queues {
            // If nobody takes it, its ticket says so as it is dropped.
            let _ = queues.check.send(unchecked);
        }
    }

    /// Like [`Pipeline::submit`], but gives job and block back instead of waiting; then there is no verdict on them.
    pub fn try_submit(
        &self,
        job: BlockJob,
        block: RawBlock,
    ) -> Result<(), Box<(BlockJob, RawBlock)>> {
        let unchecked = self.unchecked(job, block);
        let Some(queues) = &self.queues else {
            return Ok(());
        };
        match queues.check.try_send(unchecked) {
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
        self.new_headers.add(headers);
        if let Some(queues) = &self.queues {
            // If the queue is full, the writer has turns to take, and takes headers on each.
            let _ = queues.control.try_send(Control::Headers);
        }
    }

    /// Waits until the headers that were handed over and the blocks whose verdicts are out would survive power loss.
    pub fn flush(&self) -> Result<(), Fault> {
        let (reply, answer) = bounded(1);
        if let Some(queues) = &self.queues {
            let _ = queues.control.send(Control::Flush(reply));
        }
        answer.recv().unwrap_or_else(|_| {
            Err(Fault {
                what: "the thread that writes blocks has ended".to_owned(),
                may_pass: false,
            })
        })
    }

    /// What waits in each stage, for metrics.
    pub fn depths(&self) -> QueueDepths {
        QueueDepths {
            check: self.queues.as_ref().map_or(0, |q| q.check.len()),
            write: self.queues.as_ref().map_or(0, |q| q.write.len()),
            headers: self.new_headers.len(),
        }
    }

    /// Reads the blocks that are stored.
    pub fn reader(&self) -> BlockReader {
        self.reader.clone()
    }

    /// Ends the threads: what is checked is written and synced, what waits for its check fails with a [`Fault`] that
    /// may pass.
    pub fn shutdown(mut self) -> Result<(), Fault> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Fault> {
        self.stopping.store(true, Ordering::Relaxed);
        self.queues = None;
        for worker in self.workers.drain(..) {
            // A panic in a check is caught within; a panic elsewhere fails the jobs in hand by their tickets.
            let _ = worker.join();
        }
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            // Panics are caught within.
            Some(Err(_)) | None => Ok(()),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // Who wants to know how it went calls `shutdown`.
        let _ = self.stop();
    }
}
