//! Which of the blocks on the way are tips to tell of.

use tipward_chain::ChainView;
use tipward_primitives::Work;

use crate::subscribe::Step;

/// Bitcoin Core tells of a tip whenever it has connected blocks up to one with more work than the tip before, unless it is
/// in initial block download. A publisher that lags finds out from the blocks themselves which those were.
pub(super) struct Tips {
    /// Work of the tip that was come to last.
    work: Work,
    /// It was in initial block download when the last block was looked at.
    catching_up: bool,
}

impl Tips {
    pub(super) fn new(view: &ChainView) -> Self {
        Self {
            work: view.entry(view.tip()).chainwork(),
            catching_up: false,
        }
    }

    /// Whether the block of this step, found by `view`, is a tip to tell of.
    pub(super) fn is_new(&mut self, view: &ChainView, step: &Step, synced: bool) -> bool {
        let Some(work) = view.find(&step.hash).map(|id| view.entry(id).chainwork()) else {
            return false;
        };
        if step.leaves {
            if step.parent == view.tip_hash() {
                // Blocks that were found invalid have left, and none came instead.
                self.work = view.entry(view.tip()).chainwork();
            }
            return false;
        }
        let is_tip = step.hash == view.tip_hash();
        self.judge(work, is_tip, synced)
    }

    pub(super) fn judge(&mut self, work: Work, is_tip: bool, synced: bool) -> bool {
        let is_new = is_tip || work > self.work;
        if is_new {
            self.work = work;
        }
        if !synced {
            self.catching_up = true;
        }
        // Of the blocks that came while the end of it was in sight, the last one ended it.
        if self.catching_up && is_tip && synced {
            self.catching_up = false;
        }
        is_new && synced && !self.catching_up
    }
}
