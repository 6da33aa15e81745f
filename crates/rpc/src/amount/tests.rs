use serde_json::json;

use super::*;

fn amount(text: &str) -> Result<u64, String> {
    parse_amount(&json!(text))
        .map(Amount::to_sat)
        .map_err(|error| error.message)
}

#[test]
fn amounts_are_exact() {
    for (text, satoshis) in [
        ("0", 0),
        ("-0", 0),
        ("0.00000000", 0),
        ("0e9", 0),
        ("0.00000001", 1),
        ("0.17622195", 17_622_195),
        ("0.5", 50_000_000),
        ("20999999.99999999", 2_099_999_999_999_999),
        ("21000000", 2_100_000_000_000_000),
        ("1e-8", 1),
        ("0.1E-7", 1),
        ("0.00000000000000000000000000000000000001e+30", 1),
        (
            "10000000000000000000000000000000000000000000000000000000000000000e-64",
            100_000_000,
        ),
        ("0.00000001000000", 1),
        ("0.19e-6", 19),
    ] {
        assert_eq!(amount(text), Ok(satoshis), "{text}");
    }
}

#[test]
fn what_is_no_amount_is_refused() {
    for text in [
        "",
        "-",
        ".1",
        "1.",
        "01",
        "1e",
        "1e+",
        "1 ",
        "1e-9",
        "0.000000019",
        "0e10",
        "1e11",
        "x",
        "1e99999999999",
        "92233720368547758089",
    ] {
        assert_eq!(amount(text), Err("Invalid amount".into()), "{text}");
    }
    for text in ["-0.00000001", "21000000.00000001", "1e9"] {
        assert_eq!(amount(text), Err("Amount out of range".into()), "{text}");
    }
    let error = parse_amount(&json!(true)).unwrap_err();
    assert_eq!(error.message, "Amount is not a number or string");
}

#[test]
fn numbers_of_json_keep_their_digits() {
    let number: Value = serde_json::from_str("0.10000000").unwrap();
    assert_eq!(parse_amount(&number), Ok(Amount::from_sat(10_000_000)));
}
