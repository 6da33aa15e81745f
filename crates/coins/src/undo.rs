//! What a block spent, byte for byte as Bitcoin Core writes it to its `rev?????.dat` files: for each transaction but the
//! coinbase the coins that its inputs spent.
//!
//! ```text
//!   compact size: transactions
//!     compact size: inputs
//!       varint: height * 2 + coinbase
//!       0, if the height is not 0 (once the version of the transaction that made the coin)
//!       varint: compressed amount
//!       compressed script
//! ```

#[cfg(test)]
mod tests;

use crate::compress::{
    compress_amount, decompress_amount, put_script, put_varint, take_script, take_varint,
};
use crate::{Coin, SpentCoins};

/// Bytes that are not undo data, with what they broke off at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not undo data: {0}")]
pub struct UndoError(&'static str);

/// The fewest bytes of a coin: of height 0, and each number in one byte.
const MIN_COIN_SIZE: usize = 3;

/// Undo data of a block. `inputs_per_tx` gives the inputs of each transaction but the coinbase, `spent` the coins that
/// they spent, in their order.
///
/// # Panics
///
/// If there are fewer coins than inputs.
pub fn encode(inputs_per_tx: impl ExactSizeIterator<Item = usize>, spent: &SpentCoins) -> Vec<u8> {
    // Most coins take 28 bytes: a guess that is seldom wrong by much.
    let mut bytes = Vec::with_capacity(9 + 32 * spent.len());
    put_compact_size(&mut bytes, inputs_per_tx.len());
    let mut coins = spent.iter();
    for inputs in inputs_per_tx {
        put_compact_size(&mut bytes, inputs);
        for _ in 0..inputs {
            let coin = coins
                .next()
                .expect("the caller gives a coin for each input");
            put_coin(&mut bytes, coin);
        }
    }
    bytes
}

fn put_coin(to: &mut Vec<u8>, coin: Coin<'_>) {
    put_varint(to, coin.code().into());
    if coin.height > 0 {
        to.push(0);
    }
    put_varint(to, compress_amount(coin.value));
    put_script(to, coin.script);
}

/// Reads undo data: the inputs of each transaction but the coinbase, and the coins that they spent.
///
/// # Errors
///
/// If the bytes are not undo data, end too early or go on after it. What is allocated is bounded by the bytes that are
/// there, not by what they claim.
pub fn decode(mut bytes: &[u8]) -> Result<(Vec<usize>, SpentCoins), UndoError> {
    let from = &mut bytes;
    let transactions = take_compact_size(from)?;
    // Each transaction has one byte at least.
    let mut inputs_per_tx = Vec::with_capacity(transactions.min(from.len()));
    let mut spent = SpentCoins::new();
    for _ in 0..transactions {
        let inputs = take_compact_size(from)?;
        if inputs > from.len() / MIN_COIN_SIZE {
            return Err(UndoError("it has fewer coins than it says"));
        }
        for _ in 0..inputs {
            take_coin(from, &mut spent)?;
        }
        inputs_per_tx.push(inputs);
    }
    if !from.is_empty() {
        return Err(UndoError("it goes on after its end"));
    }
    Ok((inputs_per_tx, spent))
}

fn take_coin(from: &mut &[u8], to: &mut SpentCoins) -> Result<(), UndoError> {
    let code = take_varint(from)
        .and_then(|code| u32::try_from(code).ok())
        .ok_or(UndoError("the height of a coin"))?;
    if code > 1 {
        // Bitcoin Core has long written 0, and takes any number.
        take_varint(from).ok_or(UndoError("the version of a coin"))?;
    }
    let value = take_varint(from)
        .and_then(decompress_amount)
        .ok_or(UndoError("the value of a coin"))?;
    let mut whole = None;
    to.push_with(code, value, |scripts| whole = take_script(from, scripts));
    whole.ok_or(UndoError("the script of a coin"))
}

fn put_compact_size(to: &mut Vec<u8>, size: usize) {
    let size = size as u64;
    if let Ok(byte @ 0..=0xfc) = u8::try_from(size) {
        to.push(byte);
    } else if let Ok(number) = u16::try_from(size) {
        to.push(0xfd);
        to.extend(number.to_le_bytes());
    } else if let Ok(number) = u32::try_from(size) {
        to.push(0xfe);
        to.extend(number.to_le_bytes());
    } else {
        to.push(0xff);
        to.extend(size.to_le_bytes());
    }
}

/// Takes a compact size that is no longer than it must be.
fn take_compact_size(from: &mut &[u8]) -> Result<usize, UndoError> {
    const BAD: UndoError = UndoError("a count");
    fn number<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], UndoError> {
        let (bytes, rest) = from.split_first_chunk().ok_or(BAD)?;
        *from = rest;
        Ok(*bytes)
    }
    let [first] = number(from)?;
    let (size, least) = match first {
        0xfd => (u16::from_le_bytes(number(from)?).into(), 0xfd),
        0xfe => (u32::from_le_bytes(number(from)?).into(), 1 << 16),
        0xff => (u64::from_le_bytes(number(from)?), 1 << 32),
        byte => (u64::from(byte), 0),
    };
    if size < least {
        return Err(UndoError("a count that is longer than it must be"));
    }
    usize::try_from(size).map_err(|_| BAD)
}
