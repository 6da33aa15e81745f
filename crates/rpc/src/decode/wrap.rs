//! A script on its own, and the outputs that could hide it behind its hash: what `decodescript` shows.

use bitcoin::hashes::Hash as _;
use bitcoin::{Network, Script, ScriptBuf, WPubkeyHash};
use serde_json::{Map, Value};
use tipward_consensus::is_unspendable;

use super::asm::{self, Op};
use super::hex_tx::has_valid_ops;
use super::script::{OutputKind, address_of, output_json};
use super::{asm::asm, descriptor};

/// A script with its addresses as P2SH and as a witness program, where it can have them.
pub(crate) fn script_json(script: &Script, network: Network) -> Map<String, Value> {
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    let kind = OutputKind::of(script);
    put("asm", asm(script.as_bytes(), false).into());
    put("desc", descriptor::infer(script, network).into());
    if let Some(address) = address_of(script, network) {
        put("address", address.to_string().into());
    }
    put("type", kind.name().into());
    if !can_be_hashed(script, &kind) {
        return info;
    }
    put("p2sh", p2sh_address(script, network));
    if let Some(program) = witness_program(script, &kind) {
        let mut wrapped = output_json(&program, network);
        if let Value::Object(members) = &mut wrapped {
            if let Some(desc) = members.get_mut("desc")
                && program.is_p2wsh()
                && let Some(inferred) = descriptor::infer_wsh(script)
            {
                *desc = inferred.into();
            }
            members.insert("p2sh-segwit".into(), p2sh_address(&program, network));
        }
        put("segwit", wrapped);
    }
    info
}

fn p2sh_address(script: &Script, network: Network) -> Value {
    let hidden = ScriptBuf::new_p2sh(&script.script_hash());
    let address = address_of(&hidden, network).map(|address| address.to_string());
    address.unwrap_or_default().into()
}

/// Whether a hash of the script makes sense as an output: it could be spent, and means the same inside.
fn can_be_hashed(script: &Script, kind: &OutputKind<'_>) -> bool {
    const OP_CHECKSIGADD: u8 = 0xba;
    let by_kind = match kind {
        OutputKind::MultiSig { .. }
        | OutputKind::NonStandard
        | OutputKind::PubKey(_)
        | OutputKind::PubKeyHash
        | OutputKind::WitnessKeyHash
        | OutputKind::WitnessScriptHash => true,
        OutputKind::NullData
        | OutputKind::ScriptHash
        | OutputKind::WitnessUnknown
        | OutputKind::Taproot(_)
        | OutputKind::Anchor => false,
    };
    by_kind
        && has_valid_ops(script)
        && !is_unspendable(script.as_bytes())
        && !asm::operations(script.as_bytes())
            .any(|op| matches!(op, Op::Code(code) if code == OP_CHECKSIGADD || is_success(code)))
}

/// Opcodes that make a tapscript succeed whatever else it says (BIP342).
fn is_success(code: u8) -> bool {
    matches!(
        code,
        80 | 98 | 126..=129 | 131..=134 | 137..=138 | 141..=142 | 149..=153 | 187..=254
    )
}

/// The witness program (version 0) that hides the script, if one can.
fn witness_program(script: &Script, kind: &OutputKind<'_>) -> Option<ScriptBuf> {
    const COMPRESSED: usize = 33;
    match kind {
        OutputKind::PubKey(key) => {
            (key.len() == COMPRESSED).then(|| ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(key)))
        }
        OutputKind::PubKeyHash => {
            let hash: [u8; 20] = script.as_bytes().get(3..23)?.try_into().ok()?;
            Some(ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array(hash)))
        }
        OutputKind::MultiSig { keys, .. } if keys.iter().any(|key| key.len() != COMPRESSED) => None,
        OutputKind::MultiSig { .. } | OutputKind::NonStandard => {
            Some(ScriptBuf::new_p2wsh(&script.wscript_hash()))
        }
        _ => None,
    }
}
