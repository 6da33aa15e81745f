//! What several test modules need.

use std::path::PathBuf;
use std::sync::Arc;

use bitcoin::TxMerkleNode;
use bitcoin::consensus::Decodable as _;
use bitcoin::hashes::Hash as _;
use tipward_primitives::{
    BlockHash, BlockVersion, CompactTarget, Header, Network, Params, Timestamp,
};

use crate::Chain;

/// Regtest: proof of work takes two tries on average.
pub(crate) fn regtest() -> Arc<Params> {
    Arc::new(Params::new(Network::Regtest))
}

pub(crate) fn genesis(params: &Params) -> Header {
    params.genesis.header
}

/// A header that builds on `parent`, ten minutes later, with the same claim, and without proof of work. `salt` makes
/// siblings different.
pub(crate) fn unmined(parent: &Header, salt: u64) -> Header {
    let mut merkle_root = [0; 32];
    merkle_root[..8].copy_from_slice(&salt.to_le_bytes());
    Header {
        version: BlockVersion::from_consensus(4),
        prev_blockhash: parent.block_hash(),
        merkle_root: TxMerkleNode::from_byte_array(merkle_root),
        time: parent.time + 600,
        bits: parent.bits,
        nonce: 0,
    }
}

/// The same with the proof of work that it claims.
pub(crate) fn mined(parent: &Header, salt: u64) -> Header {
    mine(unmined(parent, salt))
}

/// Tries nonces until the hash meets the claim.
pub(crate) fn mine(mut header: Header) -> Header {
    while !header.target().is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    header
}

/// The same, made to miss its claim.
pub(crate) fn spoil(mut header: Header) -> Header {
    while header.target().is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    header
}

/// So many headers after `parent`, each made by `make` of the one before and its distance from `parent`.
pub(crate) fn chain_of(
    parent: &Header,
    count: usize,
    make: impl Fn(&Header, u64) -> Header,
) -> Vec<Header> {
    let mut last = *parent;
    (0..count as u64)
        .map(|i| {
            last = make(&last, i);
            last
        })
        .collect()
}

/// A chain with these headers put in unchecked.
pub(crate) fn chain_with(params: &Arc<Params>, headers: &[Header]) -> Chain {
    let mut chain = Chain::new(Arc::clone(params));
    insert_all(&mut chain, headers);
    chain
}

pub(crate) fn insert_all(chain: &mut Chain, headers: &[Header]) {
    for header in headers {
        chain.insert_stored(header).unwrap();
    }
}

pub(crate) fn store_all(chain: &mut Chain, headers: &[Header]) {
    for header in headers {
        chain.mark_stored(&header.block_hash(), 1);
    }
}

/// A trunk of so many blocks, and on its second one a branch.
pub(crate) fn fork(trunk: usize, branch: usize) -> (Vec<Header>, Vec<Header>) {
    let trunk = chain_of(&genesis(&regtest()), trunk, unmined);
    let branch = chain_of(&trunk[1], branch, |parent, i| unmined(parent, 100 + i));
    (trunk, branch)
}

pub(crate) fn hashes(headers: &[Header]) -> Vec<BlockHash> {
    headers.iter().map(Header::block_hash).collect()
}

/// Long after any block of these tests.
pub(crate) fn late() -> Timestamp {
    Timestamp::from_secs(1 << 32)
}

pub(crate) fn bits(compact: u32) -> CompactTarget {
    CompactTarget::from_consensus(compact)
}

/// A file of the test data, which is not part of the repository. `None`, with a word about it, if there is none; with
/// `CI=true` that is a failure.
pub(crate) fn test_data(name: &str) -> Option<Vec<u8>> {
    let dir = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    match std::fs::read(dir.join(name)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{name} is missing: {error}"
            );
            println!("skipped: {name}: {error}");
            None
        }
    }
}

/// The headers of mainnet's blocks 0 to 4312.
pub(crate) fn mainnet_headers() -> Option<Vec<Header>> {
    let bytes = test_data("mainnet-blocks-0-4312.dat")?;
    let mut rest = bytes.as_slice();
    let mut headers = Vec::new();
    while let [_, _, _, _, a, b, c, d, tail @ ..] = rest {
        let (block, tail) = tail.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
        headers.push(Header::consensus_decode(&mut &block[..80]).unwrap());
        rest = tail;
    }
    Some(headers)
}
