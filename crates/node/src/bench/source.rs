//! Serving processes to sync from.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::process;
use crate::config::NetworkName;

/// A serving process; it ends when this is dropped.
pub(super) struct Source {
    child: Child,
    pub(super) addr: String,
}

impl Source {
    /// Starts one, with these options of `tipward serve`, and waits until it listens.
    pub(super) fn start(
        network: NetworkName,
        files: &[PathBuf],
        behaviour: &[String],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "serve",
                "--network",
                &network.to_string(),
                "--bind",
                "127.0.0.1:0",
            ])
            .args(behaviour)
            .arg("--blocks")
            .args(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("cannot start a peer")?;
        let out = child.stdout.take().context("a peer without output")?;
        let mut source = Self {
            child,
            addr: String::new(),
        };
        for line in BufReader::new(out).lines() {
            if let Some(addr) = line?.strip_prefix("listening on ") {
                addr.clone_into(&mut source.addr);
                return Ok(source);
            }
        }
        bail!("a peer ended before it listened");
    }

    /// CPU time of all of them so far.
    pub(super) fn cpu_seconds(sources: &[Self]) -> f64 {
        let each = sources
            .iter()
            .map(|source| process::cpu_seconds(source.child.id()));
        each.map(Option::unwrap_or_default).sum()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
