//! Taking blocks back: unverified ones from memory, verified ones from their undo data.

use std::sync::Arc;

use tipward_chain::{BlockRef, Fault};
use tipward_coins::{SpentCoins, undo};

use super::Connect;
use super::apply;
use crate::faults::{lasting, store_fault};
use crate::frontiers::block_ref;
use crate::load::NotLoaded;
use crate::prepared::PreparedBlock;

impl Connect {
    /// Takes the last connected block back if it is not on the way to the goal.
    pub(super) fn take_back(&mut self) -> Result<bool, Fault> {
        let connected = self.frontiers.connected();
        let Some(target) = self.goal.target else {
            return Ok(false);
        };
        if self.view.tree().is_ancestor(connected.id, target.id) {
            return Ok(false);
        }
        if self.lead.is_empty() {
            self.disconnect_tip()?;
        } else {
            self.roll_back_newest()?;
        }
        Ok(true)
    }

    /// Takes the last block of the lead back.
    pub(super) fn roll_back_newest(&mut self) -> Result<(), Fault> {
        // A refused block stands on what is taken back now.
        self.refused = None;
        let Some(newest) = self.lead.pop_newest() else {
            return Ok(());
        };
        let told = (self.frontiers.verified(), self.lead.len());
        self.coins.disconnect(&newest.prepared, &newest.spent, told);
        self.frontiers.roll_back(&self.view)
    }

    fn disconnect_tip(&mut self) -> Result<(), Fault> {
        let block = self.frontiers.verified();
        self.settings.points.pass("before disconnecting a block")?;
        let (prepared, spent) = self.read_with_undo(block)?;
        apply::check_outputs_are_there(&prepared, &self.coins.read().coins)?;
        let parent = self.view.tree().parent(block.id);
        let below = parent.map_or(block, |parent| block_ref(parent, &self.view));
        self.coins
            .disconnect(&Arc::new(prepared), &spent, (below, 0));
        self.frontiers.disconnect(&self.view)?;
        self.settings.points.pass("after disconnecting a block")
    }

    /// A committed block, and the coins that it spent.
    pub(super) fn read_with_undo(
        &self,
        block: BlockRef,
    ) -> Result<(PreparedBlock, SpentCoins), Fault> {
        let prepared = self.read(block)?;
        let BlockRef { hash, height, .. } = block;
        let bad = |what: &str| {
            lasting(format!(
                "the undo data of block {hash} at height {height} {what}; starting with --reindex-chainstate makes it good"
            ))
        };
        let bytes = self
            .undo_reader
            .read(&hash, &self.parent_hash(block))
            .map_err(|e| store_fault(&e))?
            .ok_or_else(|| bad("is missing"))?;
        let (counts, spent) = undo::decode(&bytes).map_err(|e| bad(&e.to_string()))?;
        if !prepared.inputs_per_transaction().eq(counts) {
            return Err(bad("is of another block"));
        }
        Ok((prepared, spent))
    }

    /// A stored block.
    pub(super) fn read(&self, block: BlockRef) -> Result<PreparedBlock, Fault> {
        let context = self.view.context(block.id);
        self.sources.block(&context).map_err(|e| match e {
            NotLoaded::Fault(fault) => fault,
            NotLoaded::Reject(reject) => lasting(format!(
                "block {} at height {} was valid and is not any more ({reject}); starting with --reindex makes it good",
                block.hash, block.height
            )),
        })
    }
}
