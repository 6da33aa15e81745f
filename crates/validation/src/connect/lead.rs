//! The lead: blocks that are connected and whose scripts are not verified yet.

use std::collections::VecDeque;
use std::sync::Arc;

use tipward_chain::BlockRef;
use tipward_coins::SpentCoins;

use crate::prepared::PreparedBlock;
use crate::scripts::{Outcome, ScriptJob};

/// A connected block, with all that is needed to take it back, or to commit it.
pub(crate) struct Speculative {
    pub(crate) block: BlockRef,
    pub(crate) prepared: Arc<PreparedBlock>,
    pub(crate) spent: Arc<SpentCoins>,
    /// `None`: it was verified before, and its undo data is in the files.
    pub(crate) job: Option<Arc<ScriptJob>>,
}

/// Where the first block of the lead stands.
pub(crate) enum First {
    /// There is none, or its scripts are not done.
    Wait,
    /// It may be committed, with its undo data if that is not in the files yet.
    Verified(Option<Arc<Vec<u8>>>),
    /// It must be taken back, with all that follow.
    Bad(Outcome),
}

/// # Bounds
/// So many blocks, inputs and bytes; a block is let in as long as none of them is reached.
pub(crate) struct Lead {
    blocks: VecDeque<Speculative>,
    inputs: usize,
    bytes: usize,
    most: LeadBounds,
}

/// How far connecting may be ahead of the verification of scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadBounds {
    /// Blocks.
    pub blocks: usize,
    /// Inputs of these blocks.
    pub inputs: usize,
    /// Bytes of memory that these blocks and the coins that they spend take, about.
    pub bytes: usize,
}

impl Default for LeadBounds {
    /// 512 blocks, 200,000 inputs (a quarter of a minute's verification on one core), 24 MiB: some nine full blocks. The connect
    /// thread makes one in less time than 16 cores take to verify one, so that more of them would only take memory.
    fn default() -> Self {
        Self {
            blocks: 512,
            inputs: 200_000,
            bytes: 24 << 20,
        }
    }
}

impl Lead {
    pub(crate) fn new(most: LeadBounds) -> Self {
        Self {
            blocks: VecDeque::new(),
            inputs: 0,
            bytes: 0,
            most,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.blocks.len() < self.most.blocks
            && self.inputs < self.most.inputs
            && self.bytes < self.most.bytes
    }

    pub(crate) fn push(&mut self, block: Speculative) {
        self.inputs += block.spent.len();
        self.bytes += memory(&block);
        self.blocks.push_back(block);
    }

    fn note_gone(&mut self, block: &Speculative) {
        self.inputs -= block.spent.len();
        self.bytes -= memory(block);
    }

    /// Takes the newest block out.
    pub(crate) fn pop_newest(&mut self) -> Option<Speculative> {
        let block = self.blocks.pop_back()?;
        self.note_gone(&block);
        if let Some(job) = &block.job {
            job.cancel();
        }
        Some(block)
    }

    /// Takes the oldest block out.
    pub(crate) fn pop_oldest(&mut self) -> Option<Speculative> {
        let block = self.blocks.pop_front()?;
        self.note_gone(&block);
        Some(block)
    }

    pub(crate) fn oldest(&self) -> Option<BlockRef> {
        self.blocks.front().map(|first| first.block)
    }

    pub(crate) fn first(&self) -> First {
        let Some(first) = self.blocks.front() else {
            return First::Wait;
        };
        let Some(job) = &first.job else {
            return First::Verified(None);
        };
        match job.outcome() {
            None => First::Wait,
            Some(Outcome::Valid(undo)) => First::Verified(Some(Arc::clone(undo))),
            Some(bad) => First::Bad(bad.clone()),
        }
    }
}

fn memory(block: &Speculative) -> usize {
    block.prepared.memory() + block.spent.memory()
}
