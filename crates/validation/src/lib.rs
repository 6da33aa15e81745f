//! From a block's bytes to its place in the block files: checked on every core, written by one thread.
//!
//! ```text
//!                    bounded             bounded
//!  submit(job, bytes) ─────▶ check ×N ───────────▶ write ×1 ─────▶ block files
//!                              │ consensus rules     │   ▲
//!  persist_headers ────────────┼─────────────────────┼───┘ before the blocks that need them
//!                              ▼                     ▼
//!                     Event::Verdict(refused)   Event::Verdict(stored)
//! ```
//!
//! A stage is a file: it takes from its queue, and hands on to the next stage or decides. Each job carries a ticket
//! (see `ticket.rs`) from stage to stage; whoever drops it without a verdict has failed it, so that every job gets
//! exactly one verdict, whatever happens to a thread.
//!
//! | stage | file | threads | order |
//! |---|---|---|---|
//! | check | `check.rs` | N | arrival |
//! | write | `write.rs` | 1 | as checked |
//!
//! The stages that are to follow take over where the writer ends: connecting stored blocks in the order of their heights
//! (one thread, which reads ahead from the block files), and checking their scripts (N threads).
//!
//! This crate never sees a peer, and never waits for who listens to it.

mod check;
mod pipeline;
mod ticket;
mod write;

pub use pipeline::{Options, Pipeline, QueueDepths};
pub use ticket::Event;

#[cfg(test)]
mod tests;
