//! The on-disk format, whole, on one page.
//!
//! Everything lies under `<datadir>/<network>/`, here called the data directory. All integers are little-endian.
//!
//! ```text
//! .lock              advisory lock (flock) of the one node that may write; holds its process id as text
//! manifest           text; which format, which network; see below
//! headers.log        every header that was accepted, parents first, without the genesis header
//! reindex            only while a reindex removes files: which ones, `chainstate` or `all`, and a newline
//! marks.log          blocks that were found or declared invalid, and what of it was taken back
//! blocks/
//!   blk?????.dat     blocks in arrival order, in Bitcoin Core's framing; the genesis block is the first
//!   index.log        where each block lies; can be rebuilt from the block files
//!   rev?????.dat     undo data in the order in which blocks were connected, in Core's framing
//!   undo.log         of which block the undo data is and where it lies; both can be made anew by connecting all blocks
//!                    again
//!   blk.pruned       text; only where blocks were deleted to save space: which block files; see below
//!   rev.pruned       the same of undo files
//!   xor.dat          reserved: Core's 8-byte key that block files are xored with. Plain files are written, and a
//!                    directory that has a key other than zero is refused
//! coins/             the coin set; can be made anew by connecting all blocks again
//! ```
//!
//! # manifest
//!
//! Lines of `key = value`, written to `manifest.new` and renamed:
//!
//! ```text
//! tipward data directory
//! format = 3
//! network = main
//! magic = f9beb4d9
//! genesis = 000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f
//! written-by = tipward 0.1.0
//! checksum = cc38e718                     CRC-32C of all bytes before this line, in hex
//! ```
//!
//! # blk?????.dat
//!
//! Frames, one after the other from offset 0: the network's magic (4 bytes), the size of the block (u32), the
//! block. A frame never crosses the end of a file: the next file begins when it would pass 128 MiB (64 KiB with
//! `--fastprune`). Files are numbered from 0 without a gap, but for those that were deleted.
//!
//! # rev?????.dat
//!
//! Frames as in the block files: magic, size of the undo data (u32), the undo data (Core's `CBlockUndo`), and then 32
//! bytes that the size does not count: SHA-256d of the parent's hash and the undo data.
//!
//! Core gives the undo data of a block the number of the block's file, because it prunes both at once and finds undo
//! data by that number. Here `undo.log` says where each lies, and a block that arrived out of order is connected long
//! after its file was finished: so undo files are numbered on their own, from 0, and filled one after the other in the
//! order of connecting, with the same bound of 128 MiB. Undo data is written once for every block, also when the block
//! is disconnected and connected again; that there is undo data of a block says that it was found valid once.
//!
//! # blk.pruned and rev.pruned
//!
//! Lines of text, written to a file beside it and renamed, before any file is deleted that it names for the first time:
//!
//! ```text
//! tipward pruned files
//! files = 0-417 419-419                   runs of numbers of files that are gone, or about to be
//! checksum = d4716df2                     CRC-32C of all bytes before this line, in hex
//! ```
//!
//! What is left of a named file is deleted when the directory is opened. The records of its frames stay in the log: they say
//! how many transactions the blocks had. A number is never used again.
//!
//! # headers.log, marks.log, blocks/index.log and blocks/undo.log
//!
//! A 16-byte head, then records of one size; nothing at all until the first record. The head is 8 bytes that name the log and its version, the network's
//! magic, and the CRC-32C of these 12 bytes. Every record ends in a CRC-32C, which covers the record's number (u64,
//! from 0) and then the record: a record that was written to the wrong place does not pass. A log that has to be mended
//! is written to `headers.new`, `blocks/index.new` and so on, and renamed.
//!
//! | `headers.log`, 84 bytes | |
//! |---|---|
//! | 0..80 | the header, as on the wire |
//! | 80..84 | checksum |
//!
//! | `marks.log`, 40 bytes | |
//! |---|---|
//! | 0..32 | block hash |
//! | 32..36 | 1: invalid; 2: reconsidered |
//! | 36..40 | checksum |
//!
//! | `index.log`, 56 bytes | a block | a sync mark |
//! |---|---|---|
//! | 0..32 | block hash | zero |
//! | 32..36 | number of the block file | the same, of the end of what is synced |
//! | 36..40 | offset of the block in it (behind the frame's head) | offset of that end |
//! | 40..44 | size of the block | zero |
//! | 44..48 | number of its transactions | number of records of `headers.log` that are synced |
//! | 48..52 | CRC-32C of the block | zero |
//! | 52..56 | checksum | checksum |
//!
//! `undo.log` is the same of the undo files: the hash is the block's, the size and the CRC-32C are those of the undo data
//! with the 32 bytes behind it, the number of transactions and of headers is zero.
//!
//! The records of frames are in the order of the files and leave no gap. A third kind of record, a hole, says
//! of bytes that damage made unreadable that they hold nothing: it has a zero hash, the file, the offset at which the
//! bytes begin and, as its size, how many they are.
//!
//! # What is written when
//!
//! For a batch of blocks: their headers to `headers.log` (earlier calls), the frames to the block file, the records to
//! `index.log`. For a block that is connected: the frame to the undo file, the record to `undo.log`. Each is one system
//! call on the good path, and nothing is synced: after `kill -9` at any instant the
//! operating system still has every completed write, so what is torn is at most the last write of one file.
//!
//! A sync of blocks (asked for by the validation pipeline every so many bytes and seconds, before coins are flushed, and
//! at shutdown) is, in this order: `fdatasync` of `headers.log`, of `marks.log`, of the block file (a finished block file is synced when the next one begins), a sync
//! mark to `index.log`, `fdatasync` of `index.log`. A sync of undo data, before coins are flushed and at shutdown, is
//! `fdatasync` of the undo file, a sync mark to `undo.log`, `fdatasync` of `undo.log`. Both come before the coins' tip
//! moves on the disk: whatever the coins' tip says was connected is there with its headers, blocks and undo data. After power loss, all that a sync mark covers is whole; what
//! comes behind the last mark may be missing, torn or zero, in any of the files, and is therefore read again and
//! compared with its checksum at the next start.
//!
//! # Versions
//!
//! | format | since | what |
//! |---|---|---|
//! | 1 | tipward 0.1.0 | without `marks.log`, `rev?????.dat`, `undo.log` and `coins/` |
//! | 2 | tipward 0.1.0 | without `blk.pruned` and `rev.pruned` |
//! | 3 | tipward 0.1.0 | as above; a directory of an older format becomes one of this format when it is opened |

use std::path::{Path, PathBuf};

/// The format that this version writes.
pub const FORMAT: u32 = 3;

/// The next block file or undo file is begun when a frame would pass this size in bytes (as in Bitcoin Core).
pub const MAX_BLOCK_FILE_SIZE: u64 = 128 << 20;

/// Bytes before each block in a block file, and before undo data in an undo file: the magic and the size.
pub const FRAME_HEAD: usize = 8;

/// Name of the directory of a network, as Bitcoin Core names it, but for the main network, which has one too.
pub fn network_dir_name(params: &tipward_primitives::Params) -> String {
    use tipward_primitives::{Network, Params};
    match params.network {
        Network::Testnet => "testnet3".to_owned(),
        Network::Signet if params.magic != Params::new(Network::Signet).magic => {
            let [a, b, c, d] = params.magic;
            format!("signet_{a:02x}{b:02x}{c:02x}{d:02x}")
        }
        _ => params.chain_name.to_owned(),
    }
}

pub(crate) const LOCK: &str = ".lock";
pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const HEADER_LOG: &str = "headers.log";
pub(crate) const BLOCKS: &str = "blocks";
/// Name of the directory of the coin set.
pub const COINS: &str = "coins";
pub(crate) const BLOCK_FILE_PREFIX: &str = "blk";
pub(crate) const INDEX_LOG: &str = "index.log";
pub(crate) const UNDO_FILE_PREFIX: &str = "rev";
pub(crate) const UNDO_LOG: &str = "undo.log";

pub(crate) const HEADER_LOG_NAME: [u8; 8] = *b"twhdrs\0\x01";
pub(crate) const MARK_LOG_NAME: [u8; 8] = *b"twmark\0\x01";
pub(crate) const INDEX_LOG_NAME: [u8; 8] = *b"twindx\0\x01";
pub(crate) const UNDO_LOG_NAME: [u8; 8] = *b"twundo\0\x01";
pub(crate) const LOG_HEAD: usize = 16;
pub(crate) const HEADER_RECORD: usize = 84;
pub(crate) const MARK_RECORD: usize = 40;
pub(crate) const INDEX_RECORD: usize = 56;

/// Bytes of the checksum behind undo data.
pub(crate) const UNDO_CHECKSUM: usize = 32;

pub(crate) fn blocks_dir(dir: &Path) -> PathBuf {
    dir.join(BLOCKS)
}

pub(crate) fn header_log(dir: &Path) -> PathBuf {
    dir.join(HEADER_LOG)
}

pub(crate) fn coins_dir(dir: &Path) -> PathBuf {
    dir.join(COINS)
}

pub(crate) fn reindex_marker(dir: &Path) -> PathBuf {
    dir.join("reindex")
}

pub(crate) fn mark_log(dir: &Path) -> PathBuf {
    dir.join("marks.log")
}

pub(crate) fn xor_key(blocks_dir: &Path) -> PathBuf {
    blocks_dir.join("xor.dat")
}
