use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tipward_primitives::{Network, RawBlock};
use tipward_testkit::generate::{ChainGenerator, ChainOptions};

use super::*;
use crate::import::source::find;

/// Some blocks of a regtest chain.
fn blocks(count: u32) -> Vec<RawBlock> {
    ChainGenerator::new(ChainOptions {
        blocks: count,
        ..ChainOptions::default()
    })
    .collect()
}

fn frame(block: &RawBlock) -> Vec<u8> {
    let mut bytes = Params::new(Network::Regtest).magic.to_vec();
    bytes.extend((block.size() as u32).to_le_bytes());
    bytes.extend_from_slice(block.bytes());
    bytes
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Hashes of the blocks that are found in a file, and what else there was.
fn search(path: &Path) -> (Vec<tipward_primitives::BlockHash>, Leftovers) {
    let params = Params::new(Network::Regtest);
    let sources = find(&[path.to_owned()], &params, Path::new("/nowhere")).unwrap();
    let mut frames = Frames::open(&sources[0], &params).unwrap();
    let mut found = Vec::new();
    let bytes = std::fs::read(path).unwrap();
    while let Some(frame) = frames.next().unwrap() {
        let range = frame.offset as usize..frame.offset as usize + frame.size as usize;
        let mut block = bytes[range].to_vec();
        sources[0].decode(frame.offset, &mut block);
        let block = RawBlock::new(block.into()).unwrap();
        assert_eq!(block.header(), frame.header);
        found.push(frame.header.block_hash());
    }
    assert_eq!(frames.position(), bytes.len() as u64);
    (found, frames.leftovers())
}

fn hashes(blocks: &[RawBlock]) -> Vec<tipward_primitives::BlockHash> {
    blocks.iter().map(RawBlock::block_hash).collect()
}

#[test]
fn blocks_are_found_one_behind_the_other() {
    let (folder, blocks) = (Folder::new(), blocks(150));
    let bytes: Vec<u8> = blocks.iter().flat_map(frame).collect();
    let path = folder.write("chain.dat", &bytes);
    assert_eq!(search(&path), (hashes(&blocks), Leftovers::default()));
}

#[test]
fn garbage_between_blocks_is_passed_over_and_counted() {
    let (folder, blocks) = (Folder::new(), blocks(4));
    let magic = Params::new(Network::Regtest).magic;
    // What looks like a frame and is none: its size is too great, or what follows has no proof of work.
    let mut huge = magic.to_vec();
    huge.extend(u32::MAX.to_le_bytes());
    let mut lazy = magic.to_vec();
    lazy.extend(200_u32.to_le_bytes());
    lazy.extend([0xff; 200]);
    let garbage = [vec![7; 3], huge, lazy, magic[..3].to_vec()];
    let mut bytes = Vec::new();
    for (garbage, block) in garbage.iter().zip(&blocks) {
        bytes.extend_from_slice(garbage);
        bytes.extend(frame(block));
    }
    bytes.extend([9; 1000]);
    let skipped = garbage.iter().map(Vec::len).sum::<usize>() as u64 + 1000;
    let (found, leftovers) = search(&folder.write("chain.dat", &bytes));
    assert_eq!(found, hashes(&blocks));
    assert_eq!(
        leftovers,
        Leftovers {
            skipped,
            truncated: None
        }
    );
}

#[test]
fn blocks_that_begin_within_a_torn_one_are_found() {
    let (folder, blocks) = (Folder::new(), blocks(5));
    let mut bytes = frame(&blocks[0]);
    let torn = frame(&blocks[1]);
    bytes.extend_from_slice(&torn[..torn.len() - 30]);
    bytes.extend(frame(&blocks[2]));
    bytes.extend(frame(&blocks[3]));
    let (found, _) = search(&folder.write("chain.dat", &bytes));
    // The torn one is given out as well: its checks will see that it is no block.
    assert_eq!(found, hashes(&blocks[..4]));
}

#[test]
fn a_file_that_ends_within_a_block_says_where() {
    let (folder, blocks) = (Folder::new(), blocks(3));
    let mut bytes: Vec<u8> = blocks[..2].iter().flat_map(frame).collect();
    let end = bytes.len() as u64;
    bytes.extend(&frame(&blocks[2])[..100]);
    let (found, leftovers) = search(&folder.write("chain.dat", &bytes));
    assert_eq!(found, hashes(&blocks[..2]));
    assert_eq!(leftovers.truncated, Some(end));
}

#[test]
fn the_room_that_bitcoin_core_keeps_at_the_end_is_no_garbage() {
    let (folder, blocks) = (Folder::new(), blocks(3));
    let key = [0x5a, 1, 2, 3, 0xff, 0, 7, 0x80];
    folder.write("xor.dat", &key);
    let mut bytes: Vec<u8> = blocks.iter().flat_map(frame).collect();
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte ^= key[at % 8];
    }
    bytes.resize(bytes.len() + 3_000_000, 0);
    let path = folder.write("blk00000.dat", &bytes);
    assert_eq!(search(&path), (hashes(&blocks), Leftovers::default()));
}

#[test]
fn empty_and_tiny_files_hold_no_blocks() {
    let folder = Folder::new();
    for size in [0, 1, 87] {
        let path = folder.write("chain.dat", &vec![1; size]);
        let (found, leftovers) = search(&path);
        assert_eq!((found.len(), leftovers.skipped), (0, size as u64));
    }
}
