//! Calls of either node, by tipward's own client.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tipward_rpc::client::{Client, Login};

/// A node's JSON-RPC server.
pub(crate) struct Rpc {
    name: &'static str,
    client: Client,
}

impl Rpc {
    pub(crate) fn new(name: &'static str, port: u16, login: Login) -> Self {
        let client = Client {
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            login,
            timeout: Some(Duration::from_secs(60)),
        };
        Self { name, client }
    }

    /// Whether it has started.
    pub(crate) fn answers(&self) -> bool {
        self.client.call("getblockcount", &json!([])).is_ok()
    }

    /// Calls a method; panics if it fails.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.client
            .call(method, &params)
            .unwrap_or_else(|error| panic!("{} {method}: {error}", self.name))
    }

    /// Height of the active chain.
    pub(crate) fn height(&self) -> u64 {
        self.call("getblockcount", json!([]))
            .as_u64()
            .expect("a height")
    }

    /// Hash of the tip.
    pub(crate) fn tip(&self) -> String {
        let tip = self.call("getbestblockhash", json!([]));
        tip.as_str().expect("a hash").to_owned()
    }
}
