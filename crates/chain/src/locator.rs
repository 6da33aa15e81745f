use bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Header};

use crate::{ChainView, HeaderId};

/// Hashes that a locator steps back one by one before the steps begin to double.
const SINGLE_STEPS: usize = 11;

impl ChainView {
    /// Hashes by which a peer finds where its chain leaves the one that ends at `id`: the last ones, then ever wider
    /// steps back, and the genesis block.
    pub fn locator(&self, id: HeaderId) -> Vec<BlockHash> {
        let mut hashes = Vec::with_capacity(32);
        let mut step = 1;
        let mut at = id;
        loop {
            let entry = self.entry(at);
            hashes.push(entry.hash());
            if at == HeaderId::GENESIS {
                return hashes;
            }
            if hashes.len() > SINGLE_STEPS {
                step *= 2;
            }
            at = self
                .tree
                .ancestor(at, entry.height().saturating_sub(step))
                .unwrap_or(HeaderId::GENESIS);
        }
    }

    /// The last block of the active chain that a peer with this locator has.
    pub fn find_locator(&self, locator: &[BlockHash]) -> HeaderId {
        let tip = self.tip();
        locator
            .iter()
            .filter_map(|hash| self.find(hash))
            .find_map(|id| {
                if self.is_active(id) {
                    Some(id)
                } else {
                    // Headers that we know beyond our own tip: the peer has all of the active chain.
                    self.tree.is_ancestor(tip, id).then_some(tip)
                }
            })
            .unwrap_or(HeaderId::GENESIS)
    }

    /// The answer to `getheaders`: the headers of the active chain after the last one that a peer with this locator has,
    /// up to and including `stop`, at most `max`.
    ///
    /// An empty locator asks for the header `stop` alone, if that is part of the active chain. All zeros as `stop` mean
    /// as many as there are.
    pub fn headers_after(&self, locator: &[BlockHash], stop: BlockHash, max: usize) -> Vec<Header> {
        if locator.is_empty() {
            return self
                .find(&stop)
                .filter(|id| self.is_active(*id))
                .map(|id| self.header(id))
                .into_iter()
                .take(max)
                .collect();
        }
        let first = self.height(self.find_locator(locator)).saturating_add(1);
        let mut headers = Vec::new();
        for height in first..=self.tip_height() {
            let Some(id) = self.active_at(height).filter(|_| headers.len() < max) else {
                break;
            };
            headers.push(self.header(id));
            if stop != BlockHash::all_zeros() && self.hash(id) == stop {
                break;
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests;
