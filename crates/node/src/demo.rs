//! `tipward demo`: a whole sync on one machine, from local peers over real sockets, without the internet.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tipward_p2p::snapshot::Snapshot;
use tipward_primitives::Params;
use tipward_testkit::generate::ChainGenerator;
use tokio::time::timeout;

use crate::config::{Config, NetworkName, Options, ProgressMode, Switch};
use crate::generate::{recent_chain, write_block, write_chain};
use crate::node::Node;
use crate::progress::Display;
use crate::serve::{Behaviour, ServeArgs, Server};
use crate::{logging, signals};

/// A demonstration that takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// How fast the four peers are, in bytes a second, and how far away, in milliseconds: fast and near, slow and far.
const PEERS: [(u64, u64); 4] = [(400_000, 2), (200_000, 10), (100_000, 20), (50_000, 40)];

/// Options of `tipward demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward demo")]
pub struct DemoArgs {
    /// Blocks of the chain
    #[arg(long, value_name = "N", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..))]
    pub blocks: u32,
}

/// Runs the demonstration and says how it went; an error if anything in it did not work.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let display = Display::new(ProgressMode::On);
    display.hush(true);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = timeout(PATIENCE, show(args, &display)) => {
                result.unwrap_or_else(|_| anyhow::bail!("the demonstration took too long"))
            }
            told = signals::ended() => told,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

async fn show(args: &DemoArgs, display: &Display) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new()
        .prefix("tipward-demo-")
        .tempdir()
        .context("cannot create a directory for the demonstration")?;
    println!(
        "Generating a regtest chain of {} blocks with signed transactions ...",
        args.blocks
    );
    let chain_file = dir.path().join("chain.dat");
    let news_file = dir.path().join("news.dat");
    std::fs::File::create(&news_file)?;
    let (blocks, path) = (args.blocks, chain_file.clone());
    let (generator, bytes) = tokio::task::spawn_blocking(move || {
        let mut generator = recent_chain(blocks, 12, 0);
        let bytes = write_chain(&mut generator, blocks, &path)?;
        anyhow::Ok((generator, bytes))
    })
    .await??;
    println!(
        "{:.1} MB, tip {} at height {}\n",
        bytes as f64 / 1e6,
        generator.tip_hash(),
        generator.height()
    );

    let params = generator.params().clone();
    let servers = start_peers(&chain_file, &news_file, &params).await?;
    let config = Config::load(Options {
        network: Some(NetworkName::Regtest),
        datadir: Some(dir.path().join("node")),
        connect: Some(
            servers
                .iter()
                .map(|server| server.addr().to_string())
                .collect(),
        ),
        listen: Some(Switch(false)),
        server: Some(Switch(false)),
        ..Options::default()
    })?;
    logging::init(&config.output, display)?;
    let node = Node::start(config).await?;
    let result = watch(&node, display, generator, &news_file, bytes).await;
    node.stop().await?;
    let summary = result?;
    drop(servers);
    dir.close()
        .context("cannot remove the demonstration's directory")?;
    print!("{summary}");
    Ok(())
}

/// Every peer has the whole chain; the first also has a file that blocks will be mined into.
async fn start_peers(chain: &Path, news: &Path, params: &Params) -> anyhow::Result<Vec<Server>> {
    let mut servers = Vec::new();
    for (i, (rate, latency)) in PEERS.into_iter().enumerate() {
        let mut blocks = vec![chain.to_owned()];
        if i == 0 {
            blocks.push(news.to_owned());
        }
        let args = ServeArgs {
            blocks,
            bind: "127.0.0.1:0".parse()?,
            follow: i == 0,
            behaviour: Behaviour {
                rate: Some(rate),
                latency: Some(Duration::from_millis(latency)),
                ..Behaviour::default()
            },
        };
        let server = Server::start(&args, params).await?;
        println!(
            "Peer {i} at {}: {} kB/s, {latency} ms away",
            server.addr(),
            rate / 1000
        );
        servers.push(server);
    }
    println!();
    Ok(servers)
}

async fn watch(
    node: &Node,
    display: &Display,
    mut generator: ChainGenerator,
    news: &Path,
    bytes: u64,
) -> anyhow::Result<String> {
    let handle = node.handle();
    let begun = Instant::now();
    let height = generator.height();
    let progress = {
        let (display, handle) = (display.clone(), handle.clone());
        tokio::spawn(async move { display.follow(handle).await })
    };
    ensure!(
        handle.wait_for_height(height).await,
        "the node ended before it had the chain"
    );
    let took = begun.elapsed();
    progress.abort();
    display.hush(false);
    let shares = handle.snapshot().await.context("the node ended")?;

    println!("\nSynced. Mining one more block on peer 0 ...");
    let block = generator.mine();
    let mined = Instant::now();
    let mut file = OpenOptions::new().append(true).open(news)?;
    write_block(&mut file, &block, generator.params())?;
    file.flush()?;
    ensure!(
        handle.wait_for_height(height + 1).await,
        "the node ended before it had the new block"
    );
    let followed = mined.elapsed();
    ensure!(
        handle.view().tip_hash() == block.block_hash(),
        "the node follows another block than the one that was mined"
    );
    Ok(summary(
        height,
        took,
        bytes,
        &shares,
        followed,
        &block.block_hash().to_string(),
    ))
}

fn summary(
    height: u32,
    took: Duration,
    bytes: u64,
    shares: &Snapshot,
    followed: Duration,
    tip: &str,
) -> String {
    let seconds = took.as_secs_f64().max(1e-9);
    let mut text = format!(
        "\nSynced to height {height} in {seconds:.1} s: {:.0} blocks/s, {:.1} MB/s\n",
        f64::from(height) / seconds,
        bytes as f64 / 1e6 / seconds
    );
    for peer in &shares.peers {
        text.push_str(&format!(
            "  {} ({}): {} blocks, {:.1} % of the bytes\n",
            peer.addr,
            peer.id,
            peer.blocks_delivered,
            100.0 * peer.traffic.received as f64 / shares.totals.received.max(1) as f64
        ));
    }
    text.push_str(&format!(
        "Followed the new block within {} ms: height {}, tip {tip}\n",
        followed.as_millis(),
        height + 1
    ));
    text
}
