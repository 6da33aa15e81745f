//! What holds for the list of transactions and for each of them.

use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{Header, Txid};

use crate::merkle::merkle_root;
use crate::transaction::{check_transaction, is_final};
use crate::view::ParsedBlock;
use crate::{BlockContext, Reject};

/// Bytes of two hashes, and so of an inner node of the merkle tree.
const INNER_NODE: usize = 64;

/// The header commits to these transactions, `bad-txnmrklroot`, and to no shorter list, `bad-txns-duplicate` (see
/// [`crate::merkle`]).
pub(super) fn check_merkle_root(header: &Header, txids: &[[u8; 32]]) -> Result<(), Reject> {
    let tree = merkle_root(txids);
    if tree.root != header.merkle_root.to_byte_array() {
        return Err(Reject::mutated(
            "bad-txnmrklroot",
            format!(
                "merkle root {}, the header says {}",
                Txid::from_byte_array(tree.root),
                header.merkle_root
            ),
        ));
    }
    if tree.mutated {
        return Err(Reject::mutated(
            "bad-txns-duplicate",
            "the last transactions are repeated",
        ));
    }
    Ok(())
}

/// A block without a coinbase may be another one's merkle tree cut off above its leaves: an inner node is 64 bytes, and
/// those can be made to read as a transaction. Then the header is a valid block's, and the body is mutated.
///
/// A coinbase in front rules that out, as finding a node that reads as one takes over 200 bits of work.
pub(super) fn check_no_node_passes_for_a_transaction(block: &ParsedBlock) -> Result<(), Reject> {
    let coinbase = block
        .transaction(0)
        .is_some_and(|first| first.is_coinbase());
    if coinbase
        || block
            .transactions()
            .all(|tx| tx.stripped_size() != INNER_NODE)
    {
        return Ok(());
    }
    Err(Reject::mutated(
        "bad-cb-missing",
        "no coinbase, and a transaction that may be a node of the merkle tree",
    ))
}

/// Every transaction keeps the rules of its own.
pub(super) fn check_each(block: &ParsedBlock, txids: &[[u8; 32]]) -> Result<(), Reject> {
    for (tx, txid) in block.transactions().zip(txids) {
        check_transaction(tx).map_err(|reject| Reject {
            detail: format!(
                "transaction {}: {}",
                Txid::from_byte_array(*txid),
                reject.detail
            )
            .into(),
            ..reject
        })?;
    }
    Ok(())
}

/// Every lock time has passed: `bad-txns-nonfinal`.
pub(super) fn check_final(block: &ParsedBlock, context: &BlockContext) -> Result<(), Reject> {
    let cutoff = context.lock_time_cutoff();
    match block
        .transactions()
        .find(|tx| !is_final(*tx, context.height, cutoff))
    {
        Some(tx) => Err(Reject::consensus(
            "bad-txns-nonfinal",
            format!(
                "transaction {}: lock time {}, height {} and time {cutoff} reached",
                tx.txid(),
                tx.lock_time(),
                context.height
            ),
        )),
        None => Ok(()),
    }
}
