//! What holds when an option is set in several places, by Core's rules.

use anyhow::{bail, ensure};

use super::super::NetworkName;
use super::file::{CoreFile, network_of, section_of};
use super::words::{Setting, Value, truth};

/// Options that outside of a network's section are for the main network only.
const OF_ONE_NETWORK: [&str; 8] = [
    "addnode",
    "bind",
    "connect",
    "port",
    "rpcbind",
    "rpcport",
    "wallet",
    "walletdir",
];

/// Settings from one place.
#[derive(Debug)]
struct Layer {
    settings: Vec<Setting>,
    is_file: bool,
}

/// All places, the one that wins first: the command line, the network's section, the rest of the file.
#[derive(Debug)]
pub(super) struct Layers([Layer; 3]);

/// The network that Core's options choose.
pub(super) fn network(
    command_line: &[Setting],
    top: &[Setting],
) -> anyhow::Result<Option<NetworkName>> {
    match chosen(command_line)? {
        None => chosen(top),
        some => Ok(some),
    }
}

fn chosen(settings: &[Setting]) -> anyhow::Result<Option<NetworkName>> {
    let mut found = Vec::new();
    for (name, network) in [
        ("regtest", NetworkName::Regtest),
        ("signet", NetworkName::Signet),
        ("testnet", NetworkName::Testnet3),
        ("testnet4", NetworkName::Testnet4),
    ] {
        let last = settings.iter().rev().find(|setting| setting.name == name);
        if let Some(Setting {
            value: Value::Given(value),
            ..
        }) = last
            && truth(value).unwrap_or(false)
        {
            found.push(network);
        }
    }
    let last = settings
        .iter()
        .rev()
        .find(|setting| setting.name == "chain");
    if let Some(Setting {
        value: Value::Given(name),
        ..
    }) = last
    {
        match network_of(name) {
            Some(network) => found.push(network),
            None => bail!("-chain={name}: must be main, test, testnet4, signet or regtest"),
        }
    }
    ensure!(
        found.len() < 2,
        "-regtest, -signet, -testnet, -testnet4 and -chain: at most one of them can be used"
    );
    Ok(found.pop())
}

impl Layers {
    pub(super) fn new(
        command_line: Vec<Setting>,
        file: CoreFile,
        network: NetworkName,
    ) -> anyhow::Result<Self> {
        let section = file.section(network);
        let mut top = file.top;
        if network != NetworkName::Main {
            let name = section_of(network);
            for option in OF_ONE_NETWORK {
                let is = |setting: &Setting| setting.name == option;
                ensure!(
                    !top.iter().any(is) || section.iter().any(is) || command_line.iter().any(is),
                    "'{option}' at the top of the configuration file is for the main network: move it into the section [{name}]"
                );
            }
            top.retain(|setting| !OF_ONE_NETWORK.contains(&setting.name));
        }
        let layer = |settings, is_file| Layer { settings, is_file };
        Ok(Self([
            layer(command_line, false),
            layer(section, true),
            layer(top, true),
        ]))
    }

    /// Names of all that is set, each once, in the order of the places.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for setting in self.0.iter().flat_map(|layer| &layer.settings) {
            if !names.contains(&setting.name) {
                names.push(setting.name);
            }
        }
        names
    }

    /// The value of an option that has one. On the command line the last counts; in a file, oddly, the first.
    pub(super) fn single(&self, name: &str) -> Option<Value> {
        self.0.iter().find_map(|layer| {
            let (values, negated) = layer.values(name);
            match values.first() {
                None => negated.then_some(Value::Negated),
                Some(first) => {
                    let counts = if layer.is_file { first } else { values.last()? };
                    Some(Value::Given((*counts).to_owned()))
                }
            }
        })
    }

    /// The values of an option that can be given several times, from all places, and whether it was negated without any.
    pub(super) fn list(&self, name: &str) -> (Vec<String>, bool) {
        let mut all = Vec::new();
        for layer in &self.0 {
            let (values, negated) = layer.values(name);
            all.extend(values.into_iter().map(str::to_owned));
            if negated {
                // It takes back what the places after it say.
                let none = all.is_empty();
                return (all, none);
            }
        }
        (all, false)
    }
}

impl Layer {
    /// The values after the last negation, and whether there was one.
    fn values(&self, name: &str) -> (Vec<&str>, bool) {
        let (mut values, mut negated) = (Vec::new(), false);
        for setting in self.settings.iter().filter(|setting| setting.name == name) {
            match &setting.value {
                Value::Given(value) => values.push(value.as_str()),
                Value::Negated => {
                    values.clear();
                    negated = true;
                }
            }
        }
        (values, negated)
    }
}
