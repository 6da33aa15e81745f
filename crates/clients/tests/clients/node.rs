//! A regtest node that ends with its test.

use std::net::SocketAddr;
use std::path::PathBuf;

use bitcoincore_rpc::bitcoin::hex::DisplayHex as _;
use bitcoincore_rpc::bitcoin::{Address, BlockHash, ScriptBuf};
use bitcoincore_rpc::{Auth, Client, RpcApi as _};
use tempfile::TempDir;
use tipward::Node;
use tipward::config::{Config, NetworkName, Options, Switch};
use tokio::runtime::Runtime;

pub(crate) struct RegtestNode {
    addr: SocketAddr,
    cookie: PathBuf,
    node: Option<Node>,
    // Last: the node ends on it.
    runtime: Runtime,
    _dir: TempDir,
}

impl RegtestNode {
    /// At the genesis block, without peers.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same with other options.
    pub(crate) fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options {
            network: Some(NetworkName::Regtest),
            datadir: Some(dir.path().to_owned()),
            connect: Some(vec!["0".into()]),
            rpcbind: Some(vec!["127.0.0.1:0".into()]),
            rest: Some(Switch(true)),
            printtoconsole: Some(Switch(false)),
            ..Options::default()
        };
        change(&mut options);
        let config = Config::load(options).unwrap();
        let cookie = config.netdir.join(".cookie");
        let runtime = Runtime::new().unwrap();
        let node = runtime.block_on(Node::start(config)).unwrap();
        Self {
            addr: node.rpc_addr().unwrap(),
            cookie,
            node: Some(node),
            runtime,
            _dir: dir,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Name and password of the cookie.
    pub(crate) fn login(&self) -> (String, String) {
        let text = std::fs::read_to_string(&self.cookie).unwrap();
        let (user, password) = text.split_once(':').unwrap();
        (user.to_owned(), password.to_owned())
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url(), Auth::CookieFile(self.cookie.clone())).unwrap()
    }
}

impl Drop for RegtestNode {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.runtime.block_on(node.stop()).unwrap();
        }
    }
}

/// An address of the key 1, whose private key everybody knows.
pub(crate) fn address() -> Address {
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
        .parse::<Address<_>>()
        .unwrap()
        .assume_checked()
}

/// Makes blocks on the tip.
pub(crate) fn generate(client: &Client, count: u64) -> Vec<BlockHash> {
    client.generate_to_address(count, &address()).unwrap()
}

/// Makes one block on the tip that pays to a script that tells it from others.
pub(crate) fn generate_marked(client: &Client, mark: u8) -> BlockHash {
    let script = ScriptBuf::from_bytes(vec![1, mark]);
    let descriptor = format!("raw({})", script.as_bytes().to_lower_hex_string());
    let made: Vec<BlockHash> = client
        .call("generatetodescriptor", &[1.into(), descriptor.into()])
        .unwrap();
    made[0]
}
