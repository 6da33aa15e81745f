//! The coins that a block spends, as far as they are looked up before its turn.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tipward_chain::{BlockRef, Fault};
use tipward_coins::{Older, Prefetched};

use crate::load::{CoinsRequest, Loader, Request};
use crate::prepared::PreparedBlock;

/// Coins that are asked for in one request, so that a block's are looked up by all workers.
pub(crate) const AT_ONCE: usize = 512;

/// The coin was not looked up.
const NONE: u32 = u32::MAX;

/// They stay beside the cache, so that nothing need be put into it that the block then takes out.
pub(crate) struct CoinsAhead {
    /// Of each input, counted through the block, where its coin was looked up: [`AT_ONCE`] numbers are a batch's. Empty, if none
    /// was.
    places: Vec<u32>,
    batches: Vec<Prefetched>,
    to_come: usize,
}

impl CoinsAhead {
    /// None are looked up.
    pub(crate) fn none() -> Self {
        Self {
            places: Vec::new(),
            batches: Vec::new(),
            to_come: 0,
        }
    }

    /// For those of a block.
    pub(crate) fn of_block(prepared: &PreparedBlock) -> Self {
        Self {
            places: vec![NONE; prepared.keys().inputs().len()],
            ..Self::none()
        }
    }

    /// Asks for the coins of some of a block's inputs, counted through the block.
    pub(crate) fn ask(
        block: BlockRef,
        prepared: &Arc<PreparedBlock>,
        inputs: &[u32],
        from: &Older,
        loader: &Loader,
    ) -> Result<Self, Fault> {
        let requests = inputs.chunks(AT_ONCE);
        let to_come = requests.len();
        for inputs in requests {
            loader.request(Request::Coins(CoinsRequest {
                block,
                prepared: Arc::clone(prepared),
                inputs: inputs.to_vec(),
                from: from.clone(),
            }))?;
        }
        Ok(Self {
            to_come,
            ..Self::of_block(prepared)
        })
    }

    /// Takes in what was found for some inputs of the block, at most [`AT_ONCE`] of them.
    pub(crate) fn take_in(&mut self, inputs: &[u32], found: Prefetched) {
        if self.places.is_empty() {
            // It was asked for before a reorganization, after which the block is not read again yet.
            return;
        }
        let first = self.batches.len() * AT_ONCE;
        for (place, input) in (first as u32..).zip(inputs) {
            self.places[*input as usize] = place;
        }
        self.batches.push(found);
        // What was asked for before a reorganization may come as well.
        self.to_come = self.to_come.saturating_sub(1);
    }

    /// All that was asked for is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.to_come == 0
    }

    /// The batch with the coin of an input, counted through the block, and its number there; `None` if it was not looked up.
    #[inline]
    pub(crate) fn of(&self, input: usize) -> Option<(&Prefetched, usize)> {
        let place = *self.places.get(input)? as usize;
        let batch = self.batches.get(place / AT_ONCE)?;
        Some((batch, place % AT_ONCE))
    }
}
