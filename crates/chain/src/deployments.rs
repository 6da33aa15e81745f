//! Soft forks on a branch of the header tree.

use tipward_consensus::deployments::{DeploymentInfo, deployments};
use tipward_consensus::versionbits::{
    UnknownActivation, Versions, next_block_version, unknown_activations,
};
use tipward_primitives::Height;

use crate::{ChainView, HeaderId, HeaderTree};

impl ChainView {
    /// Every soft fork at a block: the data behind `getdeploymentinfo`.
    pub fn deployments(&self, id: HeaderId) -> Vec<DeploymentInfo> {
        deployments(&self.params, &self.branch(id))
    }

    /// The version of a block on top of `id` by a miner who is for every deployment.
    pub fn next_block_version(&self, id: HeaderId) -> i32 {
        next_block_version(&self.params, &self.branch(id))
    }

    /// The soft forks that blocks up to `id` have locked in and that this software does not know. Looks at hundreds of
    /// thousands of headers, and can only change when a difficulty period ends.
    pub fn unknown_activations(&self, id: HeaderId) -> Vec<UnknownActivation> {
        unknown_activations(&self.params, &self.branch(id))
    }

    fn branch(&self, tip: HeaderId) -> Branch<'_> {
        Branch {
            tree: &self.tree,
            tip,
        }
    }
}

/// The headers up to one of them.
struct Branch<'a> {
    tree: &'a HeaderTree,
    tip: HeaderId,
}

impl Branch<'_> {
    fn at(&self, height: Height) -> HeaderId {
        self.tree.ancestor(self.tip, height).unwrap_or(self.tip)
    }
}

impl Versions for Branch<'_> {
    fn tip_height(&self) -> Height {
        self.tree.entry(self.tip).height()
    }

    fn median_time_past_at(&self, height: Height) -> u32 {
        self.tree.median_time_past(self.at(height))
    }

    fn versions_back_from(&self, height: Height) -> impl Iterator<Item = i32> {
        let headers = self.tree.backwards(self.at(height));
        headers.map(|id| self.tree.entry(id).version().to_consensus())
    }
}

#[cfg(test)]
mod tests;
