//! The node's validation beside libbitcoinkernel's, for tests to compare (development only).
//!
//! ```text
//!                     ┌─> LocalNode > verdict, tip, coins ─┐
//!   the same blocks ──┤                                    ├── must be equal
//!                     └─> Oracle ───> verdict, tip, coins ─┘
//! ```
//!
//! [`differential`] makes chains of good and of broken blocks, with forks, and gives them to both.
//!
//! An [`Oracle`] is Bitcoin Core's own validation over a folder that goes away with it: what it says of a block is what
//! Bitcoin Core says. Beside the verdict it tells Core's reject reason. The library's callbacks carry only the kind of
//! the failure; the reason stands in the lines that the library logs, and [`log`] reads it there.
//!
//! The library tells no coins either, so [`Oracle::coins`] puts them together from the blocks of the active chain and
//! from the undo data that the library wrote for them: each coin that a block spends must be in the set as the undo
//! data describes it.
//!
//! A [`LocalNode`] is the node's own validation, whole, on its own data directory, without a network; nothing that it
//! answers comes from the oracle.
//!
//! Never here: a rule. Nothing but tests may depend on this crate.

mod coins;
pub mod differential;
mod local;
mod log;
mod oracle;

pub use coins::{Coin, Coins};
pub use local::{LocalAnswer, LocalNode};
pub use oracle::{Answer, Kind, Oracle, OracleError, Outcome, Refusal};
