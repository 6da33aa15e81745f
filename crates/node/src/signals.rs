//! How a process is told to end.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when the user or the system wants the process to end: SIGINT or SIGTERM.
pub(crate) async fn ended() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
