//! The rules that a transaction keeps or breaks on its own.

use tipward_primitives::Height;

use crate::Reject;
use crate::view::TransactionView;

/// All the satoshis that there can ever be, and so the most that an output or a transaction can move.
pub const MAX_MONEY: i64 = 21_000_000 * 100_000_000;

/// Lock times below this are heights, all others are seconds since the Unix epoch.
pub const LOCK_TIME_THRESHOLD: u32 = 500_000_000;

/// The sequence number that renounces lock times.
const SEQUENCE_FINAL: u32 = 0xffff_ffff;

/// Weight units of a byte that is not in a witness.
pub(crate) const WITNESS_SCALE_FACTOR: usize = 4;

/// The most weight units that a block can have (BIP141).
pub const MAX_BLOCK_WEIGHT: usize = 4_000_000;

/// Bytes that a coinbase's input script has at least and at most.
const COINBASE_SCRIPT: std::ops::RangeInclusive<usize> = 2..=100;

/// Up to so many inputs comparing each with each is faster than sorting them.
const FEW_INPUTS: usize = 16;

/// Every rule that a transaction can be held to without looking at any other; in Bitcoin Core's order.
pub fn check_transaction(tx: TransactionView<'_>) -> Result<(), Reject> {
    check_has_inputs(tx)?;
    check_has_outputs(tx)?;
    check_size(tx)?;
    check_values(tx)?;
    check_no_input_twice(tx)?;
    if tx.is_coinbase() {
        check_coinbase_script_length(tx)
    } else {
        check_every_input_spends(tx)
    }
}

fn check_has_inputs(tx: TransactionView<'_>) -> Result<(), Reject> {
    match tx.inputs().len() {
        0 => Err(Reject::consensus("bad-txns-vin-empty", "no input")),
        _ => Ok(()),
    }
}

fn check_has_outputs(tx: TransactionView<'_>) -> Result<(), Reject> {
    match tx.outputs().len() {
        0 => Err(Reject::consensus("bad-txns-vout-empty", "no output")),
        _ => Ok(()),
    }
}

/// Without its witness, which somebody may have changed, it must fit into a block.
fn check_size(tx: TransactionView<'_>) -> Result<(), Reject> {
    let weight = tx.stripped_size() * WITNESS_SCALE_FACTOR;
    if weight <= MAX_BLOCK_WEIGHT {
        return Ok(());
    }
    Err(Reject::consensus(
        "bad-txns-oversize",
        format!("weight {weight} without witness, at most {MAX_BLOCK_WEIGHT} allowed"),
    ))
}

/// No value and no sum of values leaves the range of money (CVE-2010-5139 made billions by overflow).
fn check_values(tx: TransactionView<'_>) -> Result<(), Reject> {
    let mut total = 0_i64;
    for output in tx.outputs() {
        let value = output.value();
        if value < 0 {
            return Err(Reject::consensus(
                "bad-txns-vout-negative",
                format!("value {value}"),
            ));
        }
        if value > MAX_MONEY {
            return Err(Reject::consensus(
                "bad-txns-vout-toolarge",
                format!("value {value}, at most {MAX_MONEY} allowed"),
            ));
        }
        // Both are at most MAX_MONEY, whose double is far from overflow.
        total += value;
        if total > MAX_MONEY {
            return Err(Reject::consensus(
                "bad-txns-txouttotal-toolarge",
                format!("values sum up to {total}, at most {MAX_MONEY} allowed"),
            ));
        }
    }
    Ok(())
}

/// No output is spent twice by the same transaction (CVE-2018-17144 made money that way).
fn check_no_input_twice(tx: TransactionView<'_>) -> Result<(), Reject> {
    if !may_have_an_input_twice(tx) {
        return Ok(());
    }
    let mut outpoints: Vec<&[u8; 36]> = tx.inputs().map(|input| input.outpoint_bytes()).collect();
    outpoints.sort_unstable();
    match outpoints.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(_) => Err(Reject::consensus(
            "bad-txns-inputs-duplicate",
            "an output is spent twice",
        )),
        None => Ok(()),
    }
}

/// Whether two inputs look alike at eight bytes of their outpoints, which is quick to see. It takes a miner to make them
/// look alike without being so, and then it costs the longer look that he could have had anyway.
fn may_have_an_input_twice(tx: TransactionView<'_>) -> bool {
    let inputs = tx.inputs();
    let keys = inputs.clone().map(|input| key(input.outpoint_bytes()));
    match inputs.len() {
        0 | 1 => false,
        few @ ..=FEW_INPUTS => {
            let mut buffer = [0; FEW_INPUTS];
            for (slot, key) in buffer.iter_mut().zip(keys) {
                *slot = key;
            }
            let keys = &buffer[..few];
            (1..few).any(|at| keys[..at].contains(&keys[at]))
        }
        _ => {
            // Sorting cannot be made slow by choosing the outpoints, as a hash table could be.
            let mut keys: Vec<u64> = keys.collect();
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair[0] == pair[1])
        }
    }
}

/// Eight bytes that differ for different outputs of one transaction, and almost always for different transactions.
fn key(outpoint: &[u8; 36]) -> u64 {
    let [a, b, c, d, e, f, g, h, .., i, j, k, l] = *outpoint;
    let txid = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    txid.wrapping_add(u64::from(u32::from_le_bytes([i, j, k, l])) << 32)
}

fn check_coinbase_script_length(tx: TransactionView<'_>) -> Result<(), Reject> {
    let len = tx.inputs().map(|i| i.script_sig().len()).sum();
    if COINBASE_SCRIPT.contains(&len) {
        return Ok(());
    }
    Err(Reject::consensus(
        "bad-cb-length",
        format!(
            "coinbase script of {len} bytes, {} to {} allowed",
            COINBASE_SCRIPT.start(),
            COINBASE_SCRIPT.end()
        ),
    ))
}

/// Only a coinbase's single input may spend nothing.
fn check_every_input_spends(tx: TransactionView<'_>) -> Result<(), Reject> {
    match tx.inputs().position(|input| input.spends_nothing()) {
        Some(index) => Err(Reject::consensus(
            "bad-txns-prevout-null",
            format!("input {index} spends nothing"),
        )),
        None => Ok(()),
    }
}

/// Whether a transaction may be in the block at `height`: its lock time has passed, or every input renounces it.
///
/// `cutoff` is the time, in seconds, that lock times must lie before ([`crate::BlockContext::lock_time_cutoff`]).
pub fn is_final(tx: TransactionView<'_>, height: Height, cutoff: u32) -> bool {
    let lock_time = tx.lock_time();
    let reached = if lock_time < LOCK_TIME_THRESHOLD {
        height
    } else {
        cutoff
    };
    lock_time == 0
        || lock_time < reached
        || tx.inputs().all(|input| input.sequence() == SEQUENCE_FINAL)
}

#[cfg(test)]
mod tests;
