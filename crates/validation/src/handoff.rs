#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tipward_primitives::{BlockHash, Height};

use crate::prepared::PreparedBlock;

/// Blocks that were just written and are kept in memory until they are connected, so that they need not be read again.
///
/// # Bounds
/// At most so many bytes, by [`PreparedBlock::memory`]. Those nearest above the connected block are preferred; one that
/// is dropped is read from its file later.
#[derive(Clone, Debug)]
pub(crate) struct Handoff(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    blocks: BTreeMap<(Height, BlockHash), Arc<PreparedBlock>>,
    bytes: usize,
    most_bytes: usize,
    /// Blocks at or below this height are of no more use, but for a reorganization.
    connected: Height,
}

impl Handoff {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            blocks: BTreeMap::new(),
            bytes: 0,
            most_bytes,
            connected: 0,
        })))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a block in, and drops others, or this one, if there is no room.
    pub(crate) fn put(&self, block: Arc<PreparedBlock>) {
        let mut kept = self.kept();
        let key = (block.block().height(), block.block().hash());
        kept.bytes += block.memory();
        if let Some(old) = kept.blocks.insert(key, block) {
            kept.bytes -= old.memory();
        }
        let connected = kept.connected;
        while kept.bytes > kept.most_bytes {
            let stale = kept.blocks.first_entry();
            let dropped = match stale {
                Some(first) if first.key().0 <= connected => Some(first.remove()),
                _ => kept.blocks.pop_last().map(|(_, block)| block),
            };
            let Some(dropped) = dropped else { break };
            kept.bytes -= dropped.memory();
        }
    }

    /// False: a block of this height, if it were put in now, would be dropped.
    pub(crate) fn wants(&self, height: Height) -> bool {
        let kept = self.kept();
        let is_stale = |first: Height| first <= kept.connected;
        kept.bytes < kept.most_bytes
            || kept
                .blocks
                .keys()
                .next()
                .is_some_and(|(first, _)| is_stale(*first))
            || kept
                .blocks
                .keys()
                .next_back()
                .is_some_and(|(last, _)| height < *last)
    }

    /// Takes a block out.
    pub(crate) fn take(&self, height: Height, hash: &BlockHash) -> Option<Arc<PreparedBlock>> {
        let mut kept = self.kept();
        let block = kept.blocks.remove(&(height, *hash))?;
        kept.bytes -= block.memory();
        Some(block)
    }

    /// Notes how far connecting is.
    pub(crate) fn connected(&self, height: Height) {
        self.kept().connected = height;
    }

    /// Blocks and their bytes.
    pub(crate) fn load(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.blocks.len(), kept.bytes)
    }
}
