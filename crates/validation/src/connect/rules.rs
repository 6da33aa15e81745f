//! Whether a block may be connected: every rule that needs coins, scripts excepted, before anything is changed.

use tipward_chain::Fault;
use tipward_coins::{Coin, CoinCache, CoinsError, SpentCoins};
use tipward_consensus::connect::{
    CoinFacts, add_fee, add_sigops, check_coinbase_value, check_sequence_locks,
    check_transaction_inputs, missing_input, overwrites_coin, sigops_cost,
};
use tipward_consensus::{BlockContext, Reject};
use tipward_primitives::Height;
use tipward_primitives::bitcoin::OutPoint;

use super::coins_ahead::CoinsAhead;
use crate::faults::coins_fault;
use crate::prepared::{PreparedBlock, outpoint_key};

/// Why a block is not connected.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It breaks a rule.
    Reject(Reject),
    /// The coins cannot be read.
    Fault(Fault),
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<CoinsError> for Refusal {
    fn from(error: CoinsError) -> Self {
        Self::Fault(coins_fault(&error))
    }
}

/// Applies the rules in the order in which Bitcoin Core does, so that of several that are broken the same one is named.
/// Returns the coins that the block's inputs spend, in order, the coinbase's excepted.
///
/// `ahead` has coins that were looked up already; `median_time_past_at` tells the median time past of the block's ancestor at a height.
pub(crate) fn judge(
    prepared: &PreparedBlock,
    ahead: &CoinsAhead,
    context: &BlockContext,
    coins: &CoinCache,
    median_time_past_at: impl Fn(Height) -> u32,
) -> Result<SpentCoins, Refusal> {
    let check_bip30 = || {
        let enforced = context.enforce_bip30;
        enforced.then(|| check_no_overwrite(prepared, coins))
    };
    if !context.bip30_implied {
        check_bip30().transpose()?;
    }
    let judged = judge_inputs(prepared, ahead, context, coins, median_time_past_at);
    if context.bip30_implied && matches!(judged, Err(Refusal::Reject(_))) {
        // Of several rules that are broken it is the first.
        check_bip30().transpose()?;
    }
    judged
}

/// All rules but BIP30.
fn judge_inputs(
    prepared: &PreparedBlock,
    ahead: &CoinsAhead,
    context: &BlockContext,
    coins: &CoinCache,
    median_time_past_at: impl Fn(Height) -> u32,
) -> Result<SpentCoins, Refusal> {
    let mut spent = SpentCoins::new();
    let mut fees = 0;
    let mut sigops = 0;
    // Counted through the block.
    let mut input_number = 0;
    for (index, (txid, tx)) in prepared.block().transactions().enumerate() {
        if index == 0 {
            input_number += tx.inputs().len();
            let cost = sigops_cost(tx, [], context.script_flags);
            sigops = add_sigops(sigops, tx, cost)?;
            continue;
        }
        let first = spent.len();
        for input in tx.inputs() {
            if !find(
                prepared,
                ahead,
                input_number,
                input.outpoint_bytes(),
                coins,
                &mut spent,
            )? {
                return Err(missing_input(txid, input.outpoint()).into());
            }
            input_number += 1;
        }
        let of_tx = || (first..spent.len()).filter_map(|at| spent.get(at));
        let fee = check_transaction_inputs(tx, of_tx().map(facts), context.height)?;
        fees = add_fee(fees, fee)?;
        check_sequence_locks(
            tx,
            of_tx().map(|coin| coin.height),
            context,
            &median_time_past_at,
        )?;
        let scripts = of_tx().map(|coin| coin.script);
        let cost = sigops_cost(tx, scripts, context.script_flags);
        sigops = add_sigops(sigops, tx, cost)?;
    }
    if let Some(coinbase) = prepared.block().parsed().transaction(0) {
        check_coinbase_value(coinbase, context.subsidy, fees)?;
    }
    Ok(spent)
}

/// Appends the coin that an input spends; false if there is none.
fn find(
    prepared: &PreparedBlock,
    ahead: &CoinsAhead,
    input: usize,
    key: &tipward_coins::OutPointKey,
    coins: &CoinCache,
    spent: &mut SpentCoins,
) -> Result<bool, CoinsError> {
    if prepared.is_double_spend(input) {
        return Ok(false);
    }
    let Some(source) = prepared.source(input) else {
        let hash = prepared.keys().inputs()[input];
        return match ahead.of(input) {
            Some(found) => coins.fetch_ahead(hash, key, found, spent),
            None => coins.fetch_hashed(hash, key, spent),
        };
    };
    let Some(output) = prepared.block().parsed().output(source) else {
        return Ok(false);
    };
    let of_coinbase = prepared
        .block()
        .parsed()
        .transaction(0)
        .is_some_and(|coinbase| source < coinbase.outputs().len());
    spent.push(prepared.coin(of_coinbase, &output));
    Ok(true)
}

fn facts(coin: Coin<'_>) -> CoinFacts {
    CoinFacts {
        height: coin.height,
        coinbase: coin.coinbase,
        value: coin.value,
    }
}

fn check_no_overwrite(prepared: &PreparedBlock, coins: &CoinCache) -> Result<(), Refusal> {
    let mut output_number = 0;
    for (txid, tx) in prepared.block().transactions() {
        for index in 0..tx.outputs().len() {
            let hash = prepared.keys().outputs()[output_number];
            output_number += 1;
            if coins.has_hashed(hash, &outpoint_key(txid, index))? {
                let vout = u32::try_from(index).unwrap_or(u32::MAX);
                return Err(overwrites_coin(OutPoint { txid, vout }).into());
            }
        }
    }
    Ok(())
}
