//! `bitcoin.conf`: lines `name=value`, sections for networks.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use super::super::NetworkName;
use super::words::{self, Setting, Value};

/// A file that was read.
#[derive(Debug, Default)]
pub(super) struct CoreFile {
    /// What stands outside of sections.
    pub(super) top: Vec<Setting>,
    /// What stands in a network's section.
    sections: Vec<(NetworkName, Setting)>,
    pub(super) notices: Vec<String>,
}

/// A file takes longer to read than this is no configuration.
const MOST_BYTES: u64 = 4 << 20;

/// The network that a section is named after.
pub(super) fn network_of(name: &str) -> Option<NetworkName> {
    Some(match name {
        "main" => NetworkName::Main,
        "test" => NetworkName::Testnet3,
        "testnet4" => NetworkName::Testnet4,
        "signet" => NetworkName::Signet,
        "regtest" => NetworkName::Regtest,
        _ => return None,
    })
}

/// Core's name of a network.
pub(super) fn section_of(network: NetworkName) -> &'static str {
    match network {
        NetworkName::Main => "main",
        NetworkName::Testnet3 => "test",
        NetworkName::Testnet4 => "testnet4",
        NetworkName::Signet => "signet",
        NetworkName::Regtest => "regtest",
    }
}

impl CoreFile {
    /// Reads a file; an error names it, and the line.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut file = Self::default();
        file.add(path)?;
        Ok(file)
    }

    fn add(&mut self, path: &Path) -> anyhow::Result<()> {
        let what = || format!("configuration file {}", path.display());
        let size = std::fs::metadata(path).with_context(what)?;
        ensure!(!size.is_dir(), "{} is a directory", what());
        ensure!(size.len() <= MOST_BYTES, "{} is too large", what());
        let text = std::fs::read_to_string(path).with_context(what)?;
        self.parse(&text).with_context(what)
    }

    /// Takes the text of a file.
    pub(super) fn parse(&mut self, text: &str) -> anyhow::Result<()> {
        let mut section = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            self.line(line, &mut section)
                .with_context(|| format!("line {number}"))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, section: &mut String) -> anyhow::Result<()> {
        let (content, comment) = match line.split_once('#') {
            Some((content, _)) => (content.trim(), true),
            None => (line.trim(), false),
        };
        if content.is_empty() {
            return Ok(());
        }
        if let Some(name) = content
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            if network_of(name).is_none() {
                self.notices.push(format!(
                    "Section [{name}] of the configuration file is no network's and is ignored"
                ));
            }
            *section = name.to_owned();
            return Ok(());
        }
        ensure!(
            !content.starts_with('-'),
            "{content}: options in a file have no dash before them"
        );
        let Some((name, value)) = content.split_once('=') else {
            bail!("{content}: must be name=value, such as {content}=1");
        };
        let (name, value) = (name.trim(), value.trim());
        // `regtest.port=1` stands for a line of the section [regtest].
        let (place, name) = match name.split_once('.') {
            Some((place, name)) => (place, name),
            None => (section.as_str(), name),
        };
        ensure!(
            !(comment && name == "rpcpassword"),
            "# in an rpcpassword can mean two things: choose another password"
        );
        let setting = words::of_pair(name, Some(value))?;
        ensure!(
            setting.name != "conf",
            "conf cannot be set in a configuration file: use includeconf"
        );
        if place.is_empty() {
            self.top.push(setting);
        } else if let Some(network) = network_of(place) {
            self.sections.push((network, setting));
        }
        Ok(())
    }

    /// The settings of a network's section.
    pub(super) fn section(&self, network: NetworkName) -> Vec<Setting> {
        let own = self.sections.iter().filter(|(name, _)| *name == network);
        own.map(|(_, setting)| setting.clone()).collect()
    }

    /// Reads the files that `includeconf` names; what they include is ignored, as in Core.
    pub(super) fn include(&mut self, datadir: &Path, network: NetworkName) -> anyhow::Result<()> {
        let own = self.section(network);
        let paths: Vec<String> = own
            .iter()
            .chain(&self.top)
            .filter(|setting| setting.name == "includeconf")
            .filter_map(|setting| match &setting.value {
                Value::Given(path) => Some(path.clone()),
                Value::Negated => None,
            })
            .collect();
        for path in paths {
            self.add(&datadir.join(path))?;
        }
        Ok(())
    }
}
