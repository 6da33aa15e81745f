//! What a transaction spends: there, mature, and not less than what it pays.

use tipward_primitives::Height;
use tipward_primitives::bitcoin::{OutPoint, Txid};

use crate::Reject;
use crate::transaction::MAX_MONEY;
use crate::view::TransactionView;

/// Blocks, the spending one included, by which a coinbase's outputs can be spent first.
pub const COINBASE_MATURITY: Height = 100;

/// What the rules need to know of a coin, beside its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoinFacts {
    /// Height of the block that made it.
    pub height: Height,
    /// A coinbase made it.
    pub coinbase: bool,
    /// Its value, in satoshis.
    pub value: u64,
}

/// `bad-txns-inputs-missingorspent`: the transaction `txid` spends what does not exist, or no more.
pub fn missing_input(txid: Txid, outpoint: OutPoint) -> Reject {
    Reject::consensus(
        "bad-txns-inputs-missingorspent",
        format!("transaction {txid} spends {outpoint}, which does not exist or is spent already"),
    )
}

/// Whether `tx`, in a block at `height`, may spend `coins` (one for each input, in order); the fee that it pays, in
/// satoshis.
///
/// `tx` is no coinbase and keeps [`check_transaction`](crate::check_transaction)'s rules.
///
/// | reject reason | rule |
/// |---|---|
/// | `bad-txns-premature-spend-of-coinbase` | a coinbase's output is spent [`COINBASE_MATURITY`] blocks later or after that |
/// | `bad-txns-inputvalues-outofrange` | no value spent and no sum of them is more than all money |
/// | `bad-txns-in-belowout` | what is paid is not more than what is spent |
///
/// Bitcoin Core's `bad-txns-fee-outofrange` cannot come up: a fee is no more than what is spent.
pub fn check_transaction_inputs(
    tx: TransactionView<'_>,
    coins: impl IntoIterator<Item = CoinFacts>,
    height: Height,
) -> Result<u64, Reject> {
    const MOST: u64 = MAX_MONEY.unsigned_abs();
    let mut spent = 0_u64;
    for (coin, input) in coins.into_iter().zip(tx.inputs()) {
        check_mature(tx, coin, input.outpoint(), height)?;
        spent = spent.saturating_add(coin.value);
        if coin.value > MOST || spent > MOST {
            return Err(refused(
                tx,
                "bad-txns-inputvalues-outofrange",
                format!(
                    "an input of {} makes {spent} together, at most {MOST} allowed",
                    coin.value
                ),
            ));
        }
    }
    let paid = value_out(tx);
    spent.checked_sub(paid).ok_or_else(|| {
        refused(
            tx,
            "bad-txns-in-belowout",
            format!("value in {spent}, value out {paid}"),
        )
    })
}

fn check_mature(
    tx: TransactionView<'_>,
    coin: CoinFacts,
    outpoint: OutPoint,
    height: Height,
) -> Result<(), Reject> {
    let depth = height.saturating_sub(coin.height);
    if !coin.coinbase || depth >= COINBASE_MATURITY {
        return Ok(());
    }
    Err(refused(
        tx,
        "bad-txns-premature-spend-of-coinbase",
        format!(
            "{outpoint} of a coinbase is spent at depth {depth}, at least {COINBASE_MATURITY} required"
        ),
    ))
}

/// What a transaction pays, in satoshis. Its values are in range: [`crate::check_transaction`] saw to that.
pub(super) fn value_out(tx: TransactionView<'_>) -> u64 {
    tx.outputs()
        .map(|output| output.value().max(0).unsigned_abs())
        .fold(0, u64::saturating_add)
}

pub(super) fn refused(tx: TransactionView<'_>, reason: &'static str, detail: String) -> Reject {
    Reject::consensus(reason, format!("transaction {}: {detail}", tx.txid()))
}

#[cfg(test)]
mod tests;
