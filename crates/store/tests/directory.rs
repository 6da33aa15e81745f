//! Which directories are opened and which are refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod common;

use common::*;
use tipward_primitives::{Network, Params};
use tipward_store::{BlockMark, BlockStore, StoreError, layout};

#[test]
fn a_second_node_on_one_directory_is_refused_and_told_which() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let refusal = BlockStore::open(dir.path(), &params()).unwrap_err();
    assert!(matches!(refusal, StoreError::Locked { .. }));
    let text = refusal.to_string();
    assert!(text.contains(&dir.path().display().to_string()), "{text}");
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    drop(store);
    open(dir.path());
}

#[test]
fn another_networks_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    let refusal = BlockStore::open(dir.path(), &Params::new(Network::Bitcoin)).unwrap_err();
    let text = refusal.to_string();
    assert!(text.contains("network regtest"), "{text}");
    assert!(text.contains("runs on main"), "{text}");
}

#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    let path = dir.path().join("manifest");
    let text = std::fs::read_to_string(&path).unwrap();
    let (body, _) = text.split_once("checksum").unwrap();
    let body = body
        .replace("format = 3", "format = 4")
        .replace("written-by = tipward", "written-by = tipward-next");
    let sum = crc32c::crc32c(body.as_bytes());
    std::fs::write(&path, format!("{body}checksum = {sum:08x}\n")).unwrap();
    let text = BlockStore::open(dir.path(), &params())
        .unwrap_err()
        .to_string();
    assert!(text.contains("format 4"), "{text}");
    assert!(text.contains("run a newer tipward"), "{text}");
}

/// The manifest's text with another line for the format, and the checksum that belongs to it.
fn manifest_of_format(text: &str, format: u32) -> String {
    let (body, _) = text.split_once("checksum").unwrap();
    let body = body.replace(
        &format!("format = {}\n", layout::FORMAT),
        &format!("format = {format}\n"),
    );
    let sum = crc32c::crc32c(body.as_bytes());
    format!("{body}checksum = {sum:08x}\n")
}

#[test]
fn a_directory_of_format_1_becomes_one_of_this_format() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain([5, 6]);
    let (mut store, _) = open(dir.path());
    store.append_headers(&headers).unwrap();
    store.append_blocks(&blocks).unwrap();
    drop(store);
    let path = dir.path().join("manifest");
    let new = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, manifest_of_format(&new, 1)).unwrap();
    for name in ["marks.log", "blocks/undo.log", "blocks/rev00000.dat"] {
        std::fs::remove_file(dir.path().join(name)).unwrap();
    }
    let found = contents(dir.path());
    assert_eq!(found.report.repairs, []);
    assert_eq!(found.headers, headers);
    assert_eq!(found.blocks, hashes(&blocks));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), new);

    std::fs::write(&path, manifest_of_format(&new, 0)).unwrap();
    let refusal = BlockStore::open(dir.path(), &params()).unwrap_err();
    assert!(matches!(refusal, StoreError::Unusable { .. }), "{refusal}");
}

#[test]
fn a_block_is_new_until_the_store_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain([1, 2, 3]);
    let (mut store, _) = open(dir.path());
    store.append_headers(&headers).unwrap();
    store.append_blocks(&blocks[..2]).unwrap();
    let is_new = |store: &BlockStore| {
        blocks
            .iter()
            .map(|b| store.reader().is_new(&b.hash))
            .collect::<Vec<_>>()
    };
    assert_eq!(is_new(&store), [true, true, false]);
    drop(store);
    let (mut store, _) = open(dir.path());
    assert_eq!(is_new(&store), [false, false, false]);
    store.append_blocks(&blocks[2..]).unwrap();
    assert_eq!(is_new(&store), [false, false, true]);
}

#[test]
fn marks_come_back_in_the_order_they_were_made() {
    let dir = tempfile::tempdir().unwrap();
    let (_, blocks) = chain([1, 2]);
    let (a, b) = (blocks[0].hash, blocks[1].hash);
    let made = [
        (a, BlockMark::Invalid),
        (b, BlockMark::Invalid),
        (a, BlockMark::Reconsidered),
        (a, BlockMark::Invalid),
    ];
    let (mut store, _) = open(dir.path());
    for (hash, mark) in made {
        store.append_mark(hash, mark).unwrap();
    }
    assert!(store.unsynced_bytes() > 0);
    drop(store);
    let log = dir.path().join("marks.log");
    let whole = std::fs::read(&log).unwrap();
    assert_eq!(whole.len(), 16 + 4 * 40);
    let marks = || BlockStore::open(dir.path(), &params()).unwrap().2.marks;
    assert_eq!(marks(), made);

    for cut in 16..whole.len() {
        std::fs::write(&log, &whole[..cut]).unwrap();
        assert_eq!(marks(), made[..(cut - 16) / 40]);
        assert_eq!(marks(), made[..(cut - 16) / 40]);
    }
    for offset in 16..whole.len() {
        let mut flipped = whole.clone();
        flipped[offset] ^= 1 << (offset % 8);
        std::fs::write(&log, &flipped).unwrap();
        let (store, _, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
        let mut left = made.to_vec();
        let lost = (offset - 16) / 40;
        left.remove(lost);
        assert_eq!(loaded.marks, left);
        assert_eq!(loaded.report.repairs.len(), 1);
        assert_eq!(loaded.report.repairs[0].path, log);
        assert_eq!(loaded.report.repairs[0].offset, 16 + 40 * lost as u64);
        drop(store);
        assert_eq!(marks(), left);
    }
}

#[test]
fn a_damaged_manifest_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    let path = dir.path().join("manifest");
    for offset in 0..len(&path) - 1 {
        flip(&path, offset, 1);
        let refusal = BlockStore::open(dir.path(), &params()).unwrap_err();
        assert!(
            matches!(refusal, StoreError::Unusable { .. }),
            "flipped at {offset}: {refusal}"
        );
        flip(&path, offset, 1);
    }
    open(dir.path());
}

#[test]
fn blocks_without_a_manifest_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("blocks")).unwrap();
    std::fs::write(dir.path().join("blocks/blk00000.dat"), "somebody else's").unwrap();
    let refusal = BlockStore::open(dir.path(), &params()).unwrap_err();
    assert!(matches!(refusal, StoreError::Unusable { .. }), "{refusal}");
    assert_eq!(len(&dir.path().join("blocks/blk00000.dat")), 15);
}

#[test]
fn xored_block_files_are_refused_unless_the_key_is_zero() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    std::fs::write(dir.path().join("blocks/xor.dat"), [0; 8]).unwrap();
    open(dir.path());
    std::fs::write(dir.path().join("blocks/xor.dat"), [0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let refusal = BlockStore::open(dir.path(), &params()).unwrap_err();
    assert!(refusal.to_string().contains("xor"), "{refusal}");
}

#[test]
fn block_files_are_in_cores_framing() {
    let dir = tempfile::tempdir().unwrap();
    let (headers, blocks) = chain([5]);
    let (mut store, _) = open(dir.path());
    store.append_headers(&headers).unwrap();
    store.append_blocks(&blocks).unwrap();
    drop(store);
    let mut expected = Vec::new();
    let genesis = bitcoin::consensus::serialize(&params().genesis);
    for block in [&genesis[..], &blocks[0].block.bytes()[..]] {
        expected.extend([0xfa, 0xbf, 0xb5, 0xda]);
        expected.extend((block.len() as u32).to_le_bytes());
        expected.extend(block);
    }
    let found = std::fs::read(dir.path().join("blocks/blk00000.dat")).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn every_network_has_a_directory_of_its_own() {
    let names = [
        Network::Bitcoin,
        Network::Testnet,
        Network::Testnet4,
        Network::Signet,
        Network::Regtest,
    ]
    .map(|network| layout::network_dir_name(&Params::new(network)));
    assert_eq!(names, ["main", "testnet3", "testnet4", "signet", "regtest"]);
}
