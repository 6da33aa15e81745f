use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tipward_chain::Fault;
use tipward_coins::{SpentCoins, undo};
use tipward_consensus::{Reject, ScriptFlags};
use tipward_script::{PreparedTx, ScriptError, SpentOutput};

use crate::bell::Bell;
use crate::faults::lasting;
use crate::handle::Counters;
use crate::prepared::PreparedBlock;
use crate::ticket::panic_message;

/// A chunk is closed when it has so many inputs: enough that taking one costs nothing beside verifying it, and few enough
/// that the workers end a block together.
const CHUNK_INPUTS: usize = 64;

/// What became of a block's scripts.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// All are valid; here is the block's undo data.
    Valid(Arc<Vec<u8>>),
    /// The first input that does not pass, in the order of the block.
    Invalid(Reject),
    /// We could not tell.
    Failed(Fault),
}

/// The scripts of one block, shared by the workers. The last one to be done also makes the undo data.
pub(crate) struct ScriptJob {
    block: Arc<PreparedBlock>,
    spent: Arc<SpentCoins>,
    flags: ScriptFlags,
    chunks: Vec<Chunk>,
    /// The next chunk to be taken.
    next: AtomicUsize,
    /// Chunks that are not done.
    left: AtomicUsize,
    cancelled: AtomicBool,
    /// The first transaction with an input that did not pass, so far.
    first_failed: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    outcome: OnceLock<Outcome>,
    /// If scripts are verified: when they were handed in, and where it is noted how long that took.
    handed_in: Option<(Instant, Arc<Counters>)>,
    bell: Bell,
}

/// Transactions of a block.
#[derive(Clone, Copy)]
struct Chunk {
    first: usize,
    end: usize,
    /// The coin that the first one's first input spends.
    first_coin: usize,
}

struct Failure {
    transaction: usize,
    error: ScriptError,
}

impl ScriptJob {
    /// `verify`: otherwise scripts are assumed valid, and only the undo data is made.
    pub(crate) fn new(
        block: Arc<PreparedBlock>,
        spent: Arc<SpentCoins>,
        flags: ScriptFlags,
        verify: bool,
        counters: &Arc<Counters>,
        bell: Bell,
    ) -> Self {
        let chunks = if verify {
            chunks_of(&block)
        } else {
            Vec::new()
        };
        Self {
            // One turn at least, for the undo data.
            left: AtomicUsize::new(chunks.len().max(1)),
            block,
            spent,
            flags,
            chunks,
            next: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            first_failed: AtomicUsize::new(usize::MAX),
            failure: Mutex::new(None),
            outcome: OnceLock::new(),
            handed_in: verify.then(|| (Instant::now(), Arc::clone(counters))),
            bell,
        }
    }

    /// What became of it; `None` while it is worked on.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// Nobody waits for the outcome any more.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn turns(&self) -> usize {
        self.chunks.len().max(1)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.turns()
    }

    /// Takes a chunk and verifies it; false if none was left.
    pub(super) fn work_on_next_chunk(&self) -> bool {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        if turn >= self.turns() {
            return false;
        }
        if let Some(chunk) = self.chunks.get(turn)
            && !self.cancelled.load(Ordering::Relaxed)
        {
            self.guarded(|| self.verify(*chunk));
        }
        // What the others did before must be seen by the last one.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.guarded(|| self.finish());
            if let Some((since, counters)) = &self.handed_in {
                counters.clocks.script.add(since.elapsed());
            }
            self.bell.ring();
        }
        true
    }

    fn guarded(&self, work: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            let fault = lasting(format!(
                "verifying the scripts of block {} panicked, which is a bug of ours: {}",
                self.block.block().hash(),
                panic_message(&*panic)
            ));
            let _ = self.outcome.set(Outcome::Failed(fault));
        }
    }

    fn verify(&self, chunk: Chunk) {
        let mut coin = chunk.first_coin;
        for index in chunk.first..chunk.end {
            let Some(tx) = self.block.block().parsed().transaction(index) else {
                return;
            };
            // A later failure than one that is known does not matter.
            if self.first_failed.load(Ordering::Relaxed) < index
                || self.cancelled.load(Ordering::Relaxed)
            {
                return;
            }
            let end = coin + tx.inputs().len();
            let spent = (coin..end).filter_map(|at| self.spent.get(at));
            let verified = PreparedTx::new(
                tx.bytes(),
                spent.map(|coin| SpentOutput {
                    value: coin.value.cast_signed(),
                    script_pubkey: coin.script,
                }),
            )
            .map_err(ScriptError::from)
            .and_then(|prepared| {
                (0..prepared.input_count())
                    .try_for_each(|input| prepared.verify_input(input, self.flags))
            });
            if let Err(error) = verified {
                self.note_failure(index, error);
                return;
            }
            coin = end;
        }
    }

    fn note_failure(&self, transaction: usize, error: ScriptError) {
        self.first_failed.fetch_min(transaction, Ordering::Relaxed);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure
            .as_ref()
            .is_none_or(|known| transaction < known.transaction)
        {
            *failure = Some(Failure { transaction, error });
        }
    }

    fn finish(&self) {
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let outcome = match failure.map(|failure| failure.error) {
            Some(ScriptError::Reject(reject)) => Outcome::Invalid((*reject).into()),
            Some(ScriptError::Fault(fault)) => Outcome::Failed(lasting(format!(
                "cannot verify the scripts of block {}: {fault}",
                self.block.block().hash()
            ))),
            None if self.cancelled.load(Ordering::Relaxed) => {
                Outcome::Failed(lasting("the block was taken back meanwhile"))
            }
            None => {
                let counts = self.block.inputs_per_transaction();
                Outcome::Valid(Arc::new(undo::encode(counts, &self.spent)))
            }
        };
        // It is set already if a worker panicked.
        let _ = self.outcome.set(outcome);
    }
}

/// Transactions in order, the coinbase left out, which spends nothing.
fn chunks_of(block: &PreparedBlock) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut open = Chunk {
        first: 1,
        end: 1,
        first_coin: 0,
    };
    let mut coin = 0;
    for inputs in block.inputs_per_transaction() {
        coin += inputs;
        open.end += 1;
        if coin - open.first_coin >= CHUNK_INPUTS {
            chunks.push(open);
            open = Chunk {
                first: open.end,
                end: open.end,
                first_coin: coin,
            };
        }
    }
    if open.end > open.first {
        chunks.push(open);
    }
    chunks
}
