//! Blocks at the boundaries of the rules: for each rule the last that keeps it and the first that breaks it.
//!
//! A [`Case`] makes its block on the tip of any [`Branch`] that has coins to spend, so that the same cases stand at every
//! height, on forks, and among blocks of other kinds. Each says what must become of its block; all else about the block
//! is right.
//!
//! ```
//! use rand::SeedableRng as _;
//! use rand_chacha::ChaCha8Rng;
//! use tipward_testkit::cases;
//! use tipward_testkit::generate::{ChainGenerator, ChainOptions, ScriptKind};
//!
//! let mut chain = ChainGenerator::new(ChainOptions::mixed(0, 105, 0));
//! chain.by_ref().for_each(drop);
//! let mut rng = ChaCha8Rng::seed_from_u64(0);
//! let cases = cases::all();
//! let possible = cases.iter().filter(|case| case.build(chain.branch(), &mut rng).is_some());
//! assert!(possible.count() > 60);
//! ```

mod blocks;
mod coins;
mod header;
mod limits;
mod locks;
mod maker;
mod scripts;
mod signatures;
mod taproot;
mod witness;

use std::fmt;

use bitcoin::Block;
use rand_chacha::ChaCha8Rng;

use crate::generate::Branch;
use maker::Maker;

#[cfg(test)]
mod tests;

/// A block on one side or the other of a rule.
pub struct Case {
    /// What it is about; no two cases have the same.
    pub name: String,
    /// What must become of its block.
    pub verdict: Verdict,
    make: Box<Make>,
}

type Make = dyn Fn(&mut Maker<'_>) -> Option<Block> + Send + Sync;

/// What must become of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It keeps every rule.
    Valid,
    /// It breaks one: Bitcoin Core's reject reason.
    Refused(String),
}

impl Verdict {
    fn refused(reason: &str) -> Self {
        Self::Refused(reason.to_owned())
    }

    /// A script fails with Bitcoin Core's description of the error.
    fn script(error: &str) -> Self {
        Self::Refused(format!("block-script-verify-flag-failed ({error})"))
    }
}

impl Case {
    fn new(
        name: impl Into<String>,
        verdict: Verdict,
        make: impl Fn(&mut Maker<'_>) -> Option<Block> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            verdict,
            make: Box::new(make),
        }
    }

    fn valid(
        name: impl Into<String>,
        make: impl Fn(&mut Maker<'_>) -> Option<Block> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Verdict::Valid, make)
    }

    fn refused(
        reason: &str,
        name: impl Into<String>,
        make: impl Fn(&mut Maker<'_>) -> Option<Block> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Verdict::refused(reason), make)
    }

    /// The block on the tip of `branch`; `None` if the coins that it takes are not there.
    ///
    /// The same random numbers give the same block.
    pub fn build(&self, branch: &Branch, rng: &mut ChaCha8Rng) -> Option<Block> {
        (self.make)(&mut Maker::new(branch, rng))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// All cases.
pub fn all() -> Vec<Case> {
    [
        header::cases(),
        blocks::cases(),
        limits::cases(),
        witness::cases(),
        coins::cases(),
        locks::cases(),
        signatures::cases(),
        scripts::cases(),
        taproot::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
