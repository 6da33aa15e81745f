//! The node as a process: from the command line's options to its exit.

use std::ffi::OsString;

use anyhow::Context as _;

use crate::config::{Config, Daemon, Options};
use crate::daemon::{self, Background};
use crate::node::Node;
use crate::progress::Display;
use crate::{logging, service, signals};

/// Runs a node until it ends or is told to; `args` are those of the process.
pub(crate) fn run(options: Options, args: &[OsString]) -> anyhow::Result<()> {
    let config = Config::load(options)?;
    match config.daemon {
        Daemon::No => here(config, || {}),
        Daemon::Start { wait } => daemon::start(args, wait),
        Daemon::Running => {
            let mut background = Background::enter();
            let ended = here(config, || background.ready());
            if let Err(error) = &ended {
                background.failed(error);
            }
            ended
        }
    }
}

/// Runs it in this process, and says when it is ready.
fn here(config: Config, ready: impl FnOnce()) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.netdir)
        .with_context(|| format!("cannot create {}", config.netdir.display()))?;
    let display = Display::new(config.output.progress);
    logging::init(&config.output, &display)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(until_the_end(config, display, ready));
    // What still reads a block or looks a name up is not waited for.
    runtime.shutdown_background();
    result
}

async fn until_the_end(
    config: Config,
    display: Display,
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    tracing::info!(
        target: "node",
        "tipward {} on {}, data in {}",
        env!("CARGO_PKG_VERSION"),
        config.network,
        config.netdir.display()
    );
    service::starting();
    let mut node = tokio::select! {
        node = Node::start(config) => node?,
        // Told to end before it had begun.
        ended = signals::ended() => return ended,
    };
    ready();
    let service = tokio::spawn(service::follow(node.handle().clone()));
    let progress = {
        let handle = node.handle().clone();
        tokio::spawn(async move { display.follow(handle).await })
    };
    tokio::select! {
        ended = node.ended() => ended?,
        told = signals::ended() => {
            told?;
            tracing::info!(target: "node", "Shutting down");
            node.stop().await?;
        }
    }
    let _ = service.await;
    // The bars go before the last line comes.
    let _ = progress.await;
    tracing::info!(target: "node", "Shutdown done");
    Ok(())
}
