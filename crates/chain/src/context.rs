use tipward_consensus::BlockContext;

use crate::{ChainView, HeaderId};

impl ChainView {
    /// All that the checks of a block's body need of the header tree.
    pub fn context(&self, id: HeaderId) -> BlockContext {
        // The genesis block has no parent and is never checked; zero is before every lock time.
        let parent = self.tree.parent(id);
        let prev_median_time_past = parent.map_or(0, |parent| self.median_time_past(parent));
        let bip34_ancestor = parent
            .and_then(|parent| self.tree.ancestor(parent, self.params.bip34_height))
            .map(|ancestor| self.hash(ancestor));
        BlockContext::with_hash(
            &self.params,
            self.header(id),
            self.hash(id),
            self.height(id),
            prev_median_time_past,
            bip34_ancestor,
        )
    }
}
