//! Blocks and headers of the real networks keep every rule.

#![allow(clippy::unwrap_used)]

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{data, framed_blocks};
use tipward_consensus::header::{
    check_header_in_context, check_proof_of_work, median_time_past, permitted_difficulty_transition,
};
use tipward_consensus::{BlockContext, check_block, reread_block};
use tipward_primitives::bitcoin::Block;
use tipward_primitives::bitcoin::consensus::deserialize;
use tipward_primitives::{Header, Height, Network, Params, RawBlock, Timestamp, Work};

fn raw(bytes: Vec<u8>) -> RawBlock {
    RawBlock::new(bytes.into()).unwrap()
}

#[test]
fn the_first_blocks_of_mainnet_keep_every_rule_of_header_and_body() {
    let Some(file) = data("mainnet-blocks-0-4312.dat") else {
        return;
    };
    let params = Params::new(Network::Bitcoin);
    let now = Timestamp::from_secs(1_300_000_000);
    let mut headers: Vec<Header> = Vec::new();
    let mut transactions = 0;
    for bytes in framed_blocks(&file) {
        let raw = raw(bytes);
        let header = raw.header();
        let height = headers.len() as Height;
        assert_eq!(
            check_proof_of_work(&params, header.block_hash(), header.bits),
            Ok(())
        );
        let median = if headers.is_empty() {
            0
        } else {
            check_header_in_context(&params, &headers[..], &header, now)
                .unwrap_or_else(|reject| panic!("header {height}: {reject}"));
            median_time_past(&headers[..])
        };
        let context = BlockContext::new(&params, header, height, median);
        let block =
            check_block(&context, raw).unwrap_or_else(|reject| panic!("block {height}: {reject}"));
        transactions += block.transaction_count();
        headers.push(header);
    }
    assert_eq!(headers.len(), 4313);
    assert_eq!(transactions, 4371);
}

#[test]
fn big_blocks_keep_every_rule_and_read_as_rust_bitcoin_reads_them() {
    for (name, network, height) in [
        ("mainnet-block-413567.raw", Network::Bitcoin, 413_567),
        ("testnet3-block-928816.raw", Network::Testnet, 928_816),
        ("testnet3-block-928848.raw", Network::Testnet, 928_848),
    ] {
        let Some(bytes) = data(name) else { return };
        let theirs: Block = deserialize(&bytes).unwrap();
        let raw = raw(bytes);
        let header = raw.header();
        let context = BlockContext::new(&Params::new(network), header, height, header.time - 1);
        let block =
            check_block(&context, raw.clone()).unwrap_or_else(|reject| panic!("{name}: {reject}"));
        let again = reread_block(&context, raw).unwrap();
        assert_eq!(again.legacy_sigops(), block.legacy_sigops());
        assert_eq!(again.weight(), block.weight());
        assert!(
            again
                .transactions()
                .map(|(id, tx)| (id, tx.bytes()))
                .eq(block.transactions().map(|(id, tx)| (id, tx.bytes())))
        );
        assert_eq!(block.weight() as u64, theirs.weight().to_wu(), "{name}");
        assert_eq!(block.transaction_count(), theirs.txdata.len());
        assert_eq!(block.hash(), theirs.block_hash());
        for ((txid, tx), theirs) in block.transactions().zip(&theirs.txdata) {
            assert_eq!(txid, theirs.compute_txid());
            assert_eq!(tx.wtxid(), theirs.compute_wtxid());
        }
    }
}

/// Mainnet's headers at every 2016th height, the first of each difficulty period, with the work up to there.
fn checkpoints() -> Option<Vec<(Work, Height, Header)>> {
    let file = String::from_utf8(data("mainnet-checkpoints.txt")?).unwrap();
    let lines = file.lines().skip(3).filter(|line| !line.is_empty());
    let list = lines.map(|line| {
        let record = BASE64_STANDARD.decode(line).unwrap();
        let mut work = [0; 32];
        work[20..].copy_from_slice(&record[..12]);
        let height = Height::from_be_bytes(record[12..16].try_into().unwrap());
        let header = deserialize(&record[16..]).unwrap();
        (Work::from_be_bytes(work), height, header)
    });
    Some(list.collect())
}

#[test]
fn seventeen_years_of_mainnet_keep_the_bounds_of_difficulty_and_add_up_to_their_work() {
    let Some(list) = checkpoints() else { return };
    assert_eq!(list.len(), 436);
    let params = Params::new(Network::Bitcoin);
    let genesis = (params.genesis.header.work(), 0, params.genesis.header);
    let all: Vec<_> = std::iter::once(genesis).chain(list).collect();
    for pair in all.windows(2) {
        let ((work_before, height_before, before), (work, height, header)) = (pair[0], pair[1]);
        assert_eq!(height, height_before + 2016);
        assert_eq!(
            check_proof_of_work(&params, header.block_hash(), header.bits),
            Ok(()),
            "height {height}"
        );
        assert!(
            permitted_difficulty_transition(&params, height, before.bits, header.bits),
            "height {height}"
        );
        let mut sum = work_before + header.work();
        for _ in 0..2015 {
            sum = sum + before.work();
        }
        assert_eq!(work, sum, "height {height}");
    }
}
