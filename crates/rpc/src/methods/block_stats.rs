//! The figures of `getblockstats`, from a block and the coins that it spends.

use bitcoin::consensus::encode::VarInt;
use bitcoin::{ScriptBuf, Transaction};
use serde_json::{Map, Value};
use tipward_consensus::is_unspendable;
use tipward_primitives::{BlockHash, Height};

use crate::CoinValue;
use crate::error::{RpcError, code};

#[cfg(test)]
mod tests;

/// All that the figures follow from.
pub(super) struct Block<'a> {
    pub(super) block: &'a bitcoin::Block,
    /// For each transaction but the coinbase the coins that it spends; empty for the genesis block.
    pub(super) undo: &'a [Vec<CoinValue>],
    pub(super) hash: BlockHash,
    pub(super) height: Height,
    pub(super) median_time: u32,
    /// In satoshis.
    pub(super) subsidy: u64,
    /// None of its coinbase's outputs becomes a coin.
    pub(super) makes_no_coins: bool,
}

/// Bytes that a coin takes in the set beside its output: outpoint, height and coinbase mark.
const COIN_OVERHEAD: i64 = 36 + 4;

/// A virtual byte is four weight units.
const WITNESS_SCALE: i64 = 4;

/// Percent of the weight at which fee rates are shown.
const PERCENTILES: [i64; 5] = [10, 25, 50, 75, 90];

/// What one transaction, not the coinbase, adds.
struct Facts {
    size: i64,
    weight: i64,
    fee: i64,
    has_witness: bool,
}

impl Facts {
    fn of(tx: &Transaction, spent: &[CoinValue]) -> Result<Self, RpcError> {
        let total_in = spent
            .iter()
            .try_fold(0_u64, |sum, coin| sum.checked_add(coin.value));
        let total_out = value_out(tx);
        let fee = total_in
            .zip(total_out)
            .and_then(|(total_in, total_out)| total_in.checked_sub(total_out))
            .and_then(|fee| i64::try_from(fee).ok())
            .filter(|_| spent.len() == tx.input.len());
        Ok(Self {
            size: tx.total_size() as i64,
            weight: tx.weight().to_wu() as i64,
            fee: fee.ok_or_else(|| {
                RpcError::new(
                    code::INTERNAL_ERROR,
                    "The undo data is not that of the block",
                )
            })?,
            has_witness: tx.input.iter().any(|input| !input.witness.is_empty()),
        })
    }

    /// Satoshis a virtual byte, rounded down.
    fn fee_rate(&self) -> i64 {
        self.fee * WITNESS_SCALE / self.weight.max(1)
    }
}

fn value_out(tx: &Transaction) -> Option<u64> {
    tx.output
        .iter()
        .try_fold(0_u64, |sum, output| sum.checked_add(output.value.to_sat()))
}

fn coin_size(script: &ScriptBuf) -> i64 {
    let script = VarInt::from(script.len()).size() + script.len();
    8 + script as i64 + COIN_OVERHEAD
}

/// Every figure, in Core's order.
pub(super) fn compute(of: &Block<'_>) -> Result<Map<String, Value>, RpcError> {
    let transactions = &of.block.txdata;
    let spenders = transactions.iter().skip(1);
    let facts = spenders
        .clone()
        .zip(of.undo)
        .map(|(tx, spent)| Facts::of(tx, spent))
        .collect::<Result<Vec<_>, _>>()?;
    let inputs: i64 = spenders.clone().map(|tx| tx.input.len() as i64).sum();
    let (mut outputs, mut coins) = (0, 0);
    let (mut size_made, mut coin_size_made) = (0, 0);
    for (i, tx) in transactions.iter().enumerate() {
        for output in &tx.output {
            let size = coin_size(&output.script_pubkey);
            outputs += 1;
            size_made += size;
            let no_coin = of.makes_no_coins && i == 0;
            if !no_coin && !is_unspendable(output.script_pubkey.as_bytes()) {
                coins += 1;
                coin_size_made += size;
            }
        }
    }
    let size_spent: i64 = of.undo.iter().flatten().map(|c| coin_size(&c.script)).sum();

    let sum = |figure: fn(&Facts) -> i64| facts.iter().map(figure).sum::<i64>();
    let most = |figure: fn(&Facts) -> i64| facts.iter().map(figure).max().unwrap_or(0);
    let least = |figure: fn(&Facts) -> i64| facts.iter().map(figure).min().unwrap_or(0);
    let witness_sum = |figure: fn(&Facts) -> i64| {
        let with_witness = facts.iter().filter(|facts| facts.has_witness);
        with_witness.map(figure).sum::<i64>()
    };
    let count = facts.len() as i64;
    let average = |total: i64| total.checked_div(count).unwrap_or(0);
    let (total_fee, total_weight) = (sum(|f| f.fee), sum(|f| f.weight));
    let total_out: u64 = spenders.filter_map(value_out).sum();

    let mut all = Map::new();
    let mut put = |name: &str, value: Value| all.insert(name.into(), value);
    put("avgfee", average(total_fee).into());
    put(
        "avgfeerate",
        (total_fee * WITNESS_SCALE)
            .checked_div(total_weight)
            .unwrap_or(0)
            .into(),
    );
    put("avgtxsize", average(sum(|f| f.size)).into());
    put("blockhash", of.hash.to_string().into());
    put(
        "feerate_percentiles",
        percentiles(&facts, total_weight).to_vec().into(),
    );
    put("height", of.height.into());
    put("ins", inputs.into());
    put("maxfee", most(|f| f.fee).into());
    put("maxfeerate", most(Facts::fee_rate).into());
    put("maxtxsize", most(|f| f.size).into());
    put("medianfee", median(&facts, |f| f.fee).into());
    put("mediantime", of.median_time.into());
    put("mediantxsize", median(&facts, |f| f.size).into());
    put("minfee", least(|f| f.fee).into());
    put("minfeerate", least(Facts::fee_rate).into());
    put("mintxsize", least(|f| f.size).into());
    put("outs", outputs.into());
    put("subsidy", of.subsidy.into());
    put("swtotal_size", witness_sum(|f| f.size).into());
    put("swtotal_weight", witness_sum(|f| f.weight).into());
    put("swtxs", witness_sum(|_| 1).into());
    put("time", of.block.header.time.into());
    put("total_out", total_out.into());
    put("total_size", sum(|f| f.size).into());
    put("total_weight", total_weight.into());
    put("totalfee", total_fee.into());
    put("txs", transactions.len().into());
    put("utxo_increase", (outputs - inputs).into());
    put("utxo_size_inc", (size_made - size_spent).into());
    put("utxo_increase_actual", (coins - inputs).into());
    put("utxo_size_inc_actual", (coin_size_made - size_spent).into());
    Ok(all)
}

/// The middle one, or the mean of the middle two, rounded down.
fn median(facts: &[Facts], figure: fn(&Facts) -> i64) -> i64 {
    let mut figures: Vec<i64> = facts.iter().map(figure).collect();
    figures.sort_unstable();
    let middle = figures.len() / 2;
    match figures.get(middle) {
        None => 0,
        Some(upper) if figures.len() % 2 == 1 => *upper,
        Some(upper) => (figures[middle - 1] + upper) / 2,
    }
}

/// Fee rates at certain shares of the weight, the transactions ordered by fee rate.
fn percentiles(facts: &[Facts], total_weight: i64) -> [i64; PERCENTILES.len()] {
    let mut rates: Vec<(i64, i64)> = facts.iter().map(|f| (f.fee_rate(), f.weight)).collect();
    rates.sort_unstable();
    PERCENTILES.map(|percent| {
        let mut weight = 0;
        let reached = rates.iter().find(|(_, own)| {
            weight += own;
            weight * 100 >= total_weight * percent
        });
        reached.or(rates.last()).map_or(0, |(rate, _)| *rate)
    })
}
