//! The check stage: every rule about a block's body that needs no coins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};
use tipward_chain::{BlockOutcome, Fault};
use tipward_coins::KeyHasher;
use tipward_consensus::{
    BlockContext, CheckError, CheckedBlock, Reject, RejectKind, check_block, check_block_with,
};
use tipward_primitives::{Params, RawBlock};
use tipward_script::check_signet_solution;

use crate::faults::lasting;
use crate::handle::Counters;
use crate::handoff::Handoff;
use crate::prepared::PreparedBlock;
use crate::ticket::{Ticket, panic_message};
use crate::write::{Body, Checked};

/// The check of a block, by [`rules_of`] its network, but for tests.
pub(crate) type CheckBlock = Arc<CheckBlockFn>;

type CheckBlockFn =
    dyn Fn(&BlockContext, RawBlock) -> Result<CheckedBlock, CheckError<Fault>> + Send + Sync;

/// Every rule about a block's body that needs no coins, on a signet its solution too (BIP325).
pub(crate) fn rules_of(params: &Params) -> CheckBlock {
    match params.signet_challenge.clone() {
        None => Arc::new(|context, block| Ok(check_block(context, block)?)),
        Some(challenge) => Arc::new(move |context, block| {
            let checked = check_block_with(context, block, |block| {
                check_signet_solution(&challenge, block)
            });
            checked.map_err(|error| match error {
                CheckError::Reject(reject) => CheckError::Reject(reject),
                CheckError::Fault(fault) => CheckError::Fault(lasting(fault.to_string())),
            })
        }),
    }
}

/// Checks a block that a peer sent, and tells what was damaged on the way from what was sent wrong.
fn check_received(
    check: &CheckBlock,
    context: &BlockContext,
    block: RawBlock,
) -> Result<CheckedBlock, CheckError<Fault>> {
    // Shares the bytes.
    let received = block.clone();
    check(context, block).map_err(|error| match error {
        CheckError::Reject(reject)
            if reject.kind == RejectKind::Mutated && !received.came_as_sent() =>
        {
            CheckError::Reject(Reject {
                kind: RejectKind::Damaged,
                ..reject
            })
        }
        error => error,
    })
}

/// A block on its way to a check.
pub(crate) struct Unchecked {
    pub(crate) ticket: Ticket,
    pub(crate) context: BlockContext,
    pub(crate) block: RawBlock,
}

/// One of the threads of the stage. Ends when nobody can submit any more.
pub(crate) struct Worker {
    pub(crate) check: CheckBlock,
    /// Of the coins to which blocks are connected.
    pub(crate) hasher: KeyHasher,
    pub(crate) queue: Receiver<Unchecked>,
    pub(crate) next: Sender<Checked>,
    /// Where blocks are kept that will be written.
    pub(crate) handoff: Handoff,
    /// What still waits is not worth a check: the node is stopping.
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) counters: Arc<Counters>,
}

impl Worker {
    /// Checks a block, and prepares it for being connected if it will be kept until then.
    fn check(&self, context: &BlockContext, block: RawBlock) -> Result<Body, CheckError<Fault>> {
        let block = check_received(&self.check, context, block)?;
        Ok(if self.handoff.wants(block.height()) {
            Body::Prepared(Arc::new(PreparedBlock::new(block, self.hasher)))
        } else {
            Body::Bare(Box::new(block))
        })
    }

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
            let check = || self.check(&context, block);
            let began = Instant::now();
            let checked = catch_unwind(AssertUnwindSafe(check));
            self.counters.clocks.check.add(began.elapsed());
            match checked {
                // If the writer is gone, the ticket says so as it is dropped.
                Ok(Ok(block)) => {
                    drop(self.next.send(Checked { ticket, block }));
                }
                Ok(Err(CheckError::Reject(reject))) => {
                    ticket.decide(BlockOutcome::Refused(reject));
                }
                Ok(Err(CheckError::Fault(fault))) => ticket.decide(BlockOutcome::Failed(fault)),
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
