//! Answers to questions that take the connect thread: about all coins, and about blocks that are only tested.

use std::sync::Arc;

use crossbeam_channel::Sender;
use tipward_chain::{Fault, HeaderId};
use tipward_coins::{CoinsDb, CoinsSnapshot};
use tipward_consensus::{BlockContext, Reject, RejectKind, check_block};
use tipward_primitives::{RawBlock, Timestamp};

use super::Connect;
use super::coins_ahead::CoinsAhead;
use super::rules::{self, Refusal};
use crate::handle::{Query, TestError};
use crate::prepared::PreparedBlock;
use crate::scripts::{Outcome, ScriptJob};

/// Questions that cannot be answered at once.
///
/// # Bounds
/// Their threads wait for the answers, so that there are no more than threads that ask.
#[derive(Default)]
pub(super) struct Waiting {
    tests: Vec<(RawBlock, ToTester)>,
    /// Tested blocks whose scripts are being verified.
    tested: Vec<(Arc<ScriptJob>, ToTester)>,
    /// Wait for a flush that begins after they were asked.
    flushes: Vec<AfterFlush>,
    /// Wait for the running flush.
    flushing: Vec<AfterFlush>,
}

type ToTester = Sender<Result<(), TestError>>;

/// What is wanted of a flush.
enum AfterFlush {
    Snapshot(Sender<Result<CoinsSnapshot, Fault>>),
    Nothing(Sender<Result<(), Fault>>),
}

impl AfterFlush {
    fn answer(self, coins: &CoinsDb) {
        // Whoever asked may have gone.
        match self {
            Self::Snapshot(reply) => {
                let _ = reply.send(Ok(coins.snapshot()));
            }
            Self::Nothing(reply) => {
                let _ = reply.send(Ok(()));
            }
        }
    }
}

impl Waiting {
    /// Nothing may be connected until the lead is verified, for a test of a block.
    pub(super) fn needs_verified_tip(&self) -> bool {
        !self.tests.is_empty()
    }

    pub(super) fn needs_flush(&self) -> bool {
        !self.flushes.is_empty()
    }

    pub(super) fn note_flush_begun(&mut self) {
        self.flushing.append(&mut self.flushes);
    }

    pub(super) fn note_flush_done(&mut self, coins: &CoinsDb) {
        for wanted in self.flushing.drain(..) {
            wanted.answer(coins);
        }
    }
}

impl Connect {
    pub(super) fn take_queries(&mut self) {
        for query in self.queries.try_iter() {
            match query {
                Query::Test(block, reply) => self.waiting.tests.push((block, reply)),
                Query::Snapshot(reply) => {
                    self.waiting.flushes.push(AfterFlush::Snapshot(reply));
                }
                Query::Prune(height, reply) => self.pruning.ask(height, reply),
                Query::Flush(reply) => self.waiting.flushes.push(AfterFlush::Nothing(reply)),
            }
        }
    }

    pub(super) fn answer(&mut self) -> Result<(), Fault> {
        if self.shows_told_tip() {
            self.answer_flushes();
            if self.lead.is_empty() {
                self.begin_tests()?;
            }
        }
        self.answer_tests();
        Ok(())
    }

    /// The verified chain is the one that was told. In a reorganization it is not, until that is complete; if it cannot go
    /// on, an answer about where it stands is better than none.
    pub(super) fn shows_told_tip(&self) -> bool {
        self.frontiers.verified() == self.published
            || self.paused.is_some()
            || self.goal.target.is_none()
    }

    /// If the coins on disk are those of the tip, no flush is needed.
    fn answer_flushes(&mut self) {
        if self.flushes.is_running() || self.is_ahead_of_disk() {
            return;
        }
        for wanted in std::mem::take(&mut self.waiting.flushes) {
            wanted.answer(&self.coins_db);
        }
    }

    fn begin_tests(&mut self) -> Result<(), Fault> {
        for (block, reply) in std::mem::take(&mut self.waiting.tests) {
            match self.begin_test(block) {
                Ok(job) => {
                    let job = Arc::new(job);
                    self.scripts.add(Arc::clone(&job));
                    self.waiting.tested.push((job, reply));
                }
                Err(e) => {
                    let _ = reply.send(Err(e));
                }
            }
        }
        Ok(())
    }

    fn begin_test(&mut self, block: RawBlock) -> Result<ScriptJob, TestError> {
        let tip = self.frontiers.verified();
        let header = block.header();
        if header.prev_blockhash != tip.hash {
            return Err(TestError::Reject(Reject::new(
                RejectKind::InvalidPrev,
                "inconclusive-not-best-prevblk",
                format!(
                    "it builds on {}, the tip is {}",
                    header.prev_blockhash, tip.hash
                ),
            )));
        }
        // Its maker's clock is as good as ours: there is none here.
        let now = Timestamp::from_secs(u64::from(header.time));
        self.view.check_header_on(tip.id, &header, now)?;
        let context = self.context_on(tip.id, &block);
        // As in Bitcoin Core a block without its work needs no solution (BIP325) either.
        let checked = check_block(&context, block)?;
        let hasher = self.coins.read().coins.hasher();
        let prepared = PreparedBlock::new(checked, hasher);
        let view = &self.view;
        let tree = view.tree();
        let median_time_past_at = |height| {
            let ancestor = tree.ancestor(tip.id, height);
            ancestor.map_or(0, |id| view.median_time_past(id))
        };
        let judged = {
            let coins = &self.coins.read().coins;
            let ahead = CoinsAhead::none();
            rules::judge(&prepared, &ahead, &context, coins, median_time_past_at)
        };
        let spent = judged.map_err(|refusal| match refusal {
            Refusal::Reject(reject) => TestError::Reject(reject),
            Refusal::Fault(fault) => TestError::Fault(fault),
        })?;
        Ok(ScriptJob::new(
            Arc::new(prepared),
            Arc::new(spent),
            context.script_flags,
            true,
            &self.counters,
            self.bell.clone(),
        ))
    }

    /// The context of a block on top of `parent` that is not in the header tree.
    fn context_on(&self, parent: HeaderId, block: &RawBlock) -> BlockContext {
        let view = &self.view;
        let params = view.params();
        let bip34_ancestor = view.tree().ancestor(parent, params.bip34_height);
        BlockContext::with_hash(
            params,
            block.header(),
            block.block_hash(),
            view.height(parent) + 1,
            view.median_time_past(parent),
            bip34_ancestor.map(|id| view.hash(id)),
        )
    }

    fn answer_tests(&mut self) {
        self.waiting.tested.retain(|(job, reply)| {
            let Some(outcome) = job.outcome() else {
                return true;
            };
            let answer = match outcome {
                Outcome::Valid(_) => Ok(()),
                Outcome::Invalid(reject) => Err(TestError::Reject(reject.clone())),
                Outcome::Failed(fault) => Err(TestError::Fault(fault.clone())),
            };
            let _ = reply.send(answer);
            false
        });
    }
}
