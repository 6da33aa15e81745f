//! Other implementations that ours are held against.

use bitcoin::Block;
use bitcoin::consensus::{deserialize, serialize};
use tipward_consensus::{ParsedBlock, TransactionView, legacy_sigops};
use tipward_primitives::RawBlock;

#[cfg(test)]
mod tests;

/// Asserts that our block parser and rust-bitcoin's accept the same `bytes`, and read the same out of them.
///
/// They may differ on transactions without inputs, where ours does what Bitcoin Core does: with two zero counts it is a
/// transaction without anything (rust-bitcoin refuses it), in the extended format it is refused as having a superfluous
/// witness (rust-bitcoin takes it). Returns whether ours accepts.
///
/// # Panics
///
/// If they disagree.
pub fn parsers_agree(bytes: &[u8]) -> bool {
    let theirs = deserialize::<Block>(bytes);
    let ours = RawBlock::new(bytes.to_vec().into())
        .ok()
        .map(ParsedBlock::parse);
    match (ours, theirs) {
        (Some(Ok(ours)), Ok(theirs)) => {
            same_block(&ours, &theirs);
            true
        }
        (Some(Ok(ours)), Err(error)) => {
            let odd = ours.transactions().any(|tx| tx.inputs().len() == 0);
            assert!(odd, "only we accept: {error}");
            true
        }
        (Some(Err(error)), Ok(theirs)) => {
            let odd = theirs.txdata.iter().any(|tx| tx.input.is_empty());
            assert!(odd, "only we refuse: {error}");
            false
        }
        (None, Ok(_)) => panic!("only we refuse: too short"),
        (Some(Err(_)) | None, Err(_)) => false,
    }
}

fn same_block(ours: &ParsedBlock, theirs: &Block) {
    assert_eq!(ours.header(), theirs.header);
    assert_eq!(ours.block_hash(), theirs.block_hash());
    assert_eq!(ours.size(), theirs.total_size());
    assert_eq!(ours.weight() as u64, theirs.weight().to_wu());
    assert_eq!(ours.raw().bytes()[..], serialize(theirs));
    assert_eq!(ours.transactions().len(), theirs.txdata.len());
    for (ours, theirs) in ours.transactions().zip(&theirs.txdata) {
        same_transaction(ours, theirs);
    }
}

fn same_transaction(ours: TransactionView<'_>, theirs: &bitcoin::Transaction) {
    assert_eq!(ours.txid(), theirs.compute_txid());
    assert_eq!(ours.wtxid(), theirs.compute_wtxid());
    assert_eq!(ours.size(), theirs.total_size());
    assert_eq!(ours.stripped_size(), theirs.base_size());
    assert_eq!(ours.version(), theirs.version.0.cast_unsigned());
    assert_eq!(ours.lock_time(), theirs.lock_time.to_consensus_u32());
    assert_eq!(ours.is_coinbase(), theirs.is_coinbase());

    assert_eq!(ours.inputs().len(), theirs.input.len());
    for (ours, theirs) in ours.inputs().zip(&theirs.input) {
        assert_eq!(ours.outpoint(), theirs.previous_output);
        assert_eq!(ours.spends_nothing(), theirs.previous_output.is_null());
        assert_eq!(ours.script_sig(), theirs.script_sig.as_bytes());
        assert_eq!(ours.sequence(), theirs.sequence.to_consensus_u32());
        assert!(ours.witness().eq(theirs.witness.iter()));
    }
    let mut sigops: usize = theirs
        .input
        .iter()
        .map(|input| input.script_sig.count_sigops_legacy())
        .sum();

    assert_eq!(ours.outputs().len(), theirs.output.len());
    for (ours, theirs) in ours.outputs().zip(&theirs.output) {
        assert_eq!(ours.value().cast_unsigned(), theirs.value.to_sat());
        assert_eq!(ours.script_pubkey(), theirs.script_pubkey.as_bytes());
        sigops += theirs.script_pubkey.count_sigops_legacy();
    }
    assert_eq!(legacy_sigops(ours), sigops);
}
