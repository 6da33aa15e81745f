//! The blocks that are to be connected next: read and prepared ahead of their turn.

use std::collections::VecDeque;
use std::sync::Arc;

use tipward_chain::{BlockRef, ChainView, Fault, HeaderId};
use tipward_coins::CoinCache;
use tipward_primitives::Height;
use tipward_store::BlockReader;

use super::SharedCoins;
use super::coins_ahead::CoinsAhead;
use super::made::Made;
use crate::frontiers::block_ref;
use crate::handoff::Handoff;
use crate::load::{Loaded, Loader, NotLoaded, Request};
use crate::prepared::PreparedBlock;

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
    /// By those of `slots` that are read.
    made: Made,
}

struct Slot {
    block: BlockRef,
    size: usize,
    state: State,
    coins: CoinsAhead,
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
    /// The block, and its coins as far as they are worth waiting for.
    Block(BlockRef, Arc<PreparedBlock>, CoinsAhead),
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
            made: Made::default(),
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
            if let Some(Slot {
                state: State::Read(block),
                ..
            }) = self.slots.pop_back()
            {
                self.made.remove(&block);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.made.clear();
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
                coins: CoinsAhead::none(),
            };
            slot.look_up(from, coins, &mut self.made)?;
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
                    let mut slots = self.slots.iter_mut();
                    let Some(slot) = slots.find(|slot| slot.block.id == block.id) else {
                        continue;
                    };
                    slot.state = match result {
                        Ok(prepared) => State::Read(prepared),
                        Err(e) => State::Failed(e),
                    };
                    slot.look_up(from, &coins.read().coins, &mut self.made)?;
                }
                Loaded::Coins(block, inputs, found) => {
                    let found = found?;
                    let mut slots = self.slots.iter_mut();
                    if let Some(slot) = slots.find(|slot| slot.block.id == block.id) {
                        slot.coins.take_in(&inputs, found);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next block, taken out of the window.
    pub(crate) fn next(&mut self) -> Next {
        let Some(first) = self.slots.front() else {
            return Next::NotYet;
        };
        if matches!(first.state, State::Reading) || !first.coins.is_complete() {
            return Next::NotYet;
        }
        let Some(Slot {
            block,
            size,
            state,
            coins,
        }) = self.slots.pop_front()
        else {
            return Next::NotYet;
        };
        self.bytes -= size;
        match state {
            State::Read(prepared) => {
                self.made.remove(&prepared);
                Next::Block(block, prepared, coins)
            }
            State::Failed(e) => Next::Failed(block, e),
            State::Reading => Next::NotYet,
        }
    }
}

impl Slot {
    /// Once the block is read: has the coins that it spends looked up, unless blocks that come before it make them.
    fn look_up(
        &mut self,
        from: &Sources<'_>,
        coins: &CoinCache,
        made: &mut Made,
    ) -> Result<(), Fault> {
        let State::Read(prepared) = &self.state else {
            return Ok(());
        };
        // Its own coins are not among those that it is to look for.
        made.add(prepared);
        if from.nothing_on_disk {
            return Ok(());
        }
        let inputs = unknown_inputs(prepared, coins, made);
        let older = coins.older();
        self.coins = CoinsAhead::ask(self.block, prepared, &inputs, &older, from.loader)?;
        Ok(())
    }
}

/// The inputs whose coins are neither changed since the last flush began nor made by blocks that come before.
fn unknown_inputs(prepared: &PreparedBlock, coins: &CoinCache, made: &Made) -> Vec<u32> {
    let hashes = prepared.keys().inputs();
    coins.touch_places(hashes.iter().copied());
    let inputs = prepared.block().parsed().transactions();
    // The coinbase's input comes first and spends nothing.
    let inputs = (0..).zip(inputs.flat_map(|tx| tx.inputs())).skip(1);
    inputs
        .filter(|(number, input)| {
            let number = *number as usize;
            prepared.source(number).is_none()
                && !made.has(input.outpoint_bytes())
                && !coins.may_have_changed(hashes[number])
        })
        .map(|(number, _)| number)
        .collect()
}

/// Where blocks and coins come from.
pub(crate) struct Sources<'a> {
    pub(crate) handoff: &'a Handoff,
    pub(crate) reader: &'a BlockReader,
    pub(crate) loader: &'a Loader,
    /// There is nothing on disk yet that could be read ahead.
    pub(crate) nothing_on_disk: bool,
}
