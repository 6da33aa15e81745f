//! The way from the tip that was told to the block after which the coins in memory are.
//!
//! Coins in memory run ahead of the told tip: by the blocks whose scripts are not verified yet, and in a reorganization by all
//! that was taken back and connected since. Walked backwards, this way says what a coin was at the told tip.
//!
//! ```text
//!                told tip                   in memory
//!   a sync:         100 ─ +101 ─ +102 ─ +103
//!   reorganizing:   103 ─ -103 ─ -102 ─ +102' ─ +103'
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use tipward_coins::{Coin, OutPointKey, SpentCoins};
use tipward_primitives::BlockHash;

use crate::prepared::PreparedBlock;

/// # Bounds
/// So many bytes of blocks and of the coins that they spend; the oldest steps are dropped beyond that.
#[derive(Clone)]
pub(crate) struct Trail {
    steps: VecDeque<Step>,
    bytes: usize,
    most_bytes: usize,
}

#[derive(Clone)]
struct Step {
    prepared: Arc<PreparedBlock>,
    /// The coins that it spent, if it was connected; `None`: it was taken back.
    spent: Option<Arc<SpentCoins>>,
}

impl Step {
    fn hash(&self) -> BlockHash {
        self.prepared.block().hash()
    }

    fn memory(&self) -> usize {
        self.prepared.memory() + self.spent.as_ref().map_or(0, |spent| spent.memory())
    }
}

impl Trail {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            steps: VecDeque::new(),
            bytes: 0,
            most_bytes,
        }
    }

    /// A block was connected. True if the oldest steps had to go, so that the way begins elsewhere now.
    pub(super) fn connected(
        &mut self,
        prepared: &Arc<PreparedBlock>,
        spent: &Arc<SpentCoins>,
    ) -> bool {
        let step = Step {
            prepared: Arc::clone(prepared),
            spent: Some(Arc::clone(spent)),
        };
        self.go(step)
    }

    /// The last block was taken back. True as above.
    pub(super) fn taken_back(&mut self, prepared: &Arc<PreparedBlock>) -> bool {
        let step = Step {
            prepared: Arc::clone(prepared),
            spent: None,
        };
        self.go(step)
    }

    fn go(&mut self, step: Step) -> bool {
        // There and back again is no way at all.
        let back = self.steps.back().is_some_and(|last| {
            last.hash() == step.hash() && last.spent.is_some() != step.spent.is_some()
        });
        if back {
            if let Some(gone) = self.steps.pop_back() {
                self.bytes -= gone.memory();
            }
            return false;
        }
        self.bytes += step.memory();
        self.steps.push_back(step);
        let whole = self.steps.len();
        while self.bytes > self.most_bytes {
            self.drop_oldest();
        }
        self.steps.len() < whole
    }

    fn drop_oldest(&mut self) {
        match self.steps.pop_front() {
            Some(oldest) => self.bytes -= oldest.memory(),
            None => self.bytes = 0,
        }
    }

    /// The told tip is the one that so many of the last steps lead on from.
    pub(super) fn keep(&mut self, last: usize) {
        while self.steps.len() > last {
            self.drop_oldest();
        }
    }

    /// A coin as it was at the told tip: `now` is what it is in memory.
    pub(super) fn at_told_tip<'a>(
        &'a self,
        key: &OutPointKey,
        now: Option<Coin<'a>>,
    ) -> Option<Coin<'a>> {
        let mut coin = now;
        for step in self.steps.iter().rev() {
            if !step.prepared.may_touch(key) {
                continue;
            }
            let made = || {
                key.first_chunk::<32>()
                    .is_some_and(|txid| step.prepared.makes(txid))
            };
            match &step.spent {
                Some(_) if made() => coin = None,
                Some(spent) => {
                    if let Some(at) = step.prepared.spends_at(key) {
                        coin = spent.get(at);
                    }
                }
                None if step.prepared.spends_at(key).is_some() => coin = None,
                None if made() => coin = step.prepared.made_coin(key),
                None => {}
            }
        }
        coin
    }
}

#[cfg(test)]
mod tests;
