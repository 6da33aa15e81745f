//! Bitcoin Core's own way to be configured: `-option=value` on the command line, and `bitcoin.conf`.
//!
//! Whoever starts a bitcoind (a script, a test harness, a unit file) can start this node instead. What Core calls as we do
//! is taken over, what means nothing here is accepted with a notice, what would be promised and not kept is refused, and so
//! is what Core does not know.
//!
//! ```text
//!   -option=value ──▶ split ──┐
//!                             ├──▶ words: Setting ──▶ Layers: Core's precedence ──▶ translate ──▶ our own Options
//!   bitcoin.conf ─────────────┘          ▲                                              └──▶ notices
//!                                      known: every option of Core
//! ```
//!
//! A single dash before a name of more than one letter is Core's form, wherever it stands before a command. Two dashes are
//! ours, unless we have no such option and Core has (Core takes two as well).

mod file;
mod known;
mod layers;
mod split;
mod translate;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::{NetworkName, Options};
use file::CoreFile;
use layers::Layers;
pub(crate) use split::split;
use words::{Setting, Value};

/// What was said in Core's form on the command line.
#[derive(Debug, Default)]
pub(super) struct CommandLine(Vec<Setting>);

/// Core's configuration in our own words.
pub(super) struct Translated {
    pub(super) network: Option<NetworkName>,
    pub(super) options: Options,
}

impl CommandLine {
    /// From the arguments that [`split`] took out.
    pub(super) fn read(args: &[String]) -> anyhow::Result<Self> {
        let settings = args
            .iter()
            .map(|arg| words::of_argument(arg))
            .collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(
            !settings.iter().any(|setting| setting.name == "includeconf"),
            "-includeconf can stand in a configuration file only"
        );
        Ok(Self(settings))
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The data directory, if it is named.
    pub(super) fn datadir(&self) -> Option<PathBuf> {
        self.last("datadir").map(PathBuf::from)
    }

    /// The configuration file, if one is named; no file at all for `-noconf`.
    pub(super) fn conf(&self, datadir: &Path) -> Option<PathBuf> {
        // A relative path is relative to the data directory.
        self.last("conf").map(|path| datadir.join(path))
    }

    /// Whether `-noconf` was said.
    pub(super) fn no_conf(&self) -> bool {
        let mut settings = self.0.iter().rev();
        settings
            .find(|setting| setting.name == "conf")
            .is_some_and(|setting| setting.value == Value::Negated)
    }

    fn last(&self, name: &str) -> Option<&str> {
        let setting = self.0.iter().rev().find(|setting| setting.name == name)?;
        match &setting.value {
            Value::Given(value) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Together with a `bitcoin.conf`, as our own options. `network` is the one that was chosen in our own form.
    pub(super) fn translate(
        self,
        conf: Option<&Path>,
        datadir: &Path,
        network: Option<NetworkName>,
    ) -> anyhow::Result<Translated> {
        let mut file = match conf {
            Some(path) => CoreFile::read(path)?,
            None => CoreFile::default(),
        };
        let chosen = |file: &CoreFile| match network {
            Some(network) => Ok(Some(network)),
            None => layers::network(&self.0, &file.top),
        };
        let before = chosen(&file)?;
        if !self.0.iter().any(|setting| setting.name == "includeconf") {
            file.include(datadir, before.unwrap_or_default())?;
        }
        // What is included may choose the network.
        let network = chosen(&file)?;
        let used = network.unwrap_or_default();
        let mut notices = std::mem::take(&mut file.notices);
        let layers = Layers::new(self.0, file, used)?;
        let mut options = translate::options(&layers, &mut notices)?;
        options.notices = notices;
        Ok(Translated { network, options })
    }
}
