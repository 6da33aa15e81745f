//! `--pid`: a file with the number of the process, as long as the node runs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The file; it is removed with this value.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it, over one that an earlier run may have left.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .with_context(|| format!("cannot write the PID file {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(target: "node", path = %self.0.display(), %error, "cannot remove the PID file");
        }
    }
}
