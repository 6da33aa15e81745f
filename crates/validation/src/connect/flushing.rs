//! When coins are written, and what a shutdown leaves.

use std::time::Instant;

use tipward_chain::{BlockRef, Fault};
use tipward_coins::Flushed;
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::Connect;
use crate::faults::store_fault;
use crate::flush::{Flusher, Order};

/// The flush that runs, and what the coins on disk are of.
pub(super) struct Flushes {
    flusher: Flusher,
    /// The block after which the coins on disk are; all zero if there are none.
    on_disk: BlockHash,
    /// Where the running flush leads.
    running: Option<BlockRef>,
    last: Instant,
}

impl Flushes {
    pub(super) fn new(flusher: Flusher, on_disk: BlockHash) -> Self {
        Self {
            flusher,
            on_disk,
            running: None,
            last: Instant::now(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn nothing_on_disk(&self) -> bool {
        self.on_disk == BlockHash::all_zeros() && self.running.is_none()
    }
}

impl Connect {
    /// Coins should be written as soon as the lead is verified.
    pub(super) fn flush_is_due(&self) -> bool {
        // Without anything new to write, a budget that is too small for even one block would never let one in.
        if self.flushes.is_running() || !self.is_ahead_of_disk() {
            return false;
        }
        self.coins.read().coins.wants_freeze()
            || (self.waiting.needs_flush() && self.shows_told_tip())
            || self.pruning.wants_flush()
            || self.flushes.last.elapsed() >= self.settings.flush_interval
    }

    /// The coins on disk are not those after the verified block.
    pub(super) fn is_ahead_of_disk(&self) -> bool {
        let tip = self.frontiers.verified();
        let nothing = self.flushes.on_disk == BlockHash::all_zeros() && tip.height == 0;
        tip.hash != self.flushes.on_disk && !nothing
    }

    pub(super) fn begin_flush_if_due(&mut self) -> Result<bool, Fault> {
        if !self.lead.is_empty() || !self.flush_is_due() {
            return Ok(false);
        }
        self.begin_flush()?;
        Ok(true)
    }

    /// Freezes the coins as they are after the verified block, which is the connected one, and has them written.
    fn begin_flush(&mut self) -> Result<(), Fault> {
        // Whatever is on disk must be undoable. This takes moments: undo data is sent on to the disk as it is written.
        self.undo.sync().map_err(|e| store_fault(&e))?;
        let to = self.frontiers.verified();
        let order = Order {
            frozen: self.coins.freeze(),
            from: self.flushes.on_disk,
            to: to.hash,
        };
        self.flushes.flusher.begin(order)?;
        self.flushes.running = Some(to);
        self.flushes.last = Instant::now();
        self.waiting.note_flush_begun();
        Ok(())
    }

    pub(super) fn take_flushed(&mut self) -> Result<(), Fault> {
        if !self.flushes.is_running() {
            return Ok(());
        }
        match self.flushes.flusher.ended() {
            Some(ended) => self.note_flushed(ended),
            None => Ok(()),
        }
    }

    fn note_flushed(&mut self, ended: Result<Flushed, Fault>) -> Result<(), Fault> {
        let Some(to) = self.flushes.running.take() else {
            return Ok(());
        };
        if ended? == Flushed::Done {
            self.coins.thaw_done();
            let took = self.flushes.last.elapsed();
            self.counters.flushes.ended(took);
            self.counters.clocks.flush.add(took);
            self.flushes.on_disk = to.hash;
            self.frontiers.flush(to, &self.view)?;
            self.waiting.note_flush_done(&self.coins_db);
        }
        Ok(())
    }

    /// The end: what is not verified is taken back, and what is verified is written as far as the deadline allows.
    pub(super) fn shut_down(mut self) -> Result<(), Fault> {
        let deadline = Instant::now() + self.settings.flush_deadline;
        while !self.lead.is_empty() {
            self.roll_back_newest()?;
        }
        if self.flushes.is_running() {
            let ended = self.flushes.flusher.wait(deadline);
            self.note_flushed(ended)?;
        }
        if self.is_ahead_of_disk()
            && !self.coins.read().coins.is_frozen()
            && Instant::now() < deadline
        {
            self.begin_flush()?;
            let ended = self.flushes.flusher.wait(deadline);
            self.note_flushed(ended)?;
        }
        if self.is_ahead_of_disk() {
            let (flushed, verified) = (self.frontiers.flushed(), self.frontiers.verified());
            tracing::info!(
                "not all coins were written before the deadline: the next start takes {} blocks from the block files",
                verified.height - flushed.height
            );
        }
        Ok(())
    }
}
