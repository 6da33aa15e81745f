use super::*;

#[test]
fn a_checksum_may_be_missing_but_not_wrong() {
    let parse = |text: &str| parse(text, Network::Regtest);
    let script = ScriptBuf::from_hex("76a91411b366edfc0a8b66feebae5c2e25a7b6a5d1cf3188ac").unwrap();
    let raw = "raw(76a91411b366edfc0a8b66feebae5c2e25a7b6a5d1cf3188ac)";
    assert_eq!(parse(raw).as_ref(), Ok(&script));
    assert_eq!(parse(&format!("{raw}#fm24fxxy")).as_ref(), Ok(&script));
    for (suffix, error) in [
        (
            "#fm24fxxz",
            "Provided checksum 'fm24fxxz' does not match computed checksum 'fm24fxxy'",
        ),
        (
            "#fm24fxx",
            "Expected 8 character checksum, not 7 characters",
        ),
        ("#", "Expected 8 character checksum, not 0 characters"),
        ("#fm24fxxy#", "Multiple '#' symbols"),
    ] {
        assert_eq!(parse(&format!("{raw}{suffix}")), Err(error.into()));
    }
    assert_eq!(parse("raw(é)"), Err("Invalid characters in payload".into()));
}

#[test]
fn what_is_no_descriptor_is_refused_in_cores_words() {
    let parse = |text: &str| parse(text, Network::Regtest);
    for (text, error) in [
        ("raw(zz)", "Raw script is not hex"),
        ("raw(0)", "Raw script is not hex"),
        ("addr(x)", "Address is not valid"),
        ("raw(00", "'raw(00' is not a valid descriptor function"),
        ("", "'' is not a valid descriptor function"),
        ("foo(00)", "'foo(00)' is not a valid descriptor function"),
        (
            "pkh(00)",
            "pkh() descriptors are not offered, only raw() and addr()",
        ),
    ] {
        assert_eq!(parse(text), Err(error.into()), "{text}");
    }
    assert_eq!(parse("raw()"), Ok(ScriptBuf::new()));
}

#[test]
fn a_script_gets_the_descriptor_that_says_most() {
    let key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let infer = |hex: &str| infer(&ScriptBuf::from_hex(hex).unwrap(), Network::Regtest);
    let payload = |hex: &str| infer(hex).split_once('#').unwrap().0.to_owned();
    assert_eq!(payload(&format!("21{key}ac")), format!("pk({key})"));
    assert_eq!(
        payload(&format!("51{0}52ae", format!("21{key}").repeat(2))),
        format!("multi(1,{key},{key})")
    );
    assert_eq!(
        payload(&format!("5120{}", &key[2..])),
        format!("rawtr({})", &key[2..])
    );
    // No point of the curve has this x.
    let off_curve = format!("5120{}", "ff".repeat(32));
    assert!(payload(&off_curve).starts_with("addr(bcrt1p"));
    // A hybrid key is a key for scripts, but not for descriptors.
    let hybrid = format!("4106{}{}ac", &key[2..], &key[2..]);
    assert_eq!(payload(&hybrid), format!("raw({hybrid})"));
    assert_eq!(infer("51"), "raw(51)#8lvh9jxk");
}
