//! How a coin stands in the store.
//!
//! ```text
//!   key    txid (32) | index (1, 3 or 5)          the outputs of a transaction are neighbours, in order
//!   value  varint: height * 2 + coinbase | varint: compressed amount | kind of script | what differs within the kind
//! ```
//!
//! The varints are those of undo data. They do not sort as their numbers do, which is why indexes are written otherwise:
//! one byte up to 247, else a byte that says how many follow, most significant first.

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

/// The greatest index that takes one byte.
const SHORT: u8 = 247;
/// Two bytes follow.
const TWO: u8 = 248;
/// Four bytes follow.
const FOUR: u8 = 249;

/// The most bytes that a key in the store has.
const MAX_KEY_SIZE: usize = 37;

/// A key as it stands in the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredKey {
    bytes: [u8; MAX_KEY_SIZE],
    size: usize,
}

impl StoredKey {
    #[inline]
    pub(super) fn of(key: &OutPointKey) -> Self {
        let (txid, index) = split(key);
        let mut bytes = [0; MAX_KEY_SIZE];
        bytes[..32].copy_from_slice(txid);
        let size = if let Ok(short @ 0..=SHORT) = u8::try_from(index) {
            bytes[32] = short;
            33
        } else if let Ok(two) = u16::try_from(index) {
            bytes[32] = TWO;
            bytes[33..35].copy_from_slice(&two.to_be_bytes());
            35
        } else {
            bytes[32] = FOUR;
            bytes[33..].copy_from_slice(&index.to_be_bytes());
            37
        };
        Self { bytes, size }
    }
}

impl std::ops::Deref for StoredKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

/// Bytes of a key in the store, by the first of its index.
pub(super) fn key_size(index: u8) -> Option<usize> {
    match index {
        0..=SHORT => Some(33),
        TWO => Some(35),
        FOUR => Some(37),
        _ => None,
    }
}

/// The index of a key's output.
#[inline]
pub(super) fn output_of(stored: &[u8]) -> u32 {
    match stored[32..] {
        [short] => short.into(),
        [_, a, b] => u16::from_be_bytes([a, b]).into(),
        [_, a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}

pub(crate) fn key_of(stored: &[u8]) -> Option<OutPointKey> {
    let (txid, index) = stored.split_first_chunk::<32>()?;
    let index = match *index {
        [short @ 0..=SHORT] => short.into(),
        [TWO, a, b] => u16::from_be_bytes([a, b]).into(),
        [FOUR, a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
        _ => return None,
    };
    let mut key = [0; 36];
    key[..32].copy_from_slice(txid);
    key[32..].copy_from_slice(&index.to_le_bytes());
    Some(key)
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
