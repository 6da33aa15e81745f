use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tipward_primitives::{BlockHash, Header, Height, Params, Timestamp, Work};

use crate::cow::CowVec;
use crate::status::Status;
use crate::tree::{Entry, HeaderId, HeaderTree};
use crate::work;

/// A tip older than this means that there is much to catch up with. Core's `-maxtipage`.
const MAX_TIP_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// In seconds.
const TWO_WEEKS: u32 = 14 * 24 * 60 * 60;

/// Blocks' worth of work below the tip from which a fork is still interesting enough to keep its headers.
const FORK_BUFFER: u32 = 144;

/// What is known of the chain at one moment: every header, which blocks are stored or invalid, the active chain, its
/// candidate, the best header.
///
/// It never changes, and a clone is cheap; readers in other threads hold one in an `Arc` while the owner of the
/// [`Chain`](crate::Chain) goes on. Blocks are named by [`HeaderId`]; [`ChainView::find`] gives that of a hash.
///
/// # Panics
/// Every method that takes a [`HeaderId`] panics if that came from a later view.
#[derive(Clone, Debug)]
pub struct ChainView {
    pub(crate) params: Arc<Params>,
    pub(crate) tree: HeaderTree,
    /// One for each header of the tree.
    pub(crate) status: CowVec<Status>,
    /// The active chain, by height; the genesis block is always part of it.
    pub(crate) active: CowVec<HeaderId>,
    /// The headers on which no other one builds.
    pub(crate) leaves: Arc<BTreeSet<HeaderId>>,
    pub(crate) best_header: HeaderId,
    pub(crate) candidate: HeaderId,
    /// Initial block download is over and does not come back.
    pub(crate) synced_once: bool,
    /// One above the highest block that was deleted to save space.
    pub(crate) pruned: Height,
}

impl ChainView {
    /// The network's parameters.
    pub fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Every known header.
    pub fn tree(&self) -> &HeaderTree {
        &self.tree
    }

    /// The header with this hash, if it is known.
    pub fn find(&self, hash: &BlockHash) -> Option<HeaderId> {
        self.tree.find(hash)
    }

    /// What is known of a header's place in the tree.
    pub fn entry(&self, id: HeaderId) -> &Entry {
        self.tree.entry(id)
    }

    /// The header itself.
    pub fn header(&self, id: HeaderId) -> Header {
        self.tree.header(id)
    }

    /// Its hash.
    pub fn hash(&self, id: HeaderId) -> BlockHash {
        self.entry(id).hash()
    }

    /// Its height.
    pub fn height(&self, id: HeaderId) -> Height {
        self.entry(id).height()
    }

    /// The header with the most work of which nothing invalid is known; the first seen of several.
    pub fn best_header(&self) -> HeaderId {
        self.best_header
    }

    /// The block that the active chain should end at: the one with the most work of those that are stored with all before
    /// them and not known to be invalid. Of several with the same work, the one that was complete first, unless the user
    /// preferred another ([`Chain::precious`](crate::Chain::precious)).
    ///
    /// Until validation has connected the way to it, the active chain ends elsewhere.
    pub fn candidate(&self) -> HeaderId {
        self.candidate
    }

    /// The tip of the active chain: the blocks that validation has connected.
    pub fn tip(&self) -> HeaderId {
        self.active.last().copied().unwrap_or(HeaderId::GENESIS)
    }

    /// Height of the active chain's tip.
    pub fn tip_height(&self) -> Height {
        self.height(self.tip())
    }

    /// Hash of the active chain's tip.
    pub fn tip_hash(&self) -> BlockHash {
        self.hash(self.tip())
    }

    /// The active chain's block at `height`; `None` above the tip.
    pub fn active_at(&self, height: Height) -> Option<HeaderId> {
        self.active.get(height as usize).copied()
    }

    /// Hash of the active chain's block at `height`; `None` above the tip.
    pub fn hash_at(&self, height: Height) -> Option<BlockHash> {
        self.active_at(height).map(|id| self.hash(id))
    }

    /// Whether a block is part of the active chain.
    pub fn is_active(&self, id: HeaderId) -> bool {
        self.active_at(self.height(id)) == Some(id)
    }

    /// The block after `id` in the active chain; `None` for its tip and for blocks that are not part of it.
    pub fn next_active(&self, id: HeaderId) -> Option<HeaderId> {
        if self.is_active(id) {
            self.active_at(self.height(id) + 1)
        } else {
            None
        }
    }

    /// Where the branch that ends at `id` leaves the active chain: its last block that is part of it.
    pub fn fork_point(&self, id: HeaderId) -> HeaderId {
        self.tree.last_common_ancestor(id, self.tip())
    }

    /// Blocks of the active chain from `id` to the tip, both included; -1 if `id` is not part of it, as in Core's RPC.
    pub fn confirmations(&self, id: HeaderId) -> i64 {
        if self.is_active(id) {
            i64::from(self.tip_height()) - i64::from(self.height(id)) + 1
        } else {
            -1
        }
    }

    /// Median time past of a block, in seconds: of itself and the ten before it.
    pub fn median_time_past(&self, id: HeaderId) -> u32 {
        self.tree.median_time_past(id)
    }

    /// Whether the block is in a block file.
    pub fn is_stored(&self, id: HeaderId) -> bool {
        self.status[id.at()].has(Status::STORED)
    }

    /// Height of the active chain's first block from which on none was deleted to save space: 0 if none was.
    pub fn pruned_below(&self) -> Height {
        self.pruned
    }

    /// Whether the block was stored, and was deleted to save space since.
    pub fn is_pruned(&self, id: HeaderId) -> bool {
        let status = self.status[id.at()];
        status.transactions > 0 && !status.has(Status::STORED)
    }

    /// Whether the block and all before it are stored, or were before they were deleted to save space.
    pub fn is_linked(&self, id: HeaderId) -> bool {
        self.status[id.at()].has(Status::LINKED)
    }

    /// Whether the block, or one before it, was found invalid.
    pub fn is_invalid(&self, id: HeaderId) -> bool {
        !self.status[id.at()].is_valid()
    }

    /// The first block on the way to `id` that was found invalid.
    pub fn first_invalid(&self, id: HeaderId) -> Option<HeaderId> {
        let is_valid = |id: HeaderId| !self.is_invalid(id);
        match self.tree.last_where(id, is_valid) {
            Some(last_valid) if last_valid == id => None,
            Some(last_valid) => self.tree.ancestor(id, self.height(last_valid) + 1),
            None => Some(HeaderId::GENESIS),
        }
    }

    /// Whether the block is or once was part of the active chain, and nothing speaks against it since: all its rules were
    /// checked, but for scripts that are assumed valid.
    pub fn is_validated(&self, id: HeaderId) -> bool {
        let status = self.status[id.at()];
        status.has(Status::WAS_ACTIVE) && status.is_valid()
    }

    /// Number of the block's transactions; `None` until it is stored.
    pub fn transactions(&self, id: HeaderId) -> Option<u32> {
        let transactions = self.status[id.at()].transactions;
        (transactions > 0).then_some(transactions)
    }

    /// Number of the transactions of the block and all before it; `None` until they are all stored.
    pub fn chain_transactions(&self, id: HeaderId) -> Option<u64> {
        let status = self.status[id.at()];
        status
            .has(Status::LINKED)
            .then_some(status.chain_transactions)
    }

    /// Whether the active chain has the network's minimum of work.
    pub fn has_minimum_work(&self) -> bool {
        self.entry(self.tip()).chainwork() >= self.params.minimum_chain_work
    }

    /// The work that a chain of headers must have to be kept without further proof: the network's minimum, and no less
    /// than the active chain had about a day ago, so that forks near the tip pass.
    ///
    /// Headers with less go through [`presync`](crate::presync).
    pub fn work_threshold(&self) -> Work {
        let tip = self.entry(self.tip());
        let day = work::times(work::of_bits(tip.bits()), FORK_BUFFER);
        work::subtract(tip.chainwork(), day).max(self.params.minimum_chain_work)
    }

    /// Whether what was worked on top of `block` up to the best header would take the whole network so many seconds or
    /// more, at the best header's difficulty.
    pub fn is_buried_for(&self, block: HeaderId, seconds: u32) -> bool {
        let best = self.entry(self.best_header);
        let on_top = work::subtract(best.chainwork(), self.entry(block).chainwork());
        let spacing = self.params.pow_target_spacing;
        work::times(on_top, spacing) >= work::times(work::of_bits(best.bits()), seconds)
    }

    /// Whether the scripts of `block` may be taken for valid because it is `assume_valid` or an ancestor of it. Never with
    /// a hash of zeros, which is how that is turned off.
    ///
    /// As in Bitcoin Core the block must also be part of the best header's chain, that chain must have the minimum of
    /// work, and there must be more than two weeks' worth of work on top of the block: so whoever wants us to take an
    /// invalid block would have to spend that much on it, even after having talked the user into a wrong setting.
    pub fn scripts_assumed_valid(&self, block: HeaderId, assume_valid: &BlockHash) -> bool {
        let Some(assumed) = self.find(assume_valid) else {
            return false;
        };
        let best = self.entry(self.best_header);
        self.tree.is_ancestor(block, assumed)
            && self.tree.is_ancestor(block, self.best_header)
            && best.chainwork() >= self.params.minimum_chain_work
            && self.is_buried_for(block, TWO_WEEKS + 1)
    }

    /// Whether the node still catches up with the network, by Core's rule: until, for the first time, the active chain
    /// has the minimum of work and its tip is less than a day old.
    pub fn is_initial_block_download(&self, now: Timestamp) -> bool {
        !self.synced_once && !self.is_tip_recent(now)
    }

    pub(crate) fn is_tip_recent(&self, now: Timestamp) -> bool {
        let tip_time = Timestamp::from_secs(u64::from(self.entry(self.tip()).time()));
        self.has_minimum_work() && now.since(tip_time) <= MAX_TIP_AGE
    }
}

#[cfg(test)]
mod tests;
