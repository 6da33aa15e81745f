//! libbitcoinkernel with a chainstate of its own, for tests to compare with (development only).
//!
//! ```text
//!                     ┌──────────> the node's verdict, tip, coins ─┐
//!   the same blocks ──┤                                            ├── must be equal
//!                     └─> Oracle > verdict, tip, coins ────────────┘
//! ```
//!
//! An [`Oracle`] is Bitcoin Core's own validation over a folder that goes away with it: what it says of a block is what
//! Bitcoin Core says. Beside the verdict it tells Core's reject reason. The library's callbacks carry only the kind of
//! the failure; the reason stands in the lines that the library logs, and [`log`] reads it there.
//!
//! The library tells no coins either, so [`Oracle::coins`] puts them together from the blocks of the active chain and
//! from the undo data that the library wrote for them: each coin that a block spends must be in the set as the undo
//! data describes it.
//!
//! Never here: anything of the node's own validation. Nothing but tests may depend on this crate.

mod coins;
mod log;
mod oracle;

pub use coins::{Coin, Coins};
pub use oracle::{Answer, Kind, Oracle, OracleError, Outcome, Refusal};
