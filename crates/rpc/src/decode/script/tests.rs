use bitcoin::ScriptBuf;
use bitcoin::hex::FromHex as _;

use super::super::address::script_of_address;
use super::*;

/// A point of the curve.
const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

fn kind(hex: &str) -> &'static str {
    let script = ScriptBuf::from_bytes(Vec::from_hex(hex).unwrap());
    OutputKind::of(&script).name()
}

#[test]
fn every_kind_of_output_is_told() {
    let (hash20, hash32) = ("ab".repeat(20), "cd".repeat(32));
    let key = format!("2102{KEY}");
    let uncompressed = format!("4104{KEY}{KEY}");
    for (script, name) in [
        ("", "nonstandard"),
        ("51", "nonstandard"),
        (format!("{key}ac").as_str(), "pubkey"),
        (format!("{uncompressed}ac").as_str(), "pubkey"),
        // The first byte does not fit the size.
        (format!("2104{KEY}ac").as_str(), "nonstandard"),
        (format!("76a914{hash20}88ac").as_str(), "pubkeyhash"),
        (format!("a914{hash20}87").as_str(), "scripthash"),
        (format!("0014{hash20}").as_str(), "witness_v0_keyhash"),
        (format!("0020{hash32}").as_str(), "witness_v0_scripthash"),
        ("0002abcd", "nonstandard"),
        (format!("5120{hash32}").as_str(), "witness_v1_taproot"),
        ("51024e73", "anchor"),
        ("51024e74", "witness_unknown"),
        (format!("6020{hash32}").as_str(), "witness_unknown"),
        ("6a", "nulldata"),
        ("6a0401020304", "nulldata"),
        ("6a50", "nulldata"),
        ("6a04010203", "nonstandard"),
        ("6aac", "nonstandard"),
        (format!("51{key}51ae").as_str(), "multisig"),
        (format!("52{key}{uncompressed}52ae").as_str(), "multisig"),
        (format!("52{key}51ae").as_str(), "nonstandard"),
        (format!("51{key}52ae").as_str(), "nonstandard"),
        (format!("00{key}51ae").as_str(), "nonstandard"),
        (format!("51{key}51").as_str(), "nonstandard"),
        (format!("51{}0111ae", key.repeat(17)).as_str(), "multisig"),
        // A number that has an opcode of its own, pushed as data.
        (format!("51{key}0101ae").as_str(), "nonstandard"),
        ("ae", "nonstandard"),
        ("5151ae", "nonstandard"),
    ] {
        assert_eq!(kind(script), name, "{script}");
    }
}

#[test]
fn addresses_are_those_of_the_network() {
    let network = Network::Regtest;
    for (hex, address) in [
        (
            "76a914000000000000000000000000000000000000000088ac",
            Some("mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8"),
        ),
        ("51024e73", Some("bcrt1pfeesnyr2tx")),
        ("51", None),
        ("0002abcd", None),
    ] {
        let script = ScriptBuf::from_bytes(Vec::from_hex(hex).unwrap());
        let found = address_of(&script, network).map(|address| address.to_string());
        assert_eq!(found.as_deref(), address);
        if let Some(address) = address {
            assert_eq!(script_of_address(address, network), Ok(script));
        }
    }
    for other in [
        "",
        "x",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "bc1pfeessrawgf",
    ] {
        assert!(script_of_address(other, network).is_err(), "{other}");
    }
}
