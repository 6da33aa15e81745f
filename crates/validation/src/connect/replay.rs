//! Making whole what an interrupted flush left: some changes of it are in the coins on disk, nobody knows which.
//!
//! The changes that the flush was to make are made again from the block files, all of them, whatever is there: coins that
//! the blocks spend are taken out, coins that they make are put in, and nothing is looked up. Then they are written. Nothing
//! is verified again; all of it was before the flush.

use std::time::{Duration, Instant};

use tipward_chain::{BlockRef, Fault};

use super::Connect;
use super::apply::{self, Set};
use crate::frontiers::block_ref;

/// The log hears of the progress so often.
const TELL: Duration = Duration::from_secs(5);

impl Connect {
    /// Makes the coins those after the block that the interrupted flush from block `from` led to.
    pub(super) fn replay(&mut self, from: BlockRef) -> Result<(), Fault> {
        let to = self.frontiers.verified();
        let fork = self.view.tree().last_common_ancestor(from.id, to.id);
        let fork = block_ref(fork, &self.view);
        let blocks = (from.height - fork.height) + (to.height - fork.height);
        tracing::info!(
            "coins were being written when the node ended; making the changes of {blocks} blocks again"
        );
        let began = Instant::now();
        let mut told = began;
        let mut done = 0;
        let mut tell = |height| {
            done += 1;
            if told.elapsed() >= TELL {
                told = Instant::now();
                tracing::info!("{done} of {blocks} blocks done, at height {height}");
            }
        };
        let mut tip = from;
        while tip != fork && self.stop.get() == 0 {
            let (prepared, spent) = self.read_with_undo(tip)?;
            apply::disconnect(&prepared, &spent, &mut self.coins, Set::Partial);
            tell(tip.height);
            tip = block_ref(
                self.view.tree().parent(tip.id).unwrap_or(fork.id),
                &self.view,
            );
        }
        let forward: Vec<_> = self.view.path(to.id, fork.height + 1).collect();
        for id in forward {
            if self.stop.get() != 0 {
                break;
            }
            let block = block_ref(id, &self.view);
            let prepared = self.read(block)?;
            apply::connect(&prepared, &mut self.coins, Set::Partial);
            tell(block.height);
        }
        if self.stop.get() != 0 {
            // The coins are as they were: the next start begins this again.
            return Ok(());
        }
        self.flush_replayed()?;
        tracing::info!("the coins are whole again, after {:?}", began.elapsed());
        Ok(())
    }
}
