//! Headers and blocks on disk.
//!
//! ```text
//!            one writer                                      any number of readers
//!   BlockStore::append_headers ──▶ headers.log
//!   BlockStore::append_blocks ───▶ blocks/blk?????.dat ◀──────── BlockReader::read
//!          │                  ───▶ blocks/index.log                    │
//!          └───────────────────────▶ index in memory ◀─────────────────┘
//! ```
//!
//! The block files are the truth: the index in memory is loaded from `index.log`, and what `index.log` lacks is found
//! again in the block files, as are lost headers. [`layout`] is the on-disk format, whole, and says what is synced
//! when.
//!
//! This crate has no threads and no clock, and it never judges a block: who appends one has checked it.

mod block_files;
mod error;
mod frames;
mod heal;
mod index;
pub mod layout;
mod loaded;
mod lock;
mod log;
mod manifest;
mod reader;
mod records;
mod recover;
mod store;
mod table;

pub use error::StoreError;
pub use loaded::{Headers, Loaded, Repair, Report, StoredBlock, StoredBlocks};
pub use reader::BlockReader;
pub use store::{Appended, BlockStore, NewBlock};
