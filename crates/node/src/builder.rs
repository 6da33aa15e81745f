//! How another program says what node it wants.

use std::path::PathBuf;

use crate::config::{Config, NetworkName, Options, Switch};
use crate::node::Node;

/// Makes a [`Node`] inside another program.
///
/// It begins with the defaults of the command line, but for two: it neither answers JSON-RPC nor accepts connections unless
/// told so, for the ports of this machine are the program's to give away. Everything else can be set by
/// [`NodeBuilder::options`]; a `tipward.toml` in the data directory counts as it does for the command line.
///
/// ```no_run
/// # async fn follow() -> anyhow::Result<()> {
/// use tipward::{BlockEvent, Node, NetworkName, StartAt};
///
/// let node = Node::builder()
///     .network(NetworkName::Signet)
///     .datadir("/var/lib/example/bitcoin")
///     .start()
///     .await?;
/// let mut blocks = node.handle().subscribe(StartAt::Height(0));
/// while let Some(event) = blocks.next().await? {
///     if let BlockEvent::Connected { height, hash, .. } = event {
///         println!("{height} {hash}");
///     }
/// }
/// node.stop().await
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a node runs once it is started"]
pub struct NodeBuilder {
    options: Options,
}

impl Default for NodeBuilder {
    fn default() -> Self {
        Self {
            options: Options {
                server: Some(Switch(false)),
                listen: Some(Switch(false)),
                ..Options::default()
            },
        }
    }
}

impl NodeBuilder {
    /// The network; the main one unless said otherwise.
    pub fn network(mut self, network: NetworkName) -> Self {
        self.options.network = Some(network);
        self
    }

    /// Where everything is kept, each network in a directory of its own. One node at a time uses a directory.
    pub fn datadir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.options.datadir = Some(dir.into());
        self
    }

    /// Connects to these peers only, `host` or `host:port`; to nobody if there are none.
    pub fn connect<S: Into<String>>(mut self, peers: impl IntoIterator<Item = S>) -> Self {
        let mut peers: Vec<String> = peers.into_iter().map(Into::into).collect();
        if peers.is_empty() {
            peers.push("0".to_owned());
        }
        self.options.connect = Some(peers);
        self
    }

    /// Accepts connections of other nodes.
    pub fn listen(mut self, on: bool) -> Self {
        self.options.listen = Some(Switch(on));
        self
    }

    /// Answers JSON-RPC.
    pub fn rpc(mut self, on: bool) -> Self {
        self.options.server = Some(Switch(on));
        self
    }

    /// Changes any of the options, which are those of the command line.
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Starts the node; returns when it can take part in the network and answer questions. It runs on the tokio runtime
    /// that this is awaited on, which must have more than one thread and its drivers for time and sockets.
    ///
    /// Log lines are events of `tracing`: where they go is the program's to say.
    pub async fn start(self) -> anyhow::Result<Node> {
        Node::start(Config::load(self.options)?).await
    }
}
