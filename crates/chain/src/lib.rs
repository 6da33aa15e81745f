//! The header tree and what is decided on it.
//!
//! ```text
//!   headers of a message ──▶ check_headers ──▶ enough work? ──yes──▶ Chain::accept_headers ──▶ HeaderTree, best header
//!                                                   │ no                     ▲
//!                                                   └──▶ Presync (per peer) ─┘
//!
//!   verdict on a block   ──▶ Chain::mark_stored, mark_invalid, reconsider, precious ──▶ candidate: where to connect to
//!   connected, committed ──▶ Chain::set_tip ──▶ TipChange: blocks that left and joined the active chain
//!
//!   everything that reads ◀── Arc<ChainView> ◀── Chain::view
//! ```
//!
//! - [`HeaderTree`]: every header with its height, its chain's work, its ancestors. Grows, never shrinks, and is cheap to
//!   clone.
//! - [`Chain`]: the tree, which blocks are stored or invalid, the candidate, the active chain, the best header. One owner
//!   changes it.
//! - [`ChainView`]: the same for reading, at one moment, from any thread, without waiting.
//! - [`presync`]: a long chain of headers proves its work before it takes memory.
//! - [`BlockJob`], [`BlockVerdict`] and [`ChainEvent`]: what those who download blocks and those who check and connect them
//!   say to each other.
//!
//! A million headers take about 170 MB: 128 bytes for the entry, 16 for the block's status, 12 for the links to its
//! children, about 10 in the hash index and 4 in the active chain.
//!
//! This crate is pure: it reads no clock, file or socket and starts no thread. It never judges a block's body, and it
//! leaves to its caller whether a chain of headers has enough work to be kept.

mod accept;
mod active;
mod candidate;
mod chain;
mod context;
mod cow;
mod deployments;
mod index;
mod job;
mod locator;
mod message;
mod path;
pub mod presync;
mod pruned;
mod status;
#[cfg(test)]
mod testing;
mod tips;
mod tree;
mod view;
mod work;

pub use accept::{Accepted, AcceptedHeaders, RefusedHeader};
pub use active::{BlockRef, TipChange};
pub use chain::Chain;
pub use job::{BlockJob, BlockMark, BlockOutcome, BlockVerdict, ChainEvent, Fault};
pub use message::{BadHeaders, check_headers};
pub use path::MissingBlock;
pub use presync::{Presync, PresyncPhase};
pub use tips::{ChainTip, TipStatus};
pub use tree::{Entry, HeaderId, HeaderTree};
pub use view::ChainView;
