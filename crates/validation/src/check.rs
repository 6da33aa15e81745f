//! The check stage: every rule about a block's body that needs no coins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender};
use tipward_chain::{BlockOutcome, Fault};
use tipward_consensus::{BlockContext, CheckedBlock, Reject};
use tipward_primitives::RawBlock;

use crate::prepared::PreparedBlock;
use crate::ticket::{Ticket, panic_message};
use crate::write::Checked;

/// [`tipward_consensus::check_block`], but for tests.
pub(crate) type CheckBlock = fn(&BlockContext, RawBlock) -> Result<CheckedBlock, Reject>;

/// A block on its way to a check.
pub(crate) struct Unchecked {
    pub(crate) ticket: Ticket,
    pub(crate) context: BlockContext,
    pub(crate) block: RawBlock,
}

/// One of the threads of the stage. Ends when nobody can submit any more.
pub(crate) struct Worker {
    pub(crate) check: CheckBlock,
    pub(crate) queue: Receiver<Unchecked>,
    pub(crate) next: Sender<Checked>,
    /// What still waits is not worth a check: the node is stopping.
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Worker {
    pub(crate) fn run(self) {
        for Unchecked {
            ticket,
            context,
            block,
        } in &self.queue
        {
            if self.stopping.load(Ordering::Relaxed) {
                ticket.decide(BlockOutcome::Failed(Fault {
                    what: "the node is stopping".to_owned(),
                    may_pass: true,
                }));
                continue;
            }
            let check = || (self.check)(&context, block).map(PreparedBlock::new);
            match catch_unwind(AssertUnwindSafe(check)) {
                // If the writer is gone, the ticket says so as it is dropped.
                Ok(Ok(block)) => {
                    let block = Arc::new(block);
                    drop(self.next.send(Checked { ticket, block }));
                }
                Ok(Err(reject)) => ticket.decide(BlockOutcome::Refused(reject)),
                Err(panic) => ticket.decide(BlockOutcome::Failed(Fault {
                    what: format!(
                        "the check of block {} at height {} panicked, which is a bug of ours: {}",
                        context.hash,
                        context.height,
                        panic_message(&*panic)
                    ),
                    may_pass: false,
                })),
            }
        }
    }
}
