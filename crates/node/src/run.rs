//! The node as a process: from the command line's options to its exit.

use anyhow::Context as _;
use indicatif::MultiProgress;

use crate::config::{Config, Options};
use crate::node::Node;
use crate::{logging, signals};

/// Runs a node until it ends or is told to.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let config = Config::load(options)?;
    std::fs::create_dir_all(&config.netdir)
        .with_context(|| format!("cannot create {}", config.netdir.display()))?;
    let bars = MultiProgress::new();
    logging::init(&config.output, &bars)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(until_the_end(config, bars));
    // What still reads a block or looks a name up is not waited for.
    runtime.shutdown_background();
    result
}

async fn until_the_end(config: Config, _bars: MultiProgress) -> anyhow::Result<()> {
    tracing::info!(
        target: "node",
        "tipward {} on {}, data in {}",
        env!("CARGO_PKG_VERSION"),
        config.network,
        config.netdir.display()
    );
    let mut node = tokio::select! {
        node = Node::start(config) => node?,
        // Told to end before it had begun.
        ended = signals::ended() => return ended,
    };
    tokio::select! {
        ended = node.ended() => ended?,
        told = signals::ended() => {
            told?;
            tracing::info!(target: "node", "Shutting down");
            node.stop().await?;
        }
    }
    tracing::info!(target: "node", "Shutdown done");
    Ok(())
}
