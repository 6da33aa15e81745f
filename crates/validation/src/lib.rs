//! From a block's bytes to its place in the block files: checked on every core, written by one thread.
//!
//! ```text
//!                       bounded             bounded
//!  submit(job, bytes) ───────▶ check ×N ───────────▶ write ×1 ──▶ block files
//!                                │  consensus rules    │   ▲
//!  persist_headers ──────────────┼─────────────────────┼───┘ headers before the blocks that need them
//!                                ▼                     ▼
//!                          Event::Verdict(refused / failed / stored)
//! ```

mod pipeline;

pub use pipeline::{Event, Options, Pipeline, QueueDepths};
