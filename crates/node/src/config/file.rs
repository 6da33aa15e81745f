//! The TOML file: the same options as on the command line, and a table per network for what holds there only.
//!
//! ```toml
//! network = "signet"
//! maxconnections = 40
//!
//! [main]
//! addnode = ["203.0.113.7", "203.0.113.8:8333"]
//! ```

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{Args as _, ValueEnum as _};

use super::options::Options;
use super::values::NetworkName;

/// A file that was read, its network tables not yet chosen from.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    common: Options,
    tables: Vec<(NetworkName, Options)>,
}

impl ConfigFile {
    /// Reads `path`; an error names the file, and the key if one is at fault.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            anyhow::anyhow!(
                "configuration file {}: it is no text (UTF-8); write it anew, or name another with --conf",
                path.display()
            )
        })?;
        Self::parse(&text).with_context(|| format!("configuration file {}", path.display()))
    }

    /// Takes the text of a file.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut table: toml::Table = toml::from_str(text).map_err(|e| one_line(&e))?;
        let mut tables = Vec::new();
        for network in NetworkName::value_variants() {
            let name = network.to_string();
            match table.remove(&name) {
                None => {}
                Some(toml::Value::Table(inner)) => {
                    for key in ["network", "chain", "datadir"] {
                        if inner.contains_key(key) {
                            bail!("[{name}] cannot set '{key}': move it to the top of the file");
                        }
                    }
                    let options = from_table(inner).with_context(|| format!("in [{name}]"))?;
                    tables.push((*network, options));
                }
                Some(_) => bail!("'{name}' must be a table: [{name}]"),
            }
        }
        Ok(Self {
            common: from_table(table)?,
            tables,
        })
    }

    /// The network that the file asks for.
    pub(crate) fn network(&self) -> Option<NetworkName> {
        self.common.network
    }

    /// Signet's challenge may stand in its table, and must be known before any other option of the file is used.
    pub(crate) fn options(self, network: NetworkName) -> Options {
        let own = self
            .tables
            .into_iter()
            .find(|(name, _)| *name == network)
            .map(|(_, options)| options)
            .unwrap_or_default();
        own.over(self.common)
    }
}

fn from_table(table: toml::Table) -> anyhow::Result<Options> {
    let known = known_keys();
    for key in table.keys() {
        if !known.contains(key) {
            bail!("unknown option '{key}'{}", suggestion(key, &known));
        }
    }
    toml::Value::Table(table)
        .try_into()
        .map_err(|e: toml::de::Error| one_line(&e))
}

/// Names of all options, taken from the command line's own list.
fn known_keys() -> Vec<String> {
    let command = Options::augment_args(clap::Command::new("tipward"));
    let mut keys: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        // A file that names another file would have to be explained, one that repairs at every start is a mistake, and
        // the last one is no user's.
        .filter(|name| {
            !matches!(
                name.as_str(),
                "conf" | "reindex" | "reindex-chainstate" | "in-background"
            )
        })
        .collect();
    keys.push("chain".to_owned());
    keys
}

fn suggestion(key: &str, known: &[String]) -> String {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(key, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| format!(": did you mean '{name}'?"))
        .unwrap_or_default()
}

/// An error that the operator sees is one line.
fn one_line(error: &toml::de::Error) -> anyhow::Error {
    let message = error.message().trim().replace('\n', ", ");
    // The position is only known when the error stems from the text itself.
    match error.to_string().lines().next() {
        Some(first) if first.starts_with("TOML parse error at ") => {
            let position = first.trim_start_matches("TOML parse error at ");
            anyhow::anyhow!("{position}: {message}")
        }
        _ => {
            let at = error
                .to_string()
                .lines()
                .find(|line| line.starts_with("in `"))
                .map(|line| format!(" ({line})"))
                .unwrap_or_default();
            anyhow::anyhow!("{message}{at}")
        }
    }
}
