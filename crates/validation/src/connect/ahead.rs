//! The blocks that are to be connected next: read and prepared ahead of their turn.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tipward_chain::{BlockRef, ChainView, Fault, HeaderId};
use tipward_coins::{CoinCache, KeyHash, OutPointKey};
use tipward_primitives::Height;
use tipward_primitives::bitcoin::hashes::Hash as _;
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
    /// Beginnings of the ids of the transactions in those of `slots` that are read: nobody need look for their coins.
    made: HashSet<[u8; 8]>,
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
            made: HashSet::new(),
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
                self.forget(&block);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.made.clear();
        self.bytes = 0;
    }

    /// Of two transactions that begin alike, the other one is forgotten too: its coins are looked for, and not found.
    fn forget(&mut self, block: &PreparedBlock) {
        for beginning in beginnings(block) {
            self.made.remove(&beginning);
        }
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
            if let State::Read(block) = &slot.state {
                self.made.extend(beginnings(block));
            }
            slot.prefetch(from, coins, &self.made)?;
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
                        Ok(prepared) => {
                            self.made.extend(beginnings(&prepared));
                            State::Read(prepared)
                        }
                        Err(e) => State::Failed(e),
                    };
                    slot.prefetch(from, &coins.read().coins, &self.made)?;
                }
                Loaded::Coins(block, result) => {
                    let batch = result?;
                    coins.supply(&batch);
                    let mut slots = self.slots.iter_mut();
                    if let Some(slot) = slots.find(|slot| slot.block.id == block.id) {
                        slot.coins_to_come = slot.coins_to_come.saturating_sub(1);
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
            State::Read(prepared) => {
                self.forget(&prepared);
                Next::Block(block, prepared)
            }
            State::Failed(e) => Next::Failed(block, e),
            State::Reading => Next::NotYet,
        }
    }
}

impl Slot {
    /// Has the coins read that the block spends and memory does not know, unless blocks that come before it make them.
    fn prefetch(
        &mut self,
        from: &Sources<'_>,
        coins: &CoinCache,
        made: &HashSet<[u8; 8]>,
    ) -> Result<(), Fault> {
        let State::Read(prepared) = &self.state else {
            return Ok(());
        };
        let missing = from.missing(prepared, coins, made);
        for keys in missing.chunks(COINS_AT_ONCE) {
            let request = Request::Coins(self.block, coins.epoch(), keys.to_vec());
            from.loader.request(request)?;
            self.coins_to_come += 1;
        }
        Ok(())
    }
}

/// The beginnings of the ids of a block's transactions.
fn beginnings(block: &PreparedBlock) -> impl Iterator<Item = [u8; 8]> {
    let ids = block.block().transactions();
    ids.map(|(txid, _)| beginning(txid.as_byte_array()))
}

fn beginning(bytes: &[u8]) -> [u8; 8] {
    *bytes.first_chunk().expect("an id has 32 bytes")
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
    fn missing(
        &self,
        prepared: &PreparedBlock,
        coins: &CoinCache,
        made: &HashSet<[u8; 8]>,
    ) -> Vec<(KeyHash, OutPointKey)> {
        if self.nothing_on_disk {
            return Vec::new();
        }
        let spends: Vec<&OutPointKey> = prepared
            .spends()
            .filter(|key| !made.contains(&beginning(*key)))
            .collect();
        let hashes: Vec<KeyHash> = spends.iter().map(|key| coins.hash(key)).collect();
        coins.touch(&hashes);
        let spends = spends.into_iter().zip(hashes);
        spends
            .filter(|(key, hash)| coins.missing_hashed(*hash, key))
            .map(|(key, hash)| (hash, *key))
            .collect()
    }
}
