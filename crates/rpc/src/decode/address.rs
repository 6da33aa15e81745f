//! Addresses: the script that one stands for, or Bitcoin Core's words for what is wrong with it.

use bitcoin::base58;
use bitcoin::hashes::Hash as _;
use bitcoin::{Network, PubkeyHash, ScriptBuf, ScriptHash, WitnessProgram, WitnessVersion};

use super::bech32::{self, Encoding};

#[cfg(test)]
mod tests;

/// This is no address of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressError {
    /// Why not.
    pub(crate) message: String,
    /// The characters that are likely to be wrong, as far as that can be told.
    pub(crate) locations: Vec<usize>,
}

impl AddressError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            locations: Vec::new(),
        }
    }
}

/// What the addresses of a network begin with.
struct Prefixes {
    key_hash: u8,
    script_hash: u8,
    segwit: &'static str,
}

impl Prefixes {
    fn of(network: Network) -> Self {
        let (key_hash, script_hash) = match network {
            Network::Bitcoin => (0, 5),
            _ => (111, 196),
        };
        let segwit = match network {
            Network::Bitcoin => "bc",
            Network::Regtest => "bcrt",
            _ => "tb",
        };
        Self {
            key_hash,
            script_hash,
            segwit,
        }
    }
}

/// The script that an address of this network stands for.
pub(crate) fn script_of_address(text: &str, network: Network) -> Result<ScriptBuf, AddressError> {
    let prefixes = Prefixes::of(network);
    let begins = text.as_bytes().get(..prefixes.segwit.len());
    if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(prefixes.segwit.as_bytes())) {
        segwit(text, prefixes.segwit)
    } else {
        base58(text.trim_ascii(), &prefixes)
    }
}

fn base58(text: &str, prefixes: &Prefixes) -> Result<ScriptBuf, AddressError> {
    /// A prefix and a hash.
    const SIZE: usize = 21;
    /// Bytes beyond which a text is not taken for Base58 at all.
    const MAX_SIZE: usize = 100;
    let wrong = |message| Err(AddressError::new(message));
    if text.len() > 2 * MAX_SIZE {
        return wrong("Invalid or unsupported Segwit (Bech32) or Base58 encoding.");
    }
    let Some(data) = base58::decode_check(text).ok().filter(|d| d.len() <= SIZE) else {
        return match base58::decode(text) {
            Ok(bytes) if bytes.len() <= MAX_SIZE => {
                wrong("Invalid checksum or length of Base58 address (P2PKH or P2SH)")
            }
            _ => wrong("Invalid or unsupported Segwit (Bech32) or Base58 encoding."),
        };
    };
    let Some((prefix, hash)) = data.split_first() else {
        return wrong("Invalid or unsupported Base58-encoded address.");
    };
    if ![prefixes.key_hash, prefixes.script_hash].contains(prefix) {
        return wrong("Invalid or unsupported Base58-encoded address.");
    }
    let Ok(hash) = <[u8; SIZE - 1]>::try_from(hash) else {
        return wrong("Invalid length for Base58 address (P2PKH or P2SH)");
    };
    Ok(if *prefix == prefixes.key_hash {
        ScriptBuf::new_p2pkh(&PubkeyHash::from_byte_array(hash))
    } else {
        ScriptBuf::new_p2sh(&ScriptHash::from_byte_array(hash))
    })
}

fn segwit(text: &str, prefix: &str) -> Result<ScriptBuf, AddressError> {
    let decoded = bech32::decode(text).map_err(|wrong| AddressError {
        message: wrong.message.into(),
        locations: wrong.locations,
    })?;
    let Some((version, program)) = decoded.data.split_first() else {
        return Err(AddressError::new("Empty Bech32 data section"));
    };
    if decoded.prefix != prefix {
        return Err(AddressError::new(format!(
            "Invalid or unsupported prefix for Segwit (Bech32) address (expected {prefix}, got {}).",
            decoded.prefix
        )));
    }
    match (version, decoded.encoding) {
        (0, Encoding::Bech32m) => {
            return Err(AddressError::new(
                "Version 0 witness address must use Bech32 checksum",
            ));
        }
        (1.., Encoding::Bech32) => {
            return Err(AddressError::new(
                "Version 1+ witness address must use Bech32m checksum",
            ));
        }
        _ => {}
    }
    let program = bytes_of(program)
        .ok_or_else(|| AddressError::new("Invalid padding in Bech32 data section"))?;
    let size = format!(
        "{} {}",
        program.len(),
        if program.len() == 1 { "byte" } else { "bytes" }
    );
    if *version == 0 && ![20, 32].contains(&program.len()) {
        return Err(AddressError::new(format!(
            "Invalid Bech32 v0 address program size ({size}), per BIP141"
        )));
    }
    let version = WitnessVersion::try_from(*version)
        .map_err(|_| AddressError::new("Invalid Bech32 address witness version"))?;
    let program = WitnessProgram::new(version, &program)
        .map_err(|_| AddressError::new(format!("Invalid Bech32 address program size ({size})")))?;
    Ok(ScriptBuf::new_witness_program(&program))
}

/// Symbols of five bits as bytes; what is left over must be less than a symbol, and zero.
fn bytes_of(symbols: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(symbols.len() * 5 / 8);
    let (mut held, mut bits) = (0_u32, 0);
    for symbol in symbols {
        held = held << 5 | u32::from(*symbol);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (bits < 5 && held == 0).then_some(bytes)
}
