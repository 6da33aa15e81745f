//! Deployments by version bits (BIP9): miners signal a soft fork by a bit of their blocks' version.
//!
//! ```text
//!                start time           threshold                 a period later, and not
//!                 reached             reached                   before its height
//!   Defined ───────────────▶ Started ─────────▶ LockedIn ────────────────────▶ Active
//!                               │ timeout reached without it
//!                               └───────────────▶ Failed
//! ```
//!
//! Nothing changes within a period (2016 blocks), so that the state of a block is that of the first of its period, and
//! follows from the headers before. Times are median times past, which never go backwards.
//!
//! # Cost
//!
//! A state is worked out anew each time it is asked for: one median time past for each period since the start time, and a
//! look at every header of the periods in state Started. Nobody asks on the way of a block, and on the public networks
//! every deployment is buried or never active, which takes no look at all.

#[cfg(test)]
mod tests;

use tipward_primitives::{Deployment, Header, Height, Network, Params};

use crate::header::median_time_past_of;

/// The highest bits of a version that signals: three of them say that the others are signals.
const TOP_MASK: u32 = 0xe000_0000;
/// What those three are.
const TOP_BITS: u32 = 0x2000_0000;

/// The lowest bits, which are meant for signals; the others are free for miners to use as they like (BIP323).
const SIGNAL_BITS: u8 = 5;

/// The branch of headers that a state is asked for.
pub trait Versions {
    /// Height of its last header.
    fn tip_height(&self) -> Height;

    /// Median time past of its header at `height`, in seconds.
    fn median_time_past_at(&self, height: Height) -> u32;

    /// The versions of its header at `height` and of those before, back to the genesis block.
    fn versions_back_from(&self, height: Height) -> impl Iterator<Item = i32>;
}

/// A branch that is laid out whole, genesis block first; it must not be empty.
impl Versions for [Header] {
    fn tip_height(&self) -> Height {
        Height::try_from(self.len().saturating_sub(1)).unwrap_or(Height::MAX)
    }

    fn median_time_past_at(&self, height: Height) -> u32 {
        let before = self.iter().take(height as usize + 1).rev();
        median_time_past_of(before.map(|header| header.time))
    }

    fn versions_back_from(&self, height: Height) -> impl Iterator<Item = i32> {
        let before = self.iter().take(height as usize + 1).rev();
        before.map(|header| header.version.to_consensus())
    }
}

/// How far a deployment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Too early to signal.
    Defined,
    /// Blocks signal.
    Started,
    /// Enough blocks of one period did.
    LockedIn,
    /// The new rules hold. Final.
    Active,
    /// Not enough blocks signalled in time. Final.
    Failed,
}

impl State {
    /// Name as in Bitcoin Core's `getdeploymentinfo`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Started => "started",
            Self::LockedIn => "locked_in",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

/// A state, and the height of the first block that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSince {
    /// The state.
    pub state: State,
    /// Since when; 0 for [`State::Defined`], and for what is always or never active.
    pub since: Height,
}

/// The state of `deployment` in the block at `height`, which is at most one above the tip of `chain`.
pub fn state_at(
    deployment: &Deployment,
    chain: &(impl Versions + ?Sized),
    height: Height,
) -> StateSince {
    let decided = |state| StateSince { state, since: 0 };
    match deployment.start_time {
        Deployment::ALWAYS_ACTIVE => decided(State::Active),
        Deployment::NEVER_ACTIVE => decided(State::Failed),
        start_time => {
            let machine = Machine {
                start_time,
                timeout: deployment.timeout,
                min_activation_height: deployment.min_activation_height,
                period: deployment.period,
                threshold: deployment.threshold,
            };
            machine.run(chain, height, |_, version| signals(version, deployment.bit))
        }
    }
}

/// Whether a block with this version signals by `bit` (0 to 28).
pub fn signals(version: i32, bit: u8) -> bool {
    let version = version.cast_unsigned();
    version & TOP_MASK == TOP_BITS && version & (1 << bit) != 0
}

/// The version of a block that a miner who is for every deployment puts on top of `chain`.
pub fn next_block_version(params: &Params, chain: &(impl Versions + ?Sized)) -> i32 {
    version_at(params, chain, chain.tip_height() + 1)
}

fn version_at(params: &Params, chain: &(impl Versions + ?Sized), height: Height) -> i32 {
    let bits = params
        .deployments
        .iter()
        .filter(|deployment| {
            let state = state_at(deployment, chain, height).state;
            matches!(state, State::Started | State::LockedIn)
        })
        .fold(TOP_BITS, |version, deployment| {
            version | 1 << deployment.bit
        });
    bits.cast_signed()
}

/// Signals of the blocks in one period, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Blocks of a period.
    pub period: u32,
    /// Signals needed within one.
    pub threshold: u32,
    /// Blocks of this period so far.
    pub elapsed: u32,
    /// Those of them that signalled.
    pub count: u32,
    /// The threshold can still be reached in this period.
    pub possible: bool,
    /// Which blocks signalled, in the order of their heights.
    pub signalled: Vec<bool>,
}

/// The signals for `deployment` in the period of the tip of `chain`, up to the tip.
pub fn statistics(deployment: &Deployment, chain: &(impl Versions + ?Sized)) -> Statistics {
    let Deployment {
        period,
        threshold,
        bit,
        ..
    } = *deployment;
    let elapsed = chain.tip_height() % period + 1;
    let mut signalled: Vec<bool> = chain
        .versions_back_from(chain.tip_height())
        .take(elapsed as usize)
        .map(|version| signals(version, bit))
        .collect();
    signalled.reverse();
    let count = signalled.iter().map(|signal| u32::from(*signal)).sum();
    Statistics {
        period,
        threshold,
        elapsed,
        count,
        possible: count + (period - elapsed) >= threshold,
        signalled,
    }
}

/// A soft fork that nobody told us of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownActivation {
    /// The bit that blocks signal it by.
    pub bit: u8,
    /// Its rules most likely hold by now; else they will soon.
    pub active: bool,
}

/// The soft forks that blocks up to the tip of `chain` have signalled and locked in, and that are no deployment of
/// `params`: the software is too old for them.
///
/// Looks at every header from [`Params::version_bits_warning_height`] on, and can only change when a period ends.
pub fn unknown_activations(
    params: &Params,
    chain: &(impl Versions + ?Sized),
) -> Vec<UnknownActivation> {
    let (period, threshold) = match params.network {
        // That of taproot's activation (BIP341).
        Network::Bitcoin => (2016, 1815),
        _ => {
            let period = params.difficulty_interval();
            (period, period * 3 / 4)
        }
    };
    let machine = Machine {
        start_time: 0,
        timeout: Deployment::NO_TIMEOUT,
        min_activation_height: 0,
        period,
        threshold,
    };
    (0..SIGNAL_BITS)
        .filter_map(|bit| {
            let unexpected = |height, version| {
                height >= params.version_bits_warning_height
                    && signals(version, bit)
                    && version_at(params, chain, height).cast_unsigned() & (1 << bit) == 0
            };
            let first = params.version_bits_warning_height;
            let found = machine.run_from(chain, chain.tip_height() + 1, first, unexpected);
            match found.state {
                State::LockedIn => Some(UnknownActivation { bit, active: false }),
                State::Active => Some(UnknownActivation { bit, active: true }),
                _ => None,
            }
        })
        .collect()
}

/// What decides when one state becomes the next.
struct Machine {
    start_time: i64,
    timeout: i64,
    min_activation_height: Height,
    period: u32,
    threshold: u32,
}

impl Machine {
    /// The state in the block at `height`, if `signals` says which blocks signal by their height and version.
    fn run(
        &self,
        chain: &(impl Versions + ?Sized),
        height: Height,
        signals: impl Fn(Height, i32) -> bool,
    ) -> StateSince {
        self.run_from(chain, height, 0, signals)
    }

    /// The same where no block below height `first_signal` signals, so that none of those is looked at.
    fn run_from(
        &self,
        chain: &(impl Versions + ?Sized),
        height: Height,
        first_signal: Height,
        signals: impl Fn(Height, i32) -> bool,
    ) -> StateSince {
        let mut now = StateSince {
            state: State::Defined,
            since: 0,
        };
        for period in self.first_started(chain, height)..=height / self.period {
            let start = period * self.period;
            // What the last period decides for this one.
            let last = start - 1;
            let median_time_past = || i64::from(chain.median_time_past_at(last));
            let next = match now.state {
                State::Defined => State::Started,
                State::Started => {
                    let enough = last >= first_signal && {
                        let versions = chain.versions_back_from(last).take(self.period as usize);
                        let heights = (0..=last).rev();
                        let count = heights
                            .zip(versions)
                            .filter(|(h, v)| signals(*h, *v))
                            .count();
                        count >= self.threshold as usize
                    };
                    if enough {
                        State::LockedIn
                    } else if median_time_past() >= self.timeout {
                        State::Failed
                    } else {
                        State::Started
                    }
                }
                State::LockedIn if start >= self.min_activation_height => State::Active,
                State::LockedIn => State::LockedIn,
                State::Active | State::Failed => break,
            };
            if next != now.state {
                now = StateSince {
                    state: next,
                    since: start,
                };
            }
        }
        now
    }

    /// The first period, counted from that of the genesis block, before which the start time was reached; one after that
    /// of `height` if it was not. That is never the first one of all.
    fn first_started(&self, chain: &(impl Versions + ?Sized), height: Height) -> u32 {
        let reached = |period: u32| {
            i64::from(chain.median_time_past_at(period * self.period - 1)) >= self.start_time
        };
        // Median times past never go backwards, so that the place can be found by halving.
        let (mut low, mut high) = (1, height / self.period + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if reached(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}
