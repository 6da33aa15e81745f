use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tipward_chain::{BlockJob, BlockOutcome, BlockVerdict, ChainEvent, Fault};
use tipward_primitives::{BlockHash, Height};

/// What the pipeline tells the node.
#[derive(Clone, Debug)]
pub enum Event {
    /// The verdict on a submitted block; exactly one for each.
    Verdict(BlockVerdict),
    /// What connecting has done to the active chain.
    Chain(ChainEvent),
    /// Our own failure that belongs to no single block. One that may pass is tried again: headers could not be written, or
    /// there is no room on the disk for undo data or coins. After any other, nothing is connected any more.
    Fault(Fault),
}

/// Where events go.
#[derive(Clone)]
pub(crate) struct Sink(Arc<dyn Fn(Event) + Send + Sync>);

impl Sink {
    pub(crate) fn new(on_event: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(on_event))
    }

    pub(crate) fn send(&self, event: Event) {
        // A listener that panics must not take a stage with it, nor panic a second time while a ticket is dropped.
        if catch_unwind(AssertUnwindSafe(|| (self.0)(event))).is_err() {
            tracing::error!("the listener to the validation pipeline panicked");
        }
    }
}

/// The right, and the duty, to decide one job. Dropped undecided it says that the job failed.
pub(crate) struct Ticket {
    id: u64,
    hash: BlockHash,
    height: Height,
    size: usize,
    sink: Option<Sink>,
}

impl Ticket {
    pub(crate) fn new(job: &BlockJob, size: usize, sink: Sink) -> Self {
        Self {
            id: job.id,
            hash: job.hash(),
            height: job.height(),
            size,
            sink: Some(sink),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn hash(&self) -> BlockHash {
        self.hash
    }

    pub(crate) fn height(&self) -> Height {
        self.height
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The verdict.
    pub(crate) fn decide(mut self, outcome: BlockOutcome) {
        self.send(outcome);
    }

    /// Nobody will decide: the job goes back to who submitted it.
    pub(crate) fn cancel(mut self) {
        self.sink = None;
    }

    fn send(&mut self, outcome: BlockOutcome) {
        if let Some(sink) = self.sink.take() {
            sink.send(Event::Verdict(BlockVerdict {
                id: self.id,
                hash: self.hash,
                height: self.height,
                size: self.size,
                outcome,
            }));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let what = format!(
            "block {} at height {} was dropped by a thread that ended before it was stored",
            self.hash, self.height
        );
        self.send(BlockOutcome::Failed(Fault {
            what,
            may_pass: false,
        }));
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
