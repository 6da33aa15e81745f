//! Headers, blocks and undo data on disk.
//!
//! ```text
//!            one writer                                      any number of readers
//!   BlockStore::append_headers ──▶ headers.log
//!   BlockStore::append_mark ─────▶ marks.log
//!   BlockStore::append_blocks ───▶ blocks/blk?????.dat ◀──────── BlockReader::read
//!          │                  ───▶ blocks/index.log                    │
//!          └───────────────────────▶ index in memory ◀─────────────────┘
//!
//!      one more writer
//!   UndoFiles::append ───────────▶ blocks/rev?????.dat ◀──────── UndoReader::read
//!          │          ───────────▶ blocks/undo.log                     │
//!          └───────────────────────▶ index in memory ◀─────────────────┘
//! ```
//!
//! The block files are the truth: the index in memory is loaded from `index.log`, and what `index.log` lacks is found
//! again in the block files, as are lost headers. Undo data is opaque here, and is made anew by connecting the blocks
//! again. Both are frames in files with an index log, and share all code that knows of that. [`layout`] is the on-disk
//! format, whole, and says what is synced when.
//!
//! This crate has no threads and no clock, and it never judges a block: who appends one has checked it.

mod error;
mod file_table;
mod find;
mod frame_files;
mod frame_reader;
mod framed;
mod heal;
mod health;
mod index;
mod kind;
pub mod layout;
mod loaded;
mod lock;
mod log;
mod manifest;
mod marks;
mod pruned;
mod reader;
mod records;
mod recover;
mod reindex;
mod store;
mod table;
mod undo;

pub use error::StoreError;
pub use file_table::{FileTable, FileUse};
pub use loaded::{Headers, Loaded, Progress, Repair, Report, StoredBlock, StoredBlocks};
pub use marks::BlockMark;
pub use reader::BlockReader;
pub use reindex::{Reindex, reindex};
pub use store::{Appended, BlockStore, NewBlock};
pub use undo::{UndoFiles, UndoReader};
