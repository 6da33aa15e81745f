//! The on-disk format, whole, on one page.
//!
//! Everything lies under `<datadir>/<network>/`, here called the data directory. All integers are little-endian.
//!
//! ```text
//! .lock              advisory lock (flock) of the one node that may write; holds its process id as text
//! manifest           text; which format, which network; see below
//! headers.log        every header that was accepted, parents first, without the genesis header
//! blocks/
//!   blk?????.dat     blocks in arrival order, in Bitcoin Core's framing; the genesis block is the first
//!   index.log        where each block lies; can be rebuilt from the block files
//!   rev?????.dat     reserved: undo data, in Core's framing
//!   xor.dat          reserved: Core's 8-byte key that block files are xored with. Format 1 writes plain files and
//!                    refuses a directory that has a key other than zero
//! coins/             reserved: the coin set
//! ```
//!
//! # manifest
//!
//! Lines of `key = value`, written to `manifest.new` and renamed:
//!
//! ```text
//! tipward data directory
//! format = 1
//! network = main
//! magic = f9beb4d9
//! genesis = 000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f
//! written-by = tipward 0.1.0
//! checksum = 1c291ca3                     CRC-32C of all bytes before this line, in hex
//! ```
//!
//! # blk?????.dat
//!
//! Frames, one after the other from offset 0: the network's magic (4 bytes), the size of the block (u32), the
//! block. A frame never crosses the end of a file: the next file begins when it would pass 128 MiB. Files are numbered
//! from 0 without a gap.
//!
//! # headers.log and blocks/index.log
//!
//! A 16-byte head, then records of one size. The head is 8 bytes that name the log and its version, the network's
//! magic, and the CRC-32C of these 12 bytes. Every record ends in a CRC-32C, which covers the record's number (u64,
//! from 0) and then the record: a record that was written to the wrong place does not pass. A log that has to be mended
//! is written to `headers.new` or `blocks/index.new` and renamed.
//!
//! | `headers.log`, 84 bytes | |
//! |---|---|
//! | 0..80 | the header, as on the wire |
//! | 80..84 | checksum |
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
//! The records of blocks are in the order of the block files and leave no gap. A third kind of record, a hole, says
//! of bytes that damage made unreadable that they hold no block: it has a zero hash, the file, the offset at which the
//! bytes begin and, as its size, how many they are.
//!
//! # What is written when
//!
//! For a batch of blocks: their headers to `headers.log` (earlier calls), the frames to the block file, the records to
//! `index.log`. Each is one system call on the good path, and nothing is synced: after `kill -9` at any instant the
//! operating system still has every completed write, so what is torn is at most the last write of one file.
//!
//! A sync (asked for by the validation pipeline every so many bytes and seconds, and at shutdown) is, in this order:
//! `fdatasync` of `headers.log`, of the block file (a finished block file is synced when the next one begins), a sync
//! mark to `index.log`, `fdatasync` of `index.log`. After power loss, all that a sync mark covers is whole; what
//! comes behind the last mark may be missing, torn or zero, in any of the files, and is therefore read again and
//! compared with its checksum at the next start.
//!
//! # Versions
//!
//! | format | since | what |
//! |---|---|---|
//! | 1 | tipward 0.1.0 | as above |

use std::path::{Path, PathBuf};

/// The format that this version writes.
pub const FORMAT: u32 = 1;

/// A block file is not begun anew before a frame would pass this size in bytes (as in Bitcoin Core).
pub const MAX_BLOCK_FILE_SIZE: u64 = 128 << 20;

/// Bytes before each block in a block file: the magic and the size.
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

pub(crate) const HEADER_LOG_MAGIC: [u8; 8] = *b"twhdrs\0\x01";
pub(crate) const INDEX_LOG_MAGIC: [u8; 8] = *b"twindx\0\x01";
pub(crate) const LOG_HEAD: usize = 16;
pub(crate) const HEADER_RECORD: usize = 84;
pub(crate) const INDEX_RECORD: usize = 56;

pub(crate) fn blocks_dir(dir: &Path) -> PathBuf {
    dir.join(BLOCKS)
}

pub(crate) fn header_log(dir: &Path) -> PathBuf {
    dir.join(HEADER_LOG)
}

pub(crate) fn index_log(dir: &Path) -> PathBuf {
    blocks_dir(dir).join("index.log")
}

pub(crate) fn block_file(blocks_dir: &Path, number: u32) -> PathBuf {
    blocks_dir.join(format!("blk{number:05}.dat"))
}

/// The number in the name of a block file.
pub(crate) fn block_file_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("blk")?.strip_suffix(".dat")?;
    let number = digits.parse().ok()?;
    (digits == format!("{number:05}")).then_some(number)
}

pub(crate) fn xor_key(blocks_dir: &Path) -> PathBuf {
    blocks_dir.join("xor.dat")
}
