//! Committing blocks, in order; and condemning those that turn out invalid.
//!
//! # Correctness
//! A block's undo data is written before the block counts as verified, and so before the tip is told and before its coins
//! are flushed: whatever the coins on disk are of can be undone. Coins are flushed only while nothing is connected ahead
//! of the verification.

use tipward_chain::{BlockRef, ChainEvent, Fault};
use tipward_consensus::Reject;
use tipward_primitives::BlockHash;

use super::Connect;
use super::lead::First;
use crate::faults::store_fault;
use crate::scripts::Outcome;
use crate::ticket::Event;

/// So many blocks are committed before the tip is told, if as many are ready.
const AT_ONCE: usize = 64;

impl Connect {
    /// Commits the blocks at the front of the lead whose scripts are verified.
    pub(super) fn commit(&mut self) -> Result<bool, Fault> {
        let mut committed = 0;
        let ended = loop {
            if committed == AT_ONCE {
                break Ok(());
            }
            let First::Verified(undo) = self.lead.first() else {
                break Ok(());
            };
            match self.commit_first(undo.as_ref().map(|undo| undo.as_slice())) {
                Ok(()) => committed += 1,
                Err(fault) => break Err(fault),
            }
        };
        if committed > 0 {
            self.publish_if_better();
        }
        ended.map(|()| committed > 0)
    }

    fn commit_first(&mut self, undo: Option<&[u8]>) -> Result<(), Fault> {
        let Some(block) = self.lead.oldest() else {
            return Ok(());
        };
        if let Some(undo) = undo {
            self.settings.points.pass("before the undo data")?;
            let previous = self.parent_hash(block);
            let written = self.undo.append(&block.hash, &previous, block.height, undo);
            written.map_err(|e| store_fault(&e))?;
            self.settings.points.pass("after the undo data")?;
        }
        self.lead.pop_oldest();
        self.frontiers.verify(block, &self.view)
    }

    /// The tip is told when it has more work than the one that was told last. In a reorganization it has less at first:
    /// who is told would see the chain go backwards.
    fn publish_if_better(&mut self) {
        let tip = self.frontiers.verified();
        let work = |block: BlockRef| self.view.entry(block.id).chainwork();
        if work(tip) > work(self.published) {
            self.publish();
        }
    }

    /// Takes back the lead if its first block has a bad script, and says so; or says that the block after it breaks a rule
    /// once the lead is verified.
    pub(super) fn condemn(&mut self) -> Result<bool, Fault> {
        if let First::Bad(outcome) = self.lead.first() {
            let reject = match outcome {
                Outcome::Invalid(reject) => reject,
                Outcome::Failed(fault) => return Err(fault),
                Outcome::Valid(_) => return Ok(false),
            };
            let Some(block) = self.lead.oldest() else {
                return Ok(false);
            };
            while !self.lead.is_empty() {
                self.roll_back_newest()?;
            }
            self.say_invalid(block, reject);
            return Ok(true);
        }
        if !self.lead.is_empty() {
            return Ok(false);
        }
        let Some((block, reject)) = self.refused.take() else {
            return Ok(false);
        };
        self.say_invalid(block, reject);
        Ok(true)
    }

    fn say_invalid(&mut self, block: BlockRef, reject: Reject) {
        tracing::warn!(
            "block {} at height {} is invalid: {reject}",
            block.hash,
            block.height
        );
        self.refused = None;
        self.ahead.clear();
        // There is another goal soon, now that this one cannot be reached. Until then nothing is told of the part of a
        // reorganization that was made: the way back to the old tip may be next.
        self.goal.target = None;
        self.sink.send(Event::Chain(ChainEvent::BlockInvalid {
            hash: block.hash,
            height: block.height,
            reject,
        }));
        self.publish_if_better();
        self.say_settled();
    }

    pub(super) fn parent_hash(&self, block: BlockRef) -> BlockHash {
        self.view.header(block.id).prev_blockhash
    }
}
