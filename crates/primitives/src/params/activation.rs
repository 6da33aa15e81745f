//! Moving soft forks on a test network, as Bitcoin Core's `-testactivationheight` and `-vbparams` do.

use std::fmt;
use std::str::FromStr;

use bitcoin::Network;

use super::{Deployment, DeploymentPos, Params};
use crate::Height;

/// A soft fork whose height of activation is written into the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuriedDeployment {
    /// Height in the coinbase (BIP34).
    Bip34,
    /// Strict DER signatures (BIP66).
    Dersig,
    /// CHECKLOCKTIMEVERIFY (BIP65).
    Cltv,
    /// Relative lock times (BIP68, 112, 113).
    Csv,
    /// Segregated witness (BIP141, 143, 147).
    Segwit,
}

impl BuriedDeployment {
    /// All of them, in the order of their activation on the main network.
    pub const ALL: [Self; 5] = [
        Self::Bip34,
        Self::Dersig,
        Self::Cltv,
        Self::Csv,
        Self::Segwit,
    ];

    /// Name as in Bitcoin Core's `getdeploymentinfo`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bip34 => "bip34",
            Self::Dersig => "bip66",
            Self::Cltv => "bip65",
            Self::Csv => "csv",
            Self::Segwit => "segwit",
        }
    }

    /// Name as in Bitcoin Core's `-testactivationheight`, where two have another one.
    pub fn option_name(self) -> &'static str {
        match self {
            Self::Dersig => "dersig",
            Self::Cltv => "cltv",
            other => other.name(),
        }
    }
}

/// Height of activation for one soft fork, written `name@height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationHeight {
    /// Which one.
    pub deployment: BuriedDeployment,
    /// From which block on, 0 to 2^31 - 2.
    pub height: Height,
}

/// When blocks can signal for a deployment by version bits, written `name:start:end[:min_activation_height]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionBitsTimes {
    /// Which one.
    pub deployment: DeploymentPos,
    /// As [`Deployment::start_time`].
    pub start_time: i64,
    /// As [`Deployment::timeout`].
    pub timeout: i64,
    /// As [`Deployment::min_activation_height`].
    pub min_activation_height: Height,
}

/// Such an option is not well-formed, or not for this network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    /// Not `name@height`.
    #[error("{0:?} is not of the form name@height")]
    HeightFormat(String),
    /// Not `name:start:end` or `name:start:end:min_activation_height`.
    #[error("{0:?} is not of the form deployment:start:end[:min_activation_height]")]
    TimesFormat(String),
    /// No such deployment.
    #[error("{name:?} is no deployment that can be set here: {known} can")]
    UnknownName {
        /// What was given.
        name: String,
        /// What could be.
        known: String,
    },
    /// Not a number, or out of range.
    #[error("{field} {value:?} is not a whole number from {least} to {most}")]
    Number {
        /// Of what.
        field: &'static str,
        /// What was given.
        value: String,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// The main network's soft forks cannot be moved.
    #[error("soft forks of the main network cannot be moved")]
    MainNetwork,
}

/// Heights are below 2^31 - 1 in Bitcoin Core's options.
const MOST_HEIGHT: i64 = i32::MAX as i64 - 1;

impl FromStr for ActivationHeight {
    type Err = ActivationError;

    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let (name, height) = text
            .split_once('@')
            .ok_or_else(|| ActivationError::HeightFormat(text.to_owned()))?;
        let height = parse_height("height", height)?;
        let deployment = find(name, &BuriedDeployment::ALL, |d| d.option_name())?;
        Ok(Self { deployment, height })
    }
}

impl fmt::Display for ActivationHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.deployment.option_name(), self.height)
    }
}

impl FromStr for VersionBitsTimes {
    type Err = ActivationError;

    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let parts: Vec<&str> = text.split(':').collect();
        let (name, start_time, timeout, height) = match parts[..] {
            [name, start, end] => (name, start, end, "0"),
            [name, start, end, height] => (name, start, end, height),
            _ => return Err(ActivationError::TimesFormat(text.to_owned())),
        };
        Ok(Self {
            start_time: parse("start time", start_time, i64::MIN, i64::MAX)?,
            timeout: parse("timeout", timeout, i64::MIN, i64::MAX)?,
            min_activation_height: parse_height("min_activation_height", height)?,
            deployment: find(name, &DeploymentPos::ALL, |d| d.name())?,
        })
    }
}

impl fmt::Display for VersionBitsTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            deployment,
            start_time,
            timeout,
            min_activation_height,
        } = self;
        let name = deployment.name();
        write!(f, "{name}:{start_time}:{timeout}:{min_activation_height}")
    }
}

fn find<T: Copy>(
    name: &str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
) -> Result<T, ActivationError> {
    all.iter()
        .copied()
        .find(|one| name_of(*one) == name)
        .ok_or_else(|| ActivationError::UnknownName {
            name: name.to_owned(),
            known: all
                .iter()
                .map(|one| name_of(*one))
                .collect::<Vec<_>>()
                .join(", "),
        })
}

fn parse_height(field: &'static str, value: &str) -> Result<Height, ActivationError> {
    let height = parse(field, value, 0, MOST_HEIGHT)?;
    Ok(Height::try_from(height).unwrap_or(Height::MAX))
}

fn parse(field: &'static str, value: &str, least: i64, most: i64) -> Result<i64, ActivationError> {
    value
        .parse()
        .ok()
        // A plus sign is one that Bitcoin Core would not take either.
        .filter(|number| (least..=most).contains(number) && !value.starts_with('+'))
        .ok_or_else(|| ActivationError::Number {
            field,
            value: value.to_owned(),
            least,
            most,
        })
}

impl Params {
    /// From which height on a buried soft fork is enforced.
    pub fn height_of(&self, deployment: BuriedDeployment) -> Height {
        match deployment {
            BuriedDeployment::Bip34 => self.bip34_height,
            BuriedDeployment::Dersig => self.bip66_height,
            BuriedDeployment::Cltv => self.bip65_height,
            BuriedDeployment::Csv => self.csv_height,
            BuriedDeployment::Segwit => self.segwit_height,
        }
    }

    /// Moves a buried soft fork, on any network but the main one.
    pub fn set_activation_height(
        &mut self,
        ActivationHeight { deployment, height }: ActivationHeight,
    ) -> Result<(), ActivationError> {
        self.check_movable()?;
        let slot = match deployment {
            BuriedDeployment::Bip34 => &mut self.bip34_height,
            BuriedDeployment::Dersig => &mut self.bip66_height,
            BuriedDeployment::Cltv => &mut self.bip65_height,
            BuriedDeployment::Csv => &mut self.csv_height,
            BuriedDeployment::Segwit => &mut self.segwit_height,
        };
        *slot = height;
        Ok(())
    }

    /// Sets when blocks can signal for a deployment by version bits, on any network but the main one.
    pub fn set_version_bits(&mut self, times: VersionBitsTimes) -> Result<(), ActivationError> {
        self.check_movable()?;
        let chosen = |deployment: &&mut Deployment| deployment.pos == times.deployment;
        if let Some(deployment) = self.deployments.iter_mut().find(chosen) {
            deployment.start_time = times.start_time;
            deployment.timeout = times.timeout;
            deployment.min_activation_height = times.min_activation_height;
        }
        Ok(())
    }

    fn check_movable(&self) -> Result<(), ActivationError> {
        match self.network {
            Network::Bitcoin => Err(ActivationError::MainNetwork),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
