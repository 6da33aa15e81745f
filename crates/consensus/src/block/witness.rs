//! The witness commitment (BIP141).
//!
//! The header commits to transactions without their witnesses. To the witnesses the coinbase commits: an output of its own
//! holds the double SHA-256 of the root of the tree of witness transaction ids (the coinbase counting as zero) and of a
//! 32-byte value that is the coinbase's own witness. Whoever relays a block can change its witnesses without changing its
//! hash, so that everything here is [`Mutated`](crate::RejectKind::Mutated).

use crate::hash::sha256d_pair;
use crate::merkle::merkle_root;
use crate::view::ParsedBlock;
use crate::{BlockContext, Reject};

/// What the script of an output that commits begins with: `OP_RETURN`, a push of 36 bytes, and four to know it by.
pub const COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// The hash that the coinbase commits to, if it does; of several outputs that look like it the last one counts.
pub fn witness_commitment(block: &ParsedBlock) -> Option<&[u8; 32]> {
    let coinbase = block.transaction(0)?;
    coinbase
        .outputs()
        .rev()
        .find_map(|output| commitment(output.script_pubkey()))
}

/// Which output of the coinbase commits.
pub(crate) fn witness_commitment_output(block: &ParsedBlock) -> Option<usize> {
    let coinbase = block.transaction(0)?;
    coinbase
        .outputs()
        .rposition(|output| commitment(output.script_pubkey()).is_some())
}

fn commitment(script: &[u8]) -> Option<&[u8; 32]> {
    script.strip_prefix(&COMMITMENT_PREFIX)?.first_chunk()
}

/// Witnesses are the ones that the coinbase commits to, or there is none: `bad-witness-nonce-size`,
/// `bad-witness-merkle-match`, `unexpected-witness`.
pub(super) fn check_commitment(
    block: &ParsedBlock,
    txids: &[[u8; 32]],
    context: &BlockContext,
) -> Result<(), Reject> {
    match witness_commitment(block) {
        Some(commitment) if context.segwit => check_match(block, txids, commitment),
        _ => check_no_witness(block),
    }
}

fn check_match(
    block: &ParsedBlock,
    txids: &[[u8; 32]],
    commitment: &[u8; 32],
) -> Result<(), Reject> {
    let reserved = reserved_value(block).ok_or_else(|| {
        Reject::mutated(
            "bad-witness-nonce-size",
            "the coinbase's witness is not one item of 32 bytes",
        )
    })?;
    let leaves: Vec<[u8; 32]> = block
        .transactions()
        .zip(txids)
        .enumerate()
        .map(|(index, (tx, txid))| match index {
            0 => [0; 32],
            _ if tx.has_witness() => tx.wtxid_bytes(),
            _ => *txid,
        })
        .collect();
    // A mutation of this tree would be one of the other tree too.
    let found = sha256d_pair(&merkle_root(&leaves).root, reserved);
    if found == *commitment {
        return Ok(());
    }
    Err(Reject::mutated(
        "bad-witness-merkle-match",
        "the witnesses are not those that the coinbase commits to",
    ))
}

fn reserved_value(block: &ParsedBlock) -> Option<&[u8; 32]> {
    let mut items = block.transaction(0)?.inputs().next()?.witness();
    match (items.next(), items.next()) {
        (Some(only), None) => only.try_into().ok(),
        _ => None,
    }
}

/// Without a commitment nothing vouches for witnesses, and they could be of any size.
fn check_no_witness(block: &ParsedBlock) -> Result<(), Reject> {
    match block.transactions().find(|tx| tx.has_witness()) {
        Some(tx) => Err(Reject::mutated(
            "unexpected-witness",
            format!(
                "transaction {} has a witness that nothing commits to",
                tx.txid()
            ),
        )),
        None => Ok(()),
    }
}
