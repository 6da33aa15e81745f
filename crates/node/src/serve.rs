//! `tipward serve`: a peer that serves block files, and can be told to be slow or broken. For tests, labs and the demo.
//!
//! ```text
//!  block files --mmap--> Archive (index, active chain) --> Session (one per connection) --> nodes
//!       ^                   | tip changed
//!       '-- --follow: polled, what was appended is announced
//! ```

mod archive;
mod session;
mod wire;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tipward_primitives::{BlockHash, Height, Params};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use archive::Archive;
use session::Session;

/// How often followed files are looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(50);

/// Options of `tipward serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward serve --network regtest --blocks chain.dat --bind 127.0.0.1:18555
  tipward serve --network regtest --blocks chain.dat --rate 1000000 --latency 100
                                         a slow peer that is far away")]
pub struct ServeArgs {
    /// Block files to serve, framed as Bitcoin Core's blk*.dat, blocks in any order
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub blocks: Vec<PathBuf>,

    /// Address to accept connections at; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub bind: SocketAddr,

    /// Announce blocks that are appended to the files while running
    #[arg(long)]
    pub follow: bool,

    /// How to behave.
    #[command(flatten)]
    pub behaviour: Behaviour,
}

/// How a serving peer behaves towards each node.
#[derive(Args, Clone, Debug, Default)]
pub struct Behaviour {
    /// Send at most this many bytes a second on each connection
    #[arg(long, value_name = "BYTES/S", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,

    /// Answer no sooner than this after the request
    #[arg(long, value_name = "MS", value_parser = parse_millis)]
    pub latency: Option<Duration>,

    /// After so many blocks on a connection, accept requests for blocks and never answer them
    #[arg(long, value_name = "N")]
    pub stall_after: Option<u64>,

    /// Flip a bit of the last transaction of the blocks at these heights
    #[arg(long, value_name = "HEIGHT", num_args = 1..)]
    pub corrupt_block: Vec<Height>,

    /// How to announce new blocks
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub announce: Announce,
}

/// How new blocks are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Announce {
    /// By their headers, to nodes that asked for it (BIP130).
    #[default]
    Headers,
    /// By their hash.
    Inv,
}

fn parse_millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

/// A running peer; it ends when this is dropped.
pub struct Server {
    addr: SocketAddr,
    archive: Arc<Archive>,
    tips: watch::Sender<BlockHash>,
    blocks_sent: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the files and begins to accept connections.
    pub async fn start(args: &ServeArgs, params: &Params) -> anyhow::Result<Self> {
        let archive = Arc::new(Archive::open(&args.blocks, params)?);
        let listener = TcpListener::bind(args.bind)
            .await
            .with_context(|| format!("cannot listen on {}", args.bind))?;
        let mut server = Self {
            addr: listener.local_addr()?,
            tips: watch::Sender::new(archive.tip().1),
            archive,
            blocks_sent: Arc::default(),
            tasks: Vec::new(),
        };
        server.accept(listener, args, params.magic);
        if args.follow {
            server.follow();
        }
        Ok(server)
    }

    /// Where nodes can connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What is served.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Blocks sent so far, to all nodes.
    pub fn blocks_sent(&self) -> u64 {
        self.blocks_sent.load(Ordering::Relaxed)
    }

    fn accept(&mut self, listener: TcpListener, args: &ServeArgs, magic: [u8; 4]) {
        let archive = self.archive.clone();
        let tips = self.tips.subscribe();
        let behaviour = args.behaviour.clone();
        let blocks_sent = self.blocks_sent.clone();
        self.tasks.push(tokio::spawn(async move {
            // Sessions end with this task, because the set ends them when it is dropped.
            let mut sessions = JoinSet::new();
            loop {
                let Ok((stream, addr)) = listener.accept().await else {
                    // Out of file descriptors, most likely: those in use will be given back.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                tracing::debug!(target: "serve", "connection from {addr}");
                let session = Session {
                    archive: archive.clone(),
                    magic,
                    behaviour: behaviour.clone(),
                    tips: tips.clone(),
                    blocks_sent: blocks_sent.clone(),
                };
                sessions.spawn(async move {
                    match session.run(stream).await {
                        Ok(()) => tracing::debug!(target: "serve", "{addr} left"),
                        Err(error) => tracing::debug!(target: "serve", "{addr} left: {error:#}"),
                    }
                });
                while sessions.try_join_next().is_some() {}
            }
        }));
    }

    fn follow(&mut self) {
        let archive = self.archive.clone();
        let tips = self.tips.clone();
        self.tasks.push(tokio::spawn(async move {
            let mut interval = tokio::time::interval(FOLLOW_INTERVAL);
            loop {
                interval.tick().await;
                match archive.refresh() {
                    Ok(false) => {}
                    Ok(true) => {
                        let (height, hash) = archive.tip();
                        tracing::debug!(target: "serve", "new tip {hash} at height {height}");
                        tips.send_replace(hash);
                    }
                    Err(error) => tracing::warn!(target: "serve", "{error:#}"),
                }
            }
        }));
    }
}

/// Serves until told to end (SIGINT, SIGTERM), and says on standard output where.
pub async fn run(args: &ServeArgs, params: &Params) -> anyhow::Result<()> {
    let server = Server::start(args, params).await?;
    let (height, hash) = server.archive().tip();
    {
        use std::io::Write as _;
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "serving {} blocks, tip {hash} at height {height}",
            server.archive().len()
        )?;
        writeln!(out, "listening on {}", server.addr())?;
        out.flush()?;
    }
    crate::signals::ended().await
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
