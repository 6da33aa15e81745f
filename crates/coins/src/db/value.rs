//! How a coin stands in the store.
//!
//! ```text
//!   key    txid (32) | varint: index              the outputs of a transaction are neighbours, in order
//!   value  varint: height * 2 + coinbase | varint: compressed amount | kind of script | what differs within the kind
//! ```
//!
//! The varints are those of undo data, which sort as their numbers do.

#[cfg(test)]
mod tests;

use crate::compress::{compress_amount, decompress_amount, put_varint, take_varint};
use crate::form::{Form, Kind};
use crate::layer::Packed;
use crate::{OutPointKey, SpentCoins};

/// Sorts outpoints as their keys in the store.
pub(crate) fn order(key: &OutPointKey) -> ([u8; 32], u32) {
    let (txid, index) = split(key);
    (*txid, index)
}

fn split(key: &OutPointKey) -> (&[u8; 32], u32) {
    let (txid, index) = key.split_first_chunk().expect("36 bytes begin with 32");
    let index = index.try_into().expect("four bytes are left");
    (txid, u32::from_le_bytes(index))
}

pub(crate) fn put_key(to: &mut Vec<u8>, key: &OutPointKey) {
    let (txid, index) = split(key);
    to.extend_from_slice(txid);
    put_varint(to, index.into());
}

pub(crate) fn key_of(stored: &[u8]) -> Option<OutPointKey> {
    let (txid, mut index) = stored.split_first_chunk::<32>()?;
    let number = u32::try_from(take_varint(&mut index)?).ok()?;
    let mut key = [0; 36];
    key[..32].copy_from_slice(txid);
    key[32..].copy_from_slice(&number.to_le_bytes());
    index.is_empty().then_some(key)
}

pub(crate) fn put_value(to: &mut Vec<u8>, coin: &Packed<'_>) {
    put_varint(to, coin.code.into());
    put_varint(to, compress_amount(coin.value));
    to.push(coin.form.kind as u8);
    to.extend_from_slice(coin.form.payload);
}

fn parse(mut stored: &[u8]) -> Option<Packed<'_>> {
    let from = &mut stored;
    let code = u32::try_from(take_varint(from)?).ok()?;
    let value = decompress_amount(take_varint(from)?)?;
    let (&kind, payload) = from.split_first()?;
    let kind = Kind::from_byte(kind)?;
    let form = Form { kind, payload };
    kind.payload_size()
        .is_none_or(|size| size == payload.len())
        .then_some(Packed { code, value, form })
}

/// Appends the coin that was stored; `None` if the bytes are not one.
pub(crate) fn take_value(stored: &[u8], to: &mut SpentCoins) -> Option<()> {
    let coin = parse(stored)?;
    to.push_with(coin.code, coin.value, |scripts| coin.form.expand(scripts));
    Some(())
}
