//! Headers and blocks on disk.
//!
//! ```text
//!            one writer                                      any number of readers
//!   BlockStore::append_headers ──▶ headers.log
//!   BlockStore::append_blocks ───▶ blocks/blk?????.dat ◀──── BlockReader::read
//!          │                  ───▶ blocks/index.log               │
//!          └────────────────────▶ index in memory ◀──────────────┘
//! ```
//!
//! The block files are the truth: the index in memory is loaded from `index.log`, and what `index.log` lacks is found
//! again in the block files. [`layout`] is the on-disk format, whole.
//!
//! This crate has no threads and no clock, and it never judges a block: who appends one has checked it.

mod error;
pub mod layout;
mod store;

pub use error::StoreError;
pub use store::{
    Appended, BlockReader, BlockStore, Headers, Loaded, NewBlock, Repair, Report, StoredBlock,
    StoredBlocks,
};
