use bitcoin::hex::FromHex as _;

use super::*;

fn shown(hex: &str, signatures: bool) -> String {
    asm(&Vec::from_hex(hex).unwrap(), signatures)
}

#[test]
fn operations_have_cores_names_and_small_data_is_a_number() {
    for (script, text) in [
        ("", ""),
        ("00", "0"),
        ("51", "1"),
        ("60", "16"),
        ("4f", "-1"),
        ("0181", "-1"),
        ("04ffffffff", "-2147483647"),
        ("0500000000 01".replace(' ', "").as_str(), "0000000001"),
        ("4c0105", "5"),
        ("4d020001 01".replace(' ', "").as_str(), "257"),
        (
            "b1b2ba",
            "OP_CHECKLOCKTIMEVERIFY OP_CHECKSEQUENCEVERIFY OP_CHECKSIGADD",
        ),
        ("bbfeff", "OP_UNKNOWN OP_UNKNOWN OP_INVALIDOPCODE"),
        ("5002", "OP_RESERVED [error]"),
        ("4e0000", "[error]"),
        ("4cff00", "[error]"),
        ("61ac", "OP_NOP OP_CHECKSIG"),
    ] {
        assert_eq!(shown(script, false), text, "{script}");
    }
}

#[test]
fn the_hash_type_of_a_signature_is_named_in_inputs_only() {
    let (r, s) = ("11".repeat(32), "22".repeat(32));
    let der = format!("30440220{r}0220{s}");
    let push = format!("47{der}81");
    assert_eq!(shown(&push, true), format!("{der}[ALL|ANYONECANPAY]"));
    assert_eq!(shown(&push, false), format!("{der}81"));
    // After OP_RETURN, with an undefined hash type, or with a negative R it is but data.
    assert_eq!(
        shown(&format!("6a{push}"), true),
        format!("OP_RETURN {der}81")
    );
    assert_eq!(shown(&format!("47{der}04"), true), format!("{der}04"));
    let negative = format!("30440220{}0220{s}", "91".repeat(32));
    assert_eq!(
        shown(&format!("47{negative}01"), true),
        format!("{negative}01")
    );
}
