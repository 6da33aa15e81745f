//! Transactions in JSON.

use bitcoin::hashes::Hash as _;
use bitcoin::{Network, Transaction, TxIn, Wtxid};
use serde_json::{Map, Value, json};

use super::hex_tx::encode_transaction;
use super::{asm, output_json};
use crate::CoinValue;
use crate::error::{RpcError, code};
use crate::json::{amount, hex};

/// How much is told of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Itself, and its fee if the coins that it spends are known.
    Plain,
    /// Those coins, too.
    Spent,
}

/// Puts all that is known of a transaction into `info`. `spent` are the coins of its inputs, if they are known.
pub(crate) fn transaction_json(
    info: &mut Map<String, Value>,
    tx: &Transaction,
    network: Network,
    spent: Option<&[CoinValue]>,
    detail: Detail,
) -> Result<(), RpcError> {
    let unfit = || {
        RpcError::new(
            code::INTERNAL_ERROR,
            "The undo data is not that of the block",
        )
    };
    if spent.is_some_and(|spent| spent.len() != tx.input.len()) {
        return Err(unfit());
    }
    let bytes = encode_transaction(tx);
    // rust-bitcoin gives a transaction without inputs the marker of the extended format, Core does not.
    let (weight, wtxid) = if tx.input.is_empty() {
        let id = tx.compute_txid();
        (
            4 * bytes.len() as u64,
            Wtxid::from_byte_array(id.to_byte_array()),
        )
    } else {
        (tx.weight().to_wu(), tx.compute_wtxid())
    };
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("txid", tx.compute_txid().to_string().into());
    put("hash", wtxid.to_string().into());
    // As in Core, whose transaction versions have no sign.
    put("version", tx.version.0.cast_unsigned().into());
    put("size", bytes.len().into());
    put("vsize", weight.div_ceil(4).into());
    put("weight", weight.into());
    put("locktime", tx.lock_time.to_consensus_u32().into());
    let coinbase = tx.is_coinbase();
    let inputs = tx.input.iter().enumerate().map(|(i, input)| {
        let spent = spent
            .and_then(|spent| spent.get(i))
            .filter(|_| detail == Detail::Spent);
        input_json(input, coinbase, spent, network)
    });
    put("vin", inputs.collect());
    let outputs = tx.output.iter().enumerate().map(|(n, output)| {
        json!({
            "value": amount(output.value.to_sat()),
            "n": n,
            "scriptPubKey": output_json(&output.script_pubkey, network),
        })
    });
    put("vout", outputs.collect());
    if let Some(spent) = spent {
        let total_in = spent
            .iter()
            .try_fold(0_u64, |sum, coin| sum.checked_add(coin.value));
        let total_out = tx
            .output
            .iter()
            .try_fold(0_u64, |sum, output| sum.checked_add(output.value.to_sat()));
        let fee = total_in.zip(total_out).and_then(|(a, b)| a.checked_sub(b));
        put("fee", amount(fee.ok_or_else(unfit)?));
    }
    put("hex", hex(&bytes));
    Ok(())
}

fn input_json(input: &TxIn, coinbase: bool, spent: Option<&CoinValue>, network: Network) -> Value {
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    let script = input.script_sig.as_bytes();
    if coinbase {
        put("coinbase", hex(script));
    } else {
        put("txid", input.previous_output.txid.to_string().into());
        put("vout", input.previous_output.vout.into());
        put(
            "scriptSig",
            json!({ "asm": asm::asm(script, true), "hex": hex(script) }),
        );
    }
    if !input.witness.is_empty() {
        put("txinwitness", input.witness.iter().map(hex).collect());
    }
    if let Some(coin) = spent {
        put(
            "prevout",
            json!({
                "generated": coin.coinbase,
                "height": coin.height,
                "value": amount(coin.value),
                "scriptPubKey": output_json(&coin.script, network),
            }),
        );
    }
    put("sequence", input.sequence.0.into());
    Value::Object(info)
}
