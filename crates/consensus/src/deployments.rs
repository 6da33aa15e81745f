//! What is to be said of every soft fork at a block: the data behind `getdeploymentinfo`.

#[cfg(test)]
mod tests;

use tipward_primitives::{BuriedDeployment, Deployment, Height, Params};

use crate::versionbits::{self, State, Statistics, Versions};

/// How far a soft fork has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentInfo {
    /// Name as in Bitcoin Core's answer: `bip34`, `segwit`, `testdummy`.
    pub name: &'static str,
    /// Its rules hold in the block after the one asked about.
    pub active: bool,
    /// The first height at which they do, where that is decided.
    pub height: Option<Height>,
    /// How it is activated.
    pub kind: DeploymentKind,
}

/// How a soft fork is activated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentKind {
    /// At a height that is written into the parameters (BIP90): `buried`.
    Buried,
    /// By version bits: `bip9`.
    VersionBits(VersionBitsInfo),
}

/// How far a deployment by version bits has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionBitsInfo {
    /// Bit of the block version that signals it.
    pub bit: u8,
    /// As [`Deployment::start_time`].
    pub start_time: i64,
    /// As [`Deployment::timeout`].
    pub timeout: i64,
    /// As [`Deployment::min_activation_height`].
    pub min_activation_height: Height,
    /// The state in the block asked about.
    pub status: State,
    /// Height of the first block with that state.
    pub since: Height,
    /// The state in the block after it.
    pub status_next: State,
    /// The signals of the block's period up to the block; while the state is [`State::Started`] or [`State::LockedIn`]
    /// only.
    pub statistics: Option<Statistics>,
}

/// Every soft fork at the block that is the tip of `chain`, in the order of Bitcoin Core's answer. What is never active is
/// left out.
pub fn deployments(params: &Params, chain: &(impl Versions + ?Sized)) -> Vec<DeploymentInfo> {
    let height = chain.tip_height();
    let buried = BuriedDeployment::ALL.into_iter().map(|deployment| {
        let from = params.height_of(deployment);
        DeploymentInfo {
            name: deployment.name(),
            active: height + 1 >= from,
            height: Some(from),
            kind: DeploymentKind::Buried,
        }
    });
    let by_version_bits = params
        .deployments
        .iter()
        .filter(|deployment| deployment.start_time != Deployment::NEVER_ACTIVE)
        .map(|deployment| by_version_bits(deployment, chain));
    buried.chain(by_version_bits).collect()
}

fn by_version_bits(deployment: &Deployment, chain: &(impl Versions + ?Sized)) -> DeploymentInfo {
    let height = chain.tip_height();
    let now = versionbits::state_at(deployment, chain, height);
    let next = versionbits::state_at(deployment, chain, height + 1);
    let active_from = match (now.state, next.state) {
        (State::Active, _) => Some(now.since),
        (_, State::Active) => Some(height + 1),
        _ => None,
    };
    let signals_count = matches!(now.state, State::Started | State::LockedIn);
    DeploymentInfo {
        name: deployment.pos.name(),
        active: active_from.is_some(),
        height: active_from,
        kind: DeploymentKind::VersionBits(VersionBitsInfo {
            bit: deployment.bit,
            start_time: deployment.start_time,
            timeout: deployment.timeout,
            min_activation_height: deployment.min_activation_height,
            status: now.state,
            since: now.since,
            status_next: next.state,
            statistics: signals_count.then(|| versionbits::statistics(deployment, chain)),
        }),
    }
}
