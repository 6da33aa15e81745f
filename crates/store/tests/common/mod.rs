//! Blocks to store, and looking at what a directory holds.
#![allow(dead_code, reason = "every test file uses some of it")]

use std::path::Path;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode,
    TxOut, Witness,
};
use tipward_primitives::{BlockHash, BlockVersion, Header, Network, Params, RawBlock};
use tipward_store::{BlockStore, NewBlock, Report, StoredBlock};

pub(crate) fn params() -> Params {
    Params::new(Network::Regtest)
}

/// A block of one transaction that takes about `padding` bytes.
pub(crate) fn block(parent: BlockHash, number: u32, padding: usize) -> (Header, NewBlock) {
    let coinbase = Transaction {
        version: Version::ONE,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: ScriptBuf::from(number.to_le_bytes().to_vec()),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::from(vec![number as u8; padding]),
        }],
    };
    let header = Header {
        version: BlockVersion::ONE,
        prev_blockhash: parent,
        merkle_root: TxMerkleNode::all_zeros(),
        time: number,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    let mut block = Block {
        header,
        txdata: vec![coinbase],
    };
    block.header.merkle_root = block.compute_merkle_root().unwrap();
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
    let bytes = bitcoin::consensus::serialize(&block);
    let new = NewBlock {
        hash: block.block_hash(),
        height: number,
        block: RawBlock::new(bytes.into()).unwrap(),
        transactions: 1,
    };
    (block.header, new)
}

/// A chain on the genesis block, with blocks of these sizes.
pub(crate) fn chain(paddings: impl IntoIterator<Item = usize>) -> (Vec<Header>, Vec<NewBlock>) {
    let mut parent = params().genesis_hash;
    paddings
        .into_iter()
        .enumerate()
        .map(|(i, padding)| {
            let made = block(parent, i as u32 + 1, padding);
            parent = made.1.hash;
            made
        })
        .unzip()
}

/// Undo data of these sizes, for the blocks of a chain: each with the block's hash and its parent's.
pub(crate) fn undo_data(
    blocks: &[NewBlock],
    sizes: impl IntoIterator<Item = usize>,
) -> Vec<(BlockHash, BlockHash, Vec<u8>)> {
    blocks
        .iter()
        .zip(sizes)
        .enumerate()
        .map(|(i, (block, size))| {
            let parent = bitcoin::consensus::deserialize::<Header>(&block.block.bytes()[..80]);
            let bytes = (0..size).map(|at| (i * 31 + at) as u8).collect();
            (block.hash, parent.unwrap().prev_blockhash, bytes)
        })
        .collect()
}

/// Everything that a directory holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) headers: Vec<Header>,
    /// Without the genesis block.
    pub(crate) blocks: Vec<BlockHash>,
    pub(crate) report: Report,
}

/// Opens `dir`, reads everything, and checks that every block is what its hash says.
pub(crate) fn open(dir: &Path) -> (BlockStore, Contents) {
    let (store, _, loaded) = BlockStore::open(dir, &params()).unwrap();
    let reader = store.reader();
    let stored: Vec<StoredBlock> = loaded.blocks.map(Result::unwrap).collect();
    assert_eq!(stored[0].hash, params().genesis_hash);
    for block in &stored {
        let raw = reader.read(&block.hash).unwrap().unwrap();
        assert_eq!(raw.block_hash(), block.hash);
        assert_eq!(raw.size(), block.size as usize);
        assert_eq!(block.transactions, 1);
    }
    let contents = Contents {
        headers: loaded.headers.map(Result::unwrap).collect(),
        blocks: stored[1..].iter().map(|b| b.hash).collect(),
        report: loaded.report,
    };
    assert_eq!(contents.report.blocks, stored.len() as u64);
    assert_eq!(contents.report.headers, contents.headers.len() as u64);
    (store, contents)
}

/// What `dir` holds; afterwards it is closed, and opening it again must find nothing to repair.
pub(crate) fn contents(dir: &Path) -> Contents {
    let (store, found) = open(dir);
    drop(store);
    let (_, again) = open(dir);
    assert_eq!(again.report.repairs, []);
    assert_eq!(again.headers, found.headers);
    assert_eq!(again.blocks, found.blocks);
    found
}

pub(crate) fn hashes(blocks: &[NewBlock]) -> Vec<BlockHash> {
    blocks.iter().map(|b| b.hash).collect()
}

/// Copies a data directory, but for its lock.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("blocks")).unwrap();
    for dir in ["", "blocks"] {
        for entry in std::fs::read_dir(from.join(dir)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), to.join(dir).join(entry.file_name())).unwrap();
            }
        }
    }
}

pub(crate) fn truncate(path: &Path, len: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

pub(crate) fn len(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

pub(crate) fn flip(path: &Path, offset: u64, mask: u8) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[usize::try_from(offset).unwrap()] ^= mask;
    std::fs::write(path, bytes).unwrap();
}
