//! Random chains of good and of broken blocks, with forks, given to the node and to Bitcoin Core's validation.
//!
//! [`run`] makes one from a seed: blocks of every kind of script and [cases](tipward_testkit::cases) on tips and on
//! forks, children before their parents, headers before their blocks, bodies that are not their headers', blocks on
//! invalid ones, blocks again; and the node is stopped or killed now and then. A [`Pair`] asks both after every block
//! whether they agree.

mod pair;
mod world;

pub use pair::Pair;
pub use world::{Disagreement, Report, Scope, run};
