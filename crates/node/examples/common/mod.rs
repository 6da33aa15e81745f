//! What the examples share: which node to run, and when to stop.

use std::path::PathBuf;

use tipward::{NetworkName, Node, NodeHandle};

/// Options of a node inside an example.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct NodeArgs {
    /// Network: main, testnet3, testnet4, signet or regtest
    #[arg(long, default_value = "main", value_enum, ignore_case = true)]
    pub(crate) network: NetworkName,

    /// Where the node keeps its data
    #[arg(long, value_name = "DIR")]
    pub(crate) datadir: PathBuf,

    /// Connect to this peer only. Can be given several times
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) connect: Vec<String>,

    /// Stop after the block at this height; without it, when there is nothing left to catch up with
    #[arg(long, value_name = "HEIGHT")]
    pub(crate) until: Option<u32>,
}

impl NodeArgs {
    /// Starts the node.
    pub(crate) async fn start(&self) -> anyhow::Result<Node> {
        let node = Node::builder().network(self.network).datadir(&self.datadir);
        if self.connect.is_empty() {
            node.start().await
        } else {
            node.connect(&self.connect).start().await
        }
    }

    /// Whether the block at `height` is the last that is wanted.
    pub(crate) fn is_last(&self, height: u32, node: &NodeHandle) -> bool {
        match self.until {
            Some(until) => height >= until,
            None => node.is_synced() && height >= node.view().tip_height(),
        }
    }
}
