//! The node behind its JSON-RPC server.

mod backend;
pub(crate) mod coins;
mod convert;
mod runtime;
pub(crate) mod scripts;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tipward_rpc::{Cookie, Credentials, Server, ServerConfig};
use tipward_watch::{Feed, page};

use crate::config::RpcConfig;
use crate::node::NodeHandle;
use backend::NodeBackend;
pub(crate) use convert::{conn_kind, peer_name};
use runtime::RpcRuntime;

/// The running server and the cookie file, which goes when this does.
pub(crate) struct Rpc {
    server: Server,
    addr: SocketAddr,
    _cookie: Option<Cookie>,
    // Last: what the others leave behind ends on it.
    runtime: RpcRuntime,
}

impl Rpc {
    /// Begins to answer, with -28 until [`Rpc::ready`].
    pub(crate) async fn start(rpc: &RpcConfig, feed: Feed) -> anyhow::Result<Self> {
        let write = |path: &PathBuf| {
            Cookie::create(path, rpc.cookie_readers)
                .with_context(|| format!("cannot write the cookie file {}", path.display()))
        };
        let cookie = rpc.cookie_file.as_ref().map(write).transpose()?;
        let mut credentials: Vec<Credentials> = cookie
            .iter()
            .map(|cookie| cookie.credentials().clone())
            .collect();
        if let Some((user, password)) = &rpc.credentials {
            credentials.push(Credentials::new(user, password));
        }
        let runtime = RpcRuntime::start()?;
        let server = ServerConfig {
            bind: rpc.bind.clone(),
            allow: rpc.allow.clone(),
            credentials,
            salted_logins: rpc.salted_logins.clone(),
            whitelist: rpc.whitelist.clone(),
            rest: rpc.rest,
            work_queue: ServerConfig::DEFAULT_WORK_QUEUE,
            watch: rpc.watch.then_some(feed),
        };
        let bound = runtime.handle().spawn(Server::bind(server)).await;
        let server =
            bound
                .context("the thread for JSON-RPC ended")?
                .map_err(|error| match error.kind() {
                    std::io::ErrorKind::AddrInUse => {
                        anyhow::anyhow!(
                            "{error}; choose another port with --rpcport, or use --server off"
                        )
                    }
                    _ => error.into(),
                })?;
        let addr = *server
            .local_addrs()
            .first()
            .context("no address to answer JSON-RPC at")?;
        tracing::info!(target: "rpc", "JSON-RPC at {addr}");
        if rpc.watch {
            tracing::info!(target: "rpc", "Watch the node at http://{addr}{}", page::PATH);
        }
        server.set_warmup("Loading the block index");
        Ok(Self {
            server,
            addr,
            _cookie: cookie,
            runtime,
        })
    }

    /// Answers everything from now on.
    pub(crate) fn ready(&self, node: NodeHandle) {
        self.runtime.follow(node.clone());
        self.server.ready(Arc::new(NodeBackend::new(node)));
    }

    /// Where it answers.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends the last replies and ends.
    pub(crate) async fn stop(self) {
        self.server.shutdown().await;
    }
}
