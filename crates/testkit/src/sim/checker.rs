//! The pipeline's part in the simulation: real checks, simulated time.

use std::collections::HashMap;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use tipward_chain::{BlockJob, BlockOutcome, BlockVerdict, Fault};
use tipward_consensus::check_block;
use tipward_primitives::{BlockHash, RawBlock, Timestamp};

/// Judges blocks, two at a time.
pub(super) struct Checker {
    rng: ChaCha12Rng,
    bytes_per_second: f64,
    /// Part of the jobs that fail because of our own disk, 0 to 1.
    faults: f64,
    workers: [Timestamp; 2],
    /// Sizes of the blocks that are being checked.
    busy: HashMap<BlockHash, usize>,
}

impl Checker {
    pub(super) fn new(bytes_per_second: f64, faults: f64, rng: &mut ChaCha12Rng) -> Self {
        Self {
            rng: ChaCha12Rng::seed_from_u64(rng.random()),
            bytes_per_second,
            faults,
            workers: [Timestamp::default(); 2],
            busy: HashMap::new(),
        }
    }

    /// Takes a block. Returns its verdict, and when that is known.
    pub(super) fn check(
        &mut self,
        now: Timestamp,
        job: BlockJob,
        block: RawBlock,
    ) -> (Timestamp, BlockVerdict) {
        let size = block.size();
        let before = self.busy.insert(job.hash(), size);
        assert!(before.is_none(), "{} is checked twice at once", job.hash());
        let worker = usize::from(self.workers[1] < self.workers[0]);
        let jitter = self.rng.random_range(0.5..2.0);
        let takes = Duration::from_secs_f64(size as f64 / self.bytes_per_second * jitter);
        let done = self.workers[worker].max(now) + takes;
        self.workers[worker] = done;
        let outcome = if self.faults > 0.0 && self.rng.random_bool(self.faults) {
            BlockOutcome::Failed(Fault {
                what: "the simulated disk is full".to_owned(),
                may_pass: true,
            })
        } else {
            match check_block(&job.context, block) {
                Ok(_) => BlockOutcome::Stored { transactions: 1 },
                Err(reject) => BlockOutcome::Refused(reject),
            }
        };
        let verdict = BlockVerdict {
            id: job.id,
            hash: job.hash(),
            height: job.height(),
            size,
            outcome,
        };
        (done, verdict)
    }

    pub(super) fn done(&mut self, verdict: &BlockVerdict) {
        self.busy.remove(&verdict.hash);
    }

    /// Bytes of the blocks that are being checked.
    pub(super) fn bytes(&self) -> usize {
        self.busy.values().sum()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }
}
