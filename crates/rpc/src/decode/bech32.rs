//! Bech32 and Bech32m (BIP173, BIP350), and where the likely errors of a mistyped text are.

use std::collections::HashMap;

#[cfg(test)]
mod tests;

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Symbols of the checksum.
const CHECKSUM: usize = 6;
/// Most characters of an address.
const MAX: usize = 90;

/// The two checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Bech32,
    Bech32m,
}

impl Encoding {
    fn constant(self) -> u32 {
        match self {
            Self::Bech32 => 1,
            Self::Bech32m => 0x2bc8_30a3,
        }
    }
}

/// A text whose checksum is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) encoding: Encoding,
    /// What stands before the separator, in lower case.
    pub(super) prefix: String,
    /// Symbols of five bits, without the checksum.
    pub(super) data: Vec<u8>,
}

/// What is wrong with a text, and at which of its characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: &'static str,
    pub(super) locations: Vec<usize>,
}

impl Wrong {
    fn new(message: &'static str, locations: Vec<usize>) -> Self {
        Self { message, locations }
    }
}

/// Takes a text apart, or says as Bitcoin Core does what is wrong with it.
pub(super) fn decode(text: &str) -> Result<Decoded, Wrong> {
    let bytes = text.as_bytes();
    if bytes.len() > MAX {
        return Err(Wrong::new(
            "Bech32 string too long",
            (MAX..bytes.len()).collect(),
        ));
    }
    let strange = strange_characters(bytes);
    if !strange.is_empty() {
        return Err(Wrong::new("Invalid character or mixed case", strange));
    }
    let separator = bytes
        .iter()
        .rposition(|byte| *byte == b'1')
        .ok_or_else(|| Wrong::new("Missing separator", Vec::new()))?;
    if separator == 0 || separator + CHECKSUM >= bytes.len() {
        return Err(Wrong::new("Invalid separator position", vec![separator]));
    }
    let prefix = text[..separator].to_ascii_lowercase();
    let mut symbols = Vec::with_capacity(bytes.len() - separator - 1);
    for (at, byte) in bytes.iter().enumerate().skip(separator + 1) {
        let symbol = CHARSET
            .iter()
            .position(|c| *c == byte.to_ascii_lowercase())
            .ok_or_else(|| Wrong::new("Invalid Base 32 character", vec![at]))?;
        symbols.push(symbol as u8);
    }
    let remainder = remainder(&prefix, &symbols);
    for encoding in [Encoding::Bech32, Encoding::Bech32m] {
        if remainder == encoding.constant() {
            symbols.truncate(symbols.len() - CHECKSUM);
            return Ok(Decoded {
                encoding,
                prefix,
                data: symbols,
            });
        }
    }
    Err(wrong_checksum(remainder, symbols.len(), bytes.len()))
}

/// Characters that cannot be there: not printable, or of another case than those before.
fn strange_characters(bytes: &[u8]) -> Vec<usize> {
    let (mut lower, mut upper) = (false, false);
    let strange = |byte: u8| match byte {
        b'a'..=b'z' if upper => true,
        b'A'..=b'Z' if lower => true,
        b'a'..=b'z' => {
            lower = true;
            false
        }
        b'A'..=b'Z' => {
            upper = true;
            false
        }
        other => !(33..=126).contains(&other),
    };
    let mut strange = strange;
    (0..bytes.len()).filter(|at| strange(bytes[*at])).collect()
}

/// One more symbol of the polynomial, modulo the generator.
fn step(remainder: u32, symbol: u8) -> u32 {
    const GENERATORS: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let top = remainder >> 25;
    let shifted = (remainder & 0x1ff_ffff) << 5 ^ u32::from(symbol);
    (0..)
        .zip(GENERATORS)
        .filter(|(bit, _)| top >> bit & 1 == 1)
        .fold(shifted, |remainder, (_, generator)| remainder ^ generator)
}

fn remainder(prefix: &str, symbols: &[u8]) -> u32 {
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    high.chain([0])
        .chain(low)
        .chain(symbols.iter().copied())
        .fold(1, step)
}

/// Which encoding was most likely meant, by the fewest errors of its data part, two at most, that explain the checksum.
fn wrong_checksum(remainder: u32, symbols: usize, length: usize) -> Wrong {
    let effects = Effects::of(symbols);
    let mut found: Vec<usize> = Vec::new();
    let mut message = "Invalid checksum";
    for (encoding, its_message) in [
        (Encoding::Bech32, "Invalid Bech32 checksum"),
        (Encoding::Bech32m, "Invalid Bech32m checksum"),
    ] {
        let from_end = effects.explain(remainder ^ encoding.constant());
        if found.is_empty() || (!from_end.is_empty() && from_end.len() < found.len()) {
            found = from_end.into_iter().map(|at| length - at - 1).collect();
            if !found.is_empty() {
                message = its_message;
            }
        }
    }
    found.sort_unstable();
    Wrong::new(message, found)
}

/// What each error of one symbol does to the remainder. The code is linear, so that two errors do what both do.
struct Effects(HashMap<u32, usize>);

impl Effects {
    /// For so many symbols, at most [`MAX`], with 31 errors each.
    fn of(symbols: usize) -> Self {
        let mut effects = HashMap::with_capacity(31 * symbols);
        for error in 1..32_u32 {
            let mut effect = error;
            for from_end in 0..symbols {
                effects.insert(effect, from_end);
                effect = step(effect, 0);
            }
        }
        Self(effects)
    }

    /// Positions, counted from the end, of one or two errors that make this difference.
    fn explain(&self, difference: u32) -> Vec<usize> {
        if let Some(at) = self.0.get(&difference) {
            return vec![*at];
        }
        self.0
            .iter()
            .find_map(|(effect, first)| {
                let second = self.0.get(&(difference ^ effect))?;
                (first != second).then(|| vec![*first, *second])
            })
            .unwrap_or_default()
    }
}
