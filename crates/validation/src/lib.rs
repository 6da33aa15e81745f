//! From a block's bytes to the validated tip.
//!
//! ```text
//!  submit ──▶ check ×N ──▶ write ×1 ──▶ block files
//!                             │              │
//!                          handoff        load ×N: blocks, and coins that memory lacks
//!                             │              │
//!  set_goal ────────────▶ connect ×1 ◀───────┘        changes the coin set, in the order of heights
//!                         │   ▲    │
//!             scripts of  │   │    │ frozen coins
//!             a block     ▼   │    ▼
//!                     script ×N   flush ×1 ──▶ coins on disk
//!                             │
//!                          commit ──▶ undo files ──▶ Event::Chain(TipMoved)
//! ```
//!
//! A stage is a file: it takes from its queue, and hands on to the next stage or decides.
//!
//! | stage | file | threads | order | never does |
//! |---|---|---|---|---|
//! | check | `check.rs` | N | arrival | look anything up |
//! | write | `write.rs` | 1 | as checked | judge a block |
//! | load | `load.rs` | N | as asked for | change anything |
//! | connect | `connect.rs` | 1 | height | run a script, wait for one |
//! | scripts | `scripts.rs` | N | height, across blocks | look a coin up |
//! | commit | `connect/commit.rs` | the connect thread | height | |
//! | flush | `flush.rs` | 1 | as frozen | decide what to flush |
//!
//! # To be stored
//! Each submitted job carries a ticket (see `ticket.rs`) from stage to stage; whoever drops it without a verdict has failed
//! it, so that every job gets exactly one verdict, whatever happens to a thread.
//!
//! # To be connected
//! The connect thread is on its way to the newest goal: the candidate of a [`ChainView`](tipward_chain::ChainView). It
//! takes back what is not on the way there and connects what is, in the order of heights. A block is refused before anything
//! is changed, or its spent coins go out of the set and its new ones in; its scripts go to the workers, and the next block
//! follows without waiting for them, up to a bounded lead. A block is committed when its scripts and those of all blocks before it
//! are valid: its undo data is written, and the tip is told. If a script fails, the lead is taken back from memory.
//!
//! A block that has undo data in the files was committed before, in this run or an earlier one: if it is connected again, its
//! scripts are not verified again. So a crash costs no signature, and the way back to an old branch is short. (A block
//! committed under another `assume_valid` counts as well, as in Bitcoin Core.)
//!
//! # Coins
//! The set in memory is always that of the connected block. Now and then, when nothing is connected ahead of the
//! verification, its changes are frozen and written to disk beside the next blocks, after blocks, headers and undo
//! data have been synced. The order that holds at all times stands in `frontiers.rs`. If a flush is interrupted, by a
//! shutdown that takes no longer than its deadline or by a crash, nothing of it is on disk, and the next start connects the
//! same blocks again from the block files.
//!
//! # Old blocks
//! If [`Options::prune`] says so, the connect thread has the writer delete block files whose blocks lie deep below the tip and
//! whose coins are on disk, and deletes the undo files itself (`connect/pruning.rs`). The download asks
//! [`Pipeline::room`] before it fetches far ahead.
//!
//! # Failures
//! A broken rule is told as an event and condemns the block. Our own failure is a [`Fault`](tipward_chain::Fault): if it may pass (there
//! is no room on the disk), connecting pauses, says so once, tries again every second, and answers questions meanwhile;
//! any other ends connecting and says which file is damaged and what makes it good. Panics are caught and become faults.
//!
//! This crate never sees a peer, and never waits for who listens to it.

mod bell;
mod check;
mod connect;
mod disk;
mod faults;
mod flush;
mod flush_meter;
mod frontiers;
mod handle;
mod handoff;
mod keys;
mod load;
#[cfg(any(test, feature = "model"))]
#[doc(hidden)]
pub mod model;
mod options;
mod pipeline;
mod prepared;
mod scripts;
mod stage_times;
mod start;
#[doc(hidden)]
pub mod steps;
mod ticket;
mod write;

pub use connect::LeadBounds;
pub use disk::{KEPT, Prune};
#[doc(hidden)]
pub use faults::FaultPoints;
pub use flush_meter::Flushes;
pub use handle::{CoinAnswer, CoinsHandle, FoundCoin, Progress, TestError};
pub use options::Options;
pub use pipeline::{Pipeline, QueueDepths};
pub use stage_times::StageTimes;
pub use start::validated_tip;
pub use ticket::Event;

#[cfg(test)]
pub(crate) mod tests;
