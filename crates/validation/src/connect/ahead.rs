//! The blocks that are to be connected next: read and prepared ahead of their turn.

use std::collections::VecDeque;
use std::sync::Arc;

use tipward_chain::{BlockRef, ChainView, Fault, HeaderId};
use tipward_coins::{CoinCache, KeyHash, OutPointKey};
use tipward_primitives::Height;
use tipward_store::BlockReader;

use super::SharedCoins;
use crate::frontiers::block_ref;
use crate::handoff::Handoff;
use crate::load::{Loaded, Loader, NotLoaded, Request};
use crate::prepared::PreparedBlock;

/// Coins that are asked for in one request.
const COINS_AT_ONCE: usize = 512;

/// The window of blocks that follow the connected one on the way to the goal.
///
/// # Bounds
/// So many blocks, and so many bytes of them, but at least one block.
pub(crate) struct Ahead {
    most_blocks: usize,
    most_bytes: usize,
    slots: VecDeque<Slot>,
    /// Bytes of the blocks in `slots`, by their size on disk.
    bytes: usize,
}

struct Slot {
    block: BlockRef,
    size: usize,
    state: State,
    /// Requests for coins that are not answered.
    coins_to_come: usize,
}

enum State {
    Reading,
    Read(Arc<PreparedBlock>),
    Failed(NotLoaded),
}

/// What the window gives for the next block.
pub(crate) enum Next {
    /// Nothing yet.
    NotYet,
    /// The block, its coins as far as they are worth waiting for.
    Block(BlockRef, Arc<PreparedBlock>),
    /// It cannot be had.
    Failed(BlockRef, NotLoaded),
}

impl Ahead {
    pub(crate) fn new(most_blocks: usize, most_bytes: usize) -> Self {
        Self {
            most_blocks,
            most_bytes,
            slots: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Keeps what lies on the way from `connected` to `target`, and drops the rest.
    pub(crate) fn retarget(&mut self, view: &ChainView, connected: HeaderId, target: HeaderId) {
        let tree = view.tree();
        let follows = self
            .slots
            .front()
            .is_some_and(|first| tree.parent(first.block.id) == Some(connected));
        if !follows {
            self.clear();
        }
        while let Some(last) = self.slots.back() {
            if tree.is_ancestor(last.block.id, target) {
                break;
            }
            self.bytes -= last.size;
            self.slots.pop_back();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.bytes = 0;
    }

    /// Asks for more blocks while there is room.
    pub(crate) fn refill(
        &mut self,
        view: &ChainView,
        connected: Height,
        target: BlockRef,
        from: &Sources<'_>,
        coins: &CoinCache,
    ) -> Result<(), Fault> {
        // The tree is walked in stretches: not for every single block.
        if self.slots.len() * 2 > self.most_blocks || self.bytes * 2 > self.most_bytes {
            return Ok(());
        }
        let last = self.slots.back().map_or(connected, |s| s.block.height);
        if last >= target.height {
            return Ok(());
        }
        for id in view.path(target.id, last + 1) {
            if self.slots.len() >= self.most_blocks
                || (self.bytes >= self.most_bytes && !self.slots.is_empty())
            {
                break;
            }
            let block = block_ref(id, view);
            let size = from.reader.size_of(&block.hash).unwrap_or(0) as usize;
            self.bytes += size;
            let state = match from.handoff.take(block.height, &block.hash) {
                Some(prepared) => State::Read(prepared),
                None => {
                    let context = Box::new(view.context(id));
                    from.loader.request(Request::Block(block, context))?;
                    State::Reading
                }
            };
            let mut slot = Slot {
                block,
                size,
                state,
                coins_to_come: 0,
            };
            slot.prefetch(from, coins)?;
            self.slots.push_back(slot);
        }
        Ok(())
    }

    /// Takes in what the workers have read.
    pub(crate) fn take_in(&mut self, from: &Sources<'_>, coins: &SharedCoins) -> Result<(), Fault> {
        while let Some(loaded) = from.loader.next() {
            // What was dropped meanwhile is not wanted any more.
            match loaded {
                Loaded::Block(block, result) => {
                    let Some(slot) = self.slot(block.id) else {
                        continue;
                    };
                    slot.state = match result {
                        Ok(prepared) => State::Read(prepared),
                        Err(e) => State::Failed(e),
                    };
                    slot.prefetch(from, &coins.read().coins)?;
                }
                Loaded::Coins(block, result) => {
                    let batch = result?;
                    coins.supply(&batch);
                    if let Some(slot) = self.slot(block.id) {
                        slot.coins_to_come = slot.coins_to_come.saturating_sub(1);
                    }
                }
            }
        }
        Ok(())
    }

    fn slot(&mut self, id: HeaderId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.block.id == id)
    }

    /// The next block, taken out of the window.
    pub(crate) fn next(&mut self) -> Next {
        let Some(first) = self.slots.front() else {
            return Next::NotYet;
        };
        if matches!(first.state, State::Reading) || first.coins_to_come > 0 {
            return Next::NotYet;
        }
        let Some(Slot {
            block, size, state, ..
        }) = self.slots.pop_front()
        else {
            return Next::NotYet;
        };
        self.bytes -= size;
        match state {
            State::Read(prepared) => Next::Block(block, prepared),
            State::Failed(e) => Next::Failed(block, e),
            State::Reading => Next::NotYet,
        }
    }
}

impl Slot {
    /// Has the coins read that the block spends and memory does not know. Coins that blocks in between make are among them
    /// and are not found, which costs a look each.
    fn prefetch(&mut self, from: &Sources<'_>, coins: &CoinCache) -> Result<(), Fault> {
        let State::Read(prepared) = &self.state else {
            return Ok(());
        };
        let missing = from.missing(prepared, coins);
        for keys in missing.chunks(COINS_AT_ONCE) {
            let request = Request::Coins(self.block, coins.epoch(), keys.to_vec());
            from.loader.request(request)?;
            self.coins_to_come += 1;
        }
        Ok(())
    }
}

/// Where blocks and coins come from.
pub(crate) struct Sources<'a> {
    pub(crate) handoff: &'a Handoff,
    pub(crate) reader: &'a BlockReader,
    pub(crate) loader: &'a Loader,
    /// There is nothing on disk yet that could be read ahead.
    pub(crate) nothing_on_disk: bool,
}

impl Sources<'_> {
    fn missing(&self, prepared: &PreparedBlock, coins: &CoinCache) -> Vec<(KeyHash, OutPointKey)> {
        if self.nothing_on_disk {
            return Vec::new();
        }
        let hashes: Vec<KeyHash> = prepared.spends().map(|key| coins.hash(key)).collect();
        coins.touch(&hashes);
        let spends = prepared.spends().zip(hashes);
        spends
            .filter(|(key, hash)| coins.missing_hashed(*hash, key))
            .map(|(key, hash)| (hash, *key))
            .collect()
    }
}
