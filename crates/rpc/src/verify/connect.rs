//! A block put on the coins again: every rule about what it spends and makes, but for scripts.

use tipward_consensus::connect::{
    CoinFacts, add_fee, add_sigops, check_coinbase_value, check_sequence_locks,
    check_transaction_inputs, missing_input, overwrites_coin, sigops_cost,
};
use tipward_consensus::{BlockContext, ParsedBlock, TransactionView};
use tipward_primitives::Height;

use super::broken;
use super::disconnect::outputs;
use super::overlay::Overlay;
use crate::{BlockUndo, CoinValue};

/// Gives what the block spends.
pub(super) fn connect(
    block: &ParsedBlock,
    context: &BlockContext,
    overlay: &mut Overlay<'_>,
    median_time_past_at: impl Fn(Height) -> u32,
) -> Result<BlockUndo, String> {
    if context.enforce_bip30 {
        for (outpoint, _) in block
            .transactions()
            .flat_map(|tx| outputs(tx, context.height))
        {
            if overlay.get(&outpoint)?.is_some() {
                return Err(broken(overwrites_coin(outpoint)));
            }
        }
    }
    let mut undo = BlockUndo::new();
    let (mut fees, mut sigops) = (0, 0);
    for tx in block.transactions() {
        let spent = match tx.is_coinbase() {
            true => Vec::new(),
            false => spend(tx, overlay)?,
        };
        if !tx.is_coinbase() {
            let facts = spent.iter().map(|coin| CoinFacts {
                height: coin.height,
                coinbase: coin.coinbase,
                value: coin.value,
            });
            let fee = check_transaction_inputs(tx, facts, context.height).map_err(broken)?;
            fees = add_fee(fees, fee).map_err(broken)?;
            let heights = spent.iter().map(|coin| coin.height);
            check_sequence_locks(tx, heights, context, &median_time_past_at).map_err(broken)?;
        }
        let scripts = spent.iter().map(|coin| coin.script.as_bytes());
        let cost = sigops_cost(tx, scripts, context.script_flags);
        sigops = add_sigops(sigops, tx, cost).map_err(broken)?;
        if !tx.is_coinbase() {
            undo.push(spent);
        }
        for (outpoint, coin) in outputs(tx, context.height) {
            overlay.put(outpoint, coin)?;
        }
    }
    if let Some(coinbase) = block.transaction(0) {
        check_coinbase_value(coinbase, context.subsidy, fees).map_err(broken)?;
    }
    Ok(undo)
}

fn spend(tx: TransactionView<'_>, overlay: &mut Overlay<'_>) -> Result<Vec<CoinValue>, String> {
    tx.inputs()
        .map(|input| {
            let outpoint = input.outpoint();
            overlay
                .take(outpoint)?
                .ok_or_else(|| broken(missing_input(tx.txid(), outpoint)))
        })
        .collect()
}
