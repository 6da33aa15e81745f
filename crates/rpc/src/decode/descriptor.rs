//! Output descriptors (BIP380): their checksum, the descriptor of a script, and the scripts of `raw()` and `addr()`
//! (BIP385).

use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::{Network, Script, ScriptBuf};

use super::address::script_of_address;
use super::script::{OutputKind, address_of, is_curve_point, is_plain_key};

#[cfg(test)]
mod tests;

/// The script of a `raw()` or `addr()` descriptor, or Core's words for what is wrong with it. The checksum may be left
/// out; if it is there, it must be right.
pub(crate) fn parse(text: &str, network: Network) -> Result<ScriptBuf, String> {
    let payload = without_checksum(text)?;
    let argument = |function: &str| {
        payload
            .strip_prefix(function)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    if let Some(hex) = argument("raw") {
        let bytes = Vec::from_hex(hex).map_err(|_| "Raw script is not hex")?;
        return Ok(bytes.into());
    }
    if let Some(address) = argument("addr") {
        return script_of_address(address, network).map_err(|_| "Address is not valid".into());
    }
    /// The functions that Bitcoin Core knows beside the two above.
    const OTHERS: [&str; 13] = [
        "pk",
        "pkh",
        "wpkh",
        "sh",
        "wsh",
        "tr",
        "rawtr",
        "combo",
        "multi",
        "sortedmulti",
        "multi_a",
        "sortedmulti_a",
        "unused",
    ];
    match OTHERS.into_iter().find(|name| argument(name).is_some()) {
        Some(name) => Err(format!(
            "{name}() descriptors are not offered, only raw() and addr()"
        )),
        None => Err(format!("'{payload}' is not a valid descriptor function")),
    }
}

fn without_checksum(text: &str) -> Result<&str, String> {
    const SIZE: usize = 8;
    let (payload, given) = match text.split_once('#') {
        None => (text, None),
        Some((_, given)) if given.contains('#') => return Err("Multiple '#' symbols".into()),
        Some((payload, given)) => (payload, Some(given)),
    };
    if let Some(given) = given
        && given.len() != SIZE
    {
        return Err(format!(
            "Expected 8 character checksum, not {} characters",
            given.len()
        ));
    }
    let computed = checksum(payload).ok_or("Invalid characters in payload")?;
    match given {
        Some(given) if given != computed => Err(format!(
            "Provided checksum '{given}' does not match computed checksum '{computed}'"
        )),
        _ => Ok(payload),
    }
}

/// The descriptor that says most of what can be known of a script by itself.
pub(crate) fn infer(script: &Script, network: Network) -> String {
    let hex = |bytes: &[u8]| bytes.to_lower_hex_string();
    let payload = match OutputKind::of(script) {
        OutputKind::PubKey(key) if is_plain_key(key) => format!("pk({})", hex(key)),
        OutputKind::MultiSig { required, keys } if keys.iter().all(|key| is_plain_key(key)) => {
            multi(required, &keys)
        }
        OutputKind::Taproot(key) if is_curve_point(key) => format!("rawtr({})", hex(key)),
        _ => match address_of(script, network) {
            Some(address) => format!("addr({address})"),
            None => format!("raw({})", hex(script.as_bytes())),
        },
    };
    with_checksum(&payload)
}

/// The descriptor of the witness program that hides a script behind its hash, if it says more than the address: for
/// multisig. Bitcoin Core reads other scripts as miniscript, too.
pub(super) fn infer_wsh(script: &Script) -> Option<String> {
    match OutputKind::of(script) {
        OutputKind::MultiSig { required, keys } if keys.iter().all(|key| is_plain_key(key)) => {
            Some(with_checksum(&format!("wsh({})", multi(required, &keys))))
        }
        _ => None,
    }
}

fn multi(required: i64, keys: &[&[u8]]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key.to_lower_hex_string()).collect();
    format!("multi({required},{})", keys.join(","))
}

fn with_checksum(payload: &str) -> String {
    let checksum = checksum(payload).expect("hex, addresses and names have known characters only");
    format!("{payload}#{checksum}")
}

/// The eight characters that guard a descriptor (BIP380); `None` if it has a character that no descriptor has.
pub(crate) fn checksum(payload: &str) -> Option<String> {
    const CHARACTERS: &str = "0123456789()[],'/*abcdefgh@:$%{}\
                              IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~\
                              ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
    const SYMBOLS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATORS: [u64; 5] = [
        0xf5dee51989,
        0xa9fdca3312,
        0x1bab10e32d,
        0x3706b1677a,
        0x644d626ffd,
    ];
    let step = |sum: u64, symbol: usize| {
        let top = sum >> 35;
        let shifted = (sum & 0x7_ffff_ffff) << 5 ^ symbol as u64;
        (0..)
            .zip(GENERATORS)
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(shifted, |sum, (_, generator)| sum ^ generator)
    };
    let mut sum = 1;
    // Which of the three groups of 32 a character is in goes into a symbol of its own after every three characters.
    let (mut groups, mut held) = (0, 0);
    for character in payload.chars() {
        let at = CHARACTERS.find(character)?;
        sum = step(sum, at & 31);
        groups = groups * 3 + (at >> 5);
        held += 1;
        if held == 3 {
            sum = step(sum, groups);
            (groups, held) = (0, 0);
        }
    }
    if held > 0 {
        sum = step(sum, groups);
    }
    sum = (0..8).fold(sum, |sum, _| step(sum, 0)) ^ 1;
    let symbols = (0..8).map(|i| SYMBOLS[(sum >> (5 * (7 - i)) & 31) as usize]);
    Some(symbols.map(char::from).collect())
}
