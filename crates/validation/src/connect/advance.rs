//! Connecting the next block: every refusal before any change, then the change, then its scripts to the workers.

use std::sync::Arc;
use std::time::Instant;

use tipward_chain::{BlockRef, Fault};
use tipward_consensus::Reject;

use super::Connect;
use super::ahead::{Next, Sources};
use super::coins_ahead::CoinsAhead;
use super::lead::Speculative;
use super::rules::{self, Refusal};
use crate::load::NotLoaded;
use crate::prepared::PreparedBlock;
use crate::scripts::ScriptJob;

impl Connect {
    /// Connects the next block on the way to the goal, if it is there and may be connected now.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        let connected = self.frontiers.connected();
        let Some(target) = self.goal.target.filter(|target| *target != connected) else {
            return Ok(false);
        };
        self.refill(target)?;
        let held_up = self.refused.is_some()
            || self.waiting.needs_verified_tip()
            || self.flush_is_due()
            || self.coins.read().coins.is_full()
            || !self.lead.has_room();
        if held_up {
            return Ok(false);
        }
        match self.ahead.next() {
            Next::NotYet => Ok(false),
            Next::Failed(_, NotLoaded::Fault(fault)) => Err(fault),
            Next::Failed(block, NotLoaded::Reject(reject)) => {
                self.refuse(block, reject);
                Ok(true)
            }
            Next::Block(block, prepared, ahead) => self.connect(block, prepared, ahead),
        }
    }

    fn connect(
        &mut self,
        block: BlockRef,
        prepared: Arc<PreparedBlock>,
        ahead: CoinsAhead,
    ) -> Result<bool, Fault> {
        self.settings.points.pass("before connecting a block")?;
        let began = Instant::now();
        let view = &self.view;
        let context = view.context(block.id);
        let tree = view.tree();
        let median_time_past_at = |height| {
            let ancestor = tree.ancestor(block.id, height);
            ancestor.map_or(0, |id| view.median_time_past(id))
        };
        let judged = {
            let coins = &self.coins.read().coins;
            coins.touch(prepared.keys().inputs(), prepared.keys().outputs());
            rules::judge(&prepared, &ahead, &context, coins, median_time_past_at)
        };
        let spent = match judged {
            Ok(spent) => Arc::new(spent),
            Err(Refusal::Fault(fault)) => return Err(fault),
            Err(Refusal::Reject(reject)) => {
                self.refuse(block, reject);
                return Ok(true);
            }
        };
        // Undo data is written when a block is committed: it was verified before if there is some.
        let job = if self.undo_reader.contains(&block.hash) {
            None
        } else {
            let assumed = view.scripts_assumed_valid(block.id, &self.settings.assume_valid);
            self.note_assumed(block, assumed);
            let job = ScriptJob::new(
                Arc::clone(&prepared),
                Arc::clone(&spent),
                context.script_flags,
                !assumed,
                &self.counters,
                self.bell.clone(),
            );
            Some(Arc::new(job))
        };
        let told = (self.frontiers.verified(), self.lead.len() + 1);
        self.coins.connect(&prepared, &spent, told);
        self.frontiers.connect(block, &self.view)?;
        self.handoff.connected(block.height);
        if let Some(job) = &job {
            self.scripts.add(Arc::clone(job));
        }
        self.lead.push(Speculative {
            block,
            prepared,
            spent,
            job,
        });
        self.counters.clocks.connect.add(began.elapsed());
        Ok(true)
    }

    fn refuse(&mut self, block: BlockRef, reject: Reject) {
        self.ahead.clear();
        self.refused = Some((block, reject));
    }

    fn note_assumed(&mut self, block: BlockRef, assumed: bool) {
        if self.assumed_valid.replace(assumed) == Some(assumed) {
            return;
        }
        let height = block.height;
        if assumed {
            let until = self.settings.assume_valid;
            tracing::info!(
                "from height {height} on scripts are assumed valid, up to block {until}"
            );
        } else {
            tracing::info!("from height {height} on all scripts are verified");
        }
    }

    fn refill(&mut self, target: BlockRef) -> Result<(), Fault> {
        let connected = self.frontiers.connected();
        let tree = self.view.tree();
        if !tree.is_ancestor(connected.id, target.id) {
            return Ok(());
        }
        let from = Sources {
            handoff: &self.handoff,
            reader: &self.reader,
            loader: &self.loader,
            nothing_on_disk: self.flushes.nothing_on_disk(),
        };
        let coins = &self.coins.read().coins;
        self.ahead
            .refill(&self.view, connected.height, target, &from, coins)
    }

    /// Takes in what the workers have read.
    pub(super) fn take_loaded(&mut self) -> Result<(), Fault> {
        let from = Sources {
            handoff: &self.handoff,
            reader: &self.reader,
            loader: &self.loader,
            nothing_on_disk: self.flushes.nothing_on_disk(),
        };
        self.ahead.take_in(&from, &self.coins)
    }
}
