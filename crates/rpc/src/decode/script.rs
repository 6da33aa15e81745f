//! What an output script is: its kind, its address, its members in JSON.

use bitcoin::{Address, Network, Script, XOnlyPublicKey};
use serde_json::{Map, Value};

use super::asm::{self, Op};
use super::descriptor;
use crate::json::hex;

#[cfg(test)]
mod tests;

/// Most keys of a bare multisig script.
const MAX_MULTISIG_KEYS: i64 = 20;

/// The kinds of output scripts that Bitcoin Core tells apart, with what a descriptor of them needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutputKind<'a> {
    NonStandard,
    PubKey(&'a [u8]),
    PubKeyHash,
    ScriptHash,
    MultiSig { required: i64, keys: Vec<&'a [u8]> },
    NullData,
    Anchor,
    WitnessKeyHash,
    WitnessScriptHash,
    Taproot(&'a [u8]),
    WitnessUnknown,
}

impl<'a> OutputKind<'a> {
    pub(crate) fn of(script: &'a Script) -> Self {
        let bytes = script.as_bytes();
        if script.is_p2sh() {
            return Self::ScriptHash;
        }
        if script.is_witness_program() {
            return match (bytes[0], bytes.len() - 2) {
                (0, 20) => Self::WitnessKeyHash,
                (0, 32) => Self::WitnessScriptHash,
                (0, _) => Self::NonStandard,
                (0x51, 32) => Self::Taproot(&bytes[2..]),
                _ if bytes == [0x51, 2, 0x4e, 0x73] => Self::Anchor,
                _ => Self::WitnessUnknown,
            };
        }
        if let [0x6a, data @ ..] = bytes
            && asm::operations(data).all(|op| matches!(op, Op::Push(..) | Op::Code(..=0x60)))
        {
            return Self::NullData;
        }
        if let [size @ (33 | 65), key @ .., 0xac] = bytes
            && key.len() == usize::from(*size)
            && is_key_size(key)
        {
            return Self::PubKey(key);
        }
        if script.is_p2pkh() {
            return Self::PubKeyHash;
        }
        multisig(bytes).unwrap_or(Self::NonStandard)
    }

    /// Core's name of it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NonStandard => "nonstandard",
            Self::PubKey(_) => "pubkey",
            Self::PubKeyHash => "pubkeyhash",
            Self::ScriptHash => "scripthash",
            Self::MultiSig { .. } => "multisig",
            Self::NullData => "nulldata",
            Self::Anchor => "anchor",
            Self::WitnessKeyHash => "witness_v0_keyhash",
            Self::WitnessScriptHash => "witness_v0_scripthash",
            Self::Taproot(_) => "witness_v1_taproot",
            Self::WitnessUnknown => "witness_unknown",
        }
    }
}

/// Whether a key's first byte fits its size; nothing is said of the point.
fn is_key_size(key: &[u8]) -> bool {
    matches!(
        (key.first(), key.len()),
        (Some(2 | 3), 33) | (Some(4 | 6 | 7), 65)
    )
}

fn multisig(script: &[u8]) -> Option<OutputKind<'_>> {
    let (0xae, script) = script.split_last().map(|(last, rest)| (*last, rest))? else {
        return None;
    };
    let mut operations = asm::operations(script);
    let required = small_number(operations.next()?).filter(|n| *n >= 1)?;
    let mut keys = Vec::new();
    let count = loop {
        match operations.next()? {
            Op::Push(_, key) if is_key_size(key) => keys.push(key),
            other => break small_number(other)?,
        }
    };
    let fits = count >= required && keys.len() as i64 == count && operations.next().is_none();
    fits.then_some(OutputKind::MultiSig { required, keys })
}

/// A number up to twenty, written in the shortest way.
fn small_number(op: Op<'_>) -> Option<i64> {
    let number = match op {
        Op::Code(code @ 0x51..=0x60) => i64::from(code - 0x50),
        // Numbers up to 16 have opcodes of their own.
        Op::Push(1, data @ [17..=20]) => asm::number(data),
        _ => return None,
    };
    (number <= MAX_MULTISIG_KEYS).then_some(number)
}

/// The address that stands for a script, if there is one. A bare public key has none.
pub(crate) fn address_of(script: &Script, network: Network) -> Option<Address> {
    Address::from_script(script, network).ok()
}

/// The member `scriptPubKey`.
pub(crate) fn output_json(script: &Script, network: Network) -> Value {
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    let kind = OutputKind::of(script);
    put("asm", asm::asm(script.as_bytes(), false).into());
    put("desc", descriptor::infer(script, network).into());
    put("hex", hex(script.as_bytes()));
    if let Some(address) = address_of(script, network) {
        put("address", address.to_string().into());
    }
    put("type", kind.name().into());
    Value::Object(info)
}

/// A key as descriptors take it: compressed or uncompressed, not the hybrid of both.
pub(super) fn is_plain_key(key: &[u8]) -> bool {
    is_key_size(key) && !matches!(key.first(), Some(6 | 7))
}

/// A key of 32 bytes that is a point of the curve.
pub(super) fn is_curve_point(key: &[u8]) -> bool {
    XOnlyPublicKey::from_slice(key).is_ok()
}
