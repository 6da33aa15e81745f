//! Who sent a block, for as long as it may still turn out to be invalid.

use std::collections::BTreeMap;

use tipward_primitives::{BlockHash, Height};

use crate::io::PeerId;

/// Blocks whose sender is remembered, about 56 bytes each. While we catch up, far more may be stored ahead of what is
/// connected; then the highest are forgotten, because it takes longest until they are connected. All that is lost is that
/// nobody is blamed for them.
const MOST_SENDERS: usize = 32_768;
/// Blocks below the tip from which nothing on another branch is remembered any more.
const KEPT_BELOW_TIP: Height = 288;

/// The senders of blocks that are stored and not connected.
#[derive(Debug, Default)]
pub(crate) struct Senders(BTreeMap<(Height, BlockHash), PeerId>);

impl Senders {
    pub(crate) fn remember(&mut self, height: Height, hash: BlockHash, peer: PeerId) {
        self.0.insert((height, hash), peer);
        if self.0.len() > MOST_SENDERS {
            self.0.pop_last();
        }
    }

    /// It was connected, or found invalid: who sent it, if that is known, and no more of it.
    pub(crate) fn take(&mut self, height: Height, hash: BlockHash) -> Option<PeerId> {
        self.0.remove(&(height, hash))
    }

    /// Forgets what is far below the tip.
    pub(crate) fn forget_below(&mut self, tip: Height) {
        let lowest = tip.saturating_sub(KEPT_BELOW_TIP);
        while self
            .0
            .first_key_value()
            .is_some_and(|((height, _), _)| *height < lowest)
        {
            self.0.pop_first();
        }
    }
}

#[cfg(test)]
mod tests;
