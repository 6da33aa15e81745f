//! Types of option values.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use tipward_primitives::Network;

/// Memory for coins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbCache {
    /// As much as this machine has to spare.
    Auto,
    /// So many MiB.
    Mib(u32),
}

impl FromStr for DbCache {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let mib = text.parse();
        mib.map(Self::Mib)
            .map_err(|_| format!("'{text}' must be a number of MiB, or auto"))
    }
}

impl<'de> Deserialize<'de> for DbCache {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number of MiB, or \"auto\"")]
        enum Written {
            Number(u32),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(mib) => Ok(Self::Mib(mib)),
            Written::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

/// A network, by the name that the user writes and that its directory bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum)]
pub enum NetworkName {
    /// The network of real money.
    #[default]
    #[value(alias = "mainnet", alias = "bitcoin")]
    Main,
    /// The third test network.
    #[value(name = "testnet3", alias = "test", alias = "testnet")]
    Testnet3,
    /// The fourth test network (BIP94).
    #[value(name = "testnet4")]
    Testnet4,
    /// A test network whose blocks are signed (BIP325).
    Signet,
    /// A private network for tests, where anybody makes blocks at will.
    Regtest,
}

impl NetworkName {
    /// rust-bitcoin's name for it.
    pub fn network(self) -> Network {
        match self {
            Self::Main => Network::Bitcoin,
            Self::Testnet3 => Network::Testnet,
            Self::Testnet4 => Network::Testnet4,
            Self::Signet => Network::Signet,
            Self::Regtest => Network::Regtest,
        }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Testnet3 => "testnet3",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        })
    }
}

impl<'de> Deserialize<'de> for NetworkName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum_from_str(deserializer, "main, testnet3, testnet4, signet or regtest")
    }
}

/// When to draw progress bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// When standard error is a terminal.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl<'de> Deserialize<'de> for ProgressMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum_from_str(deserializer, "auto, on or off")
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum_from_str(deserializer, "text or json")
    }
}

/// Who may read the cookie file of JSON-RPC, as in Core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CookiePerms {
    /// Who runs the node.
    #[default]
    Owner,
    /// Its group, too.
    Group,
    /// Everybody on the machine.
    All,
}

impl<'de> Deserialize<'de> for CookiePerms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum_from_str(deserializer, "owner, group or all")
    }
}

fn enum_from_str<'de, D: Deserializer<'de>, T: ValueEnum>(
    deserializer: D,
    expected: &str,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::from_str(&text, true)
        .map_err(|_| de::Error::custom(format!("'{text}' is none of {expected}")))
}

/// On or off; Core's 1 and 0, and true and false, are understood too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "1" | "true" | "yes" => Ok(Self(true)),
            "off" | "0" | "false" | "no" => Ok(Self(false)),
            _ => Err("must be on or off".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchVisitor;
        impl Visitor<'_> for SwitchVisitor {
            type Value = Switch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, \"on\" or \"off\"")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Switch, E> {
                Ok(Switch(on))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Switch, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Switch, E> {
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(SwitchVisitor)
    }
}

/// An amount of bytes with Core's units: small letters for thousands, capital ones for 1024s; `unit` bytes without one.
pub(super) fn amount(text: &str, unit: u64) -> Option<u64> {
    let (digits, factor) = match text.char_indices().next_back()? {
        (at, 'k') => (&text[..at], 1_000),
        (at, 'K') => (&text[..at], 1 << 10),
        (at, 'm') => (&text[..at], 1_000_000),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'g') => (&text[..at], 1_000_000_000),
        (at, 'G') => (&text[..at], 1 << 30),
        (at, 't') => (&text[..at], 1_000_000_000_000),
        (at, 'T') => (&text[..at], 1 << 40),
        _ => (text, unit),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
