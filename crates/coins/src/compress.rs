//! Numbers, amounts and scripts as Bitcoin Core compresses them in undo data.

#[cfg(test)]
mod tests;

use tipward_primitives::bitcoin::secp256k1::PublicKey;

use crate::MAX_SCRIPT_SIZE;
use crate::form::{Form, Kind};

/// Appends a number: seven bits a byte, most significant first, the high bit set in all but the last byte, and one
/// subtracted at each carry, so that every number has exactly one form.
pub(crate) fn put_varint(to: &mut Vec<u8>, mut number: u64) {
    let mut bytes = [0; 10];
    let mut at = bytes.len() - 1;
    bytes[at] = (number & 0x7f) as u8;
    while number > 0x7f {
        number = (number >> 7) - 1;
        at -= 1;
        bytes[at] = (number & 0x7f) as u8 | 0x80;
    }
    to.extend_from_slice(&bytes[at..]);
}

/// Takes a number off the front; `None` if the bytes end in it or it is past 64 bits.
pub(crate) fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    loop {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        if number > u64::MAX >> 7 {
            return None;
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
        number = number.checked_add(1)?;
    }
}

/// An amount without its trailing decimal zeros, of which most amounts have many: a smaller number for round amounts.
/// `satoshis` is at most 21 million bitcoins.
pub(crate) fn compress_amount(satoshis: u64) -> u64 {
    if satoshis == 0 {
        return 0;
    }
    let mut n = satoshis;
    let mut zeros = 0;
    while n.is_multiple_of(10) && zeros < 9 {
        n /= 10;
        zeros += 1;
    }
    // Amounts that no block can hold may wrap around, as they do in Bitcoin Core.
    if zeros < 9 {
        let digit = n % 10;
        n /= 10;
        (n.wrapping_mul(9).wrapping_add(digit - 1))
            .wrapping_mul(10)
            .wrapping_add(zeros + 1)
    } else {
        (n - 1).wrapping_mul(10).wrapping_add(zeros + 1)
    }
}

/// The amount that was compressed to `x`; `None` if none is.
pub(crate) fn decompress_amount(x: u64) -> Option<u64> {
    let Some(x) = x.checked_sub(1) else {
        return Some(0);
    };
    let zeros = (x % 10) as u32;
    let x = x / 10;
    let n = if zeros < 9 {
        let digit = x % 9 + 1;
        (x / 9).checked_mul(10)?.checked_add(digit)?
    } else {
        x.checked_add(1)?
    };
    n.checked_mul(10u64.pow(zeros))
}

/// Forms of scripts before which no size stands.
const SPECIAL: u64 = 6;
const P2PKH: u8 = 0;
const P2SH: u8 = 1;
/// The first byte of a compressed public key is its form.
const P2PK_EVEN: u8 = 2;
const P2PK_ODD: u8 = 3;
/// An uncompressed public key is kept as its x and the parity of its y.
const P2PK_UNCOMPRESSED: u8 = 4;

/// Appends a script.
pub(crate) fn put_script(to: &mut Vec<u8>, script: &[u8]) {
    let form = Form::of(script);
    let special = match form.kind {
        Kind::P2pkh => Some(P2PKH),
        Kind::P2sh => Some(P2SH),
        Kind::P2pkEven => Some(P2PK_EVEN),
        Kind::P2pkOdd => Some(P2PK_ODD),
        Kind::Raw => {
            if let Some(key) = uncompressed_key(script) {
                to.push(P2PK_UNCOMPRESSED | key[64] & 1);
                to.extend_from_slice(&key[1..33]);
                return;
            }
            None
        }
        Kind::P2wpkh | Kind::P2wsh | Kind::P2tr => None,
    };
    if let Some(special) = special {
        to.push(special);
        to.extend_from_slice(form.payload);
    } else {
        put_varint(to, script.len() as u64 + SPECIAL);
        to.extend_from_slice(script);
    }
}

/// The key of a script that pays to an uncompressed public key, if it is on the curve: else its y would be lost.
fn uncompressed_key(script: &[u8]) -> Option<&[u8; 65]> {
    let key = script.strip_prefix(&[65])?.strip_suffix(&[0xac])?;
    let key: &[u8; 65] = key.try_into().ok()?;
    (key[0] == 4 && PublicKey::from_slice(key).is_ok()).then_some(key)
}

/// Takes a script off the front and appends it to `to`; `None` if it is not one that [`put_script`] writes, but for
/// special scripts that were not compressed.
pub(crate) fn take_script(from: &mut &[u8], to: &mut Vec<u8>) -> Option<()> {
    let form = take_varint(from)?;
    let kind = match u8::try_from(form) {
        Ok(P2PKH) => Kind::P2pkh,
        Ok(P2SH) => Kind::P2sh,
        Ok(P2PK_EVEN) => Kind::P2pkEven,
        Ok(P2PK_ODD) => Kind::P2pkOdd,
        Ok(special @ 4..=5) => {
            let mut compressed = [0; 33];
            compressed[0] = special - 2;
            compressed[1..].copy_from_slice(take(from, 32)?);
            let key = PublicKey::from_slice(&compressed).ok()?;
            to.push(65);
            to.extend_from_slice(&key.serialize_uncompressed());
            to.push(0xac);
            return Some(());
        }
        _ => {
            let size = usize::try_from(form - SPECIAL).ok()?;
            if size > MAX_SCRIPT_SIZE {
                return None;
            }
            to.extend_from_slice(take(from, size)?);
            return Some(());
        }
    };
    let payload = take(from, kind.payload_size()?)?;
    Form { kind, payload }.expand(to);
    Some(())
}

fn take<'a>(from: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(size)?;
    *from = rest;
    Some(taken)
}
