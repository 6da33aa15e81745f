//! A block taken off the coins: what it made must be there, what it spent must not.

use tipward_consensus::connect::is_bip30_unspendable;
use tipward_consensus::{BlockContext, ParsedBlock, TransactionView, is_unspendable};
use tipward_primitives::Height;
use tipward_primitives::bitcoin::{OutPoint, ScriptBuf};

use super::overlay::Overlay;
use crate::{BlockUndo, CoinValue};

pub(super) fn disconnect(
    block: &ParsedBlock,
    undo: BlockUndo,
    context: &BlockContext,
    overlay: &mut Overlay<'_>,
) -> Result<(), String> {
    if undo.len() + 1 != block.transaction_count() {
        return Err(format!(
            "the undo data is of {} transactions, the block has {}",
            undo.len() + 1,
            block.transaction_count()
        ));
    }
    // The coins of these two blocks' coinbases were overwritten by later ones (BIP30).
    let overwritten = is_bip30_unspendable(context.height, &context.hash);
    let transactions: Vec<_> = block.transactions().collect();
    let spent = undo.into_iter().map(Some).rev().chain([None]);
    for (tx, spent) in transactions.into_iter().rev().zip(spent) {
        for (outpoint, coin) in outputs(tx, context.height) {
            if overlay.take(outpoint)?.as_ref() != Some(&coin) && !(overwritten && coin.coinbase) {
                return Err(format!("its output {outpoint} is not among the coins"));
            }
        }
        let Some(spent) = spent else { continue };
        if spent.len() != tx.inputs().len() {
            return Err(format!(
                "the undo data of transaction {} is of {} inputs, it has {}",
                tx.txid(),
                spent.len(),
                tx.inputs().len()
            ));
        }
        for (input, coin) in tx.inputs().zip(spent) {
            let outpoint = input.outpoint();
            if overlay.put(outpoint, coin)?.is_some() {
                return Err(format!("it spends {outpoint}, which is among the coins"));
            }
        }
    }
    Ok(())
}

/// The coins that a transaction makes at a height.
pub(super) fn outputs(
    tx: TransactionView<'_>,
    height: Height,
) -> impl Iterator<Item = (OutPoint, CoinValue)> {
    let (txid, coinbase) = (tx.txid(), tx.is_coinbase());
    (0..)
        .zip(tx.outputs())
        .filter(|(_, output)| !is_unspendable(output.script_pubkey()))
        .map(move |(vout, output)| {
            let coin = CoinValue {
                height,
                coinbase,
                // No output of a checked block has a negative value.
                value: output.value().unsigned_abs(),
                script: ScriptBuf::from_bytes(output.script_pubkey().to_vec()),
            };
            (OutPoint { txid, vout }, coin)
        })
}
