//! The coin set: every unspent output of the chain, in memory and on disk.
//!
//! ```text
//!   connect thread ── fetch, add, spend ──> CoinCache
//!                                             active
//!                                               │ freeze
//!                                             frozen ── CoinsDb::write ──┐
//!                                               │ thaw_done              v
//!                                             written                 CoinsDb ──> CoinsSnapshot ──> SetInfo
//!   workers ── Older::fetch_all ──> what is below active
//! ```
//!
//! A [`CoinCache`] has one owner and answers for the set as it is after the last block that was connected. The
//! [`CoinsDb`] lags behind it, and says by how much ([`DbState`]). What a block spent is kept as [`undo`] data.
//!
//! Never here: threads, blocks, rules. Who spends what, and whether they may, is decided elsewhere.

mod cache;
mod coin;
mod compress;
mod db;
mod error;
mod form;
mod info;
mod layer;
#[cfg(any(test, feature = "model"))]
pub mod model;
mod older;
mod pages;
mod slab;
mod table;
pub mod undo;

pub use cache::{CoinCache, Frozen, KeyHash, KeyHasher};
pub use coin::{Coin, MAX_SCRIPT_SIZE, OutPointKey, SpentCoins, is_unspendable};
pub use db::{CoinsDb, CoinsSnapshot, DbState, Flushed, Merged};
pub use error::CoinsError;
pub use info::SetInfo;
pub use older::{Older, Prefetched};
