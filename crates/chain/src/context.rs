use tipward_consensus::BlockContext;

use crate::{ChainView, HeaderId};

impl ChainView {
    /// All that the checks of a block's body need of the header tree.
    pub fn context(&self, id: HeaderId) -> BlockContext {
        // The genesis block has no parent and is never checked; zero is before every lock time.
        let prev_median_time_past = self
            .tree
            .parent(id)
            .map_or(0, |parent| self.median_time_past(parent));
        BlockContext::with_hash(
            &self.params,
            self.header(id),
            self.hash(id),
            self.height(id),
            prev_median_time_past,
        )
    }
}
