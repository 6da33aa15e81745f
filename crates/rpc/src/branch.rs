//! The branch of headers that ends at one of them, as deployments by version bits look at it.

use tipward_chain::{ChainView, HeaderId};
use tipward_consensus::versionbits::Versions;
use tipward_primitives::Height;

/// The headers from the genesis block to `tip`.
pub(crate) struct Branch<'a> {
    pub(crate) view: &'a ChainView,
    pub(crate) tip: HeaderId,
}

impl Branch<'_> {
    fn at(&self, height: Height) -> HeaderId {
        // Nobody asks for what is above the tip; it would count as the tip.
        let ancestor = self.view.tree().ancestor(self.tip, height);
        ancestor.unwrap_or(self.tip)
    }
}

impl Versions for Branch<'_> {
    fn tip_height(&self) -> Height {
        self.view.height(self.tip)
    }

    fn median_time_past_at(&self, height: Height) -> u32 {
        self.view.median_time_past(self.at(height))
    }

    fn versions_back_from(&self, height: Height) -> impl Iterator<Item = i32> {
        let headers = self.view.tree().backwards(self.at(height));
        headers.map(|id| self.view.header(id).version.to_consensus())
    }
}
