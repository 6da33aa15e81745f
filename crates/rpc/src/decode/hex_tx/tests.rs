use bitcoin::hex::DisplayHex as _;

use super::*;

/// No inputs, one output of 1000 satoshis to a script of one byte.
const UNFUNDED: &str = "02000000000 1e8030000000000000151 00000000";

fn unfunded() -> String {
    UNFUNDED.replace(' ', "")
}

#[test]
fn a_transaction_without_inputs_is_read_and_written() {
    let text = unfunded();
    let tx = decode_transaction(&text, Format::Either).unwrap();
    assert_eq!((tx.input.len(), tx.output.len()), (0, 1));
    assert_eq!(tx.output[0].value.to_sat(), 1000);
    assert_eq!(encode_transaction(&tx).to_lower_hex_string(), text);
    assert_eq!(decode_transaction(&text, Format::Extended), None);
    assert_eq!(decode_transaction(&text, Format::Legacy), Some(tx));
}

#[test]
fn a_transaction_with_a_witness_is_not_one_in_the_legacy_format() {
    let text = format!(
        "02000000 0001 01 {} 00000000 00 ffffffff 01 e803000000000000 0151 01 01 aa 00000000",
        "11".repeat(32)
    )
    .replace(' ', "");
    let tx = decode_transaction(&text, Format::Either).unwrap();
    assert_eq!(tx.input[0].witness.to_vec(), [vec![0xaa]]);
    assert_eq!(encode_transaction(&tx).to_lower_hex_string(), text);
    assert_eq!(decode_transaction(&text, Format::Legacy), None);
}

#[test]
fn what_is_no_transaction_is_refused() {
    let text = unfunded();
    let superfluous = format!(
        "02000000 0001 01 {} 00000000 00 ffffffff 01 e803000000000000 0151 00 00000000",
        "11".repeat(32)
    )
    .replace(' ', "");
    for wrong in [
        "",
        "0",
        "zz",
        &text[2..],
        &format!("{text}00"),
        &superfluous,
    ] {
        for format in [Format::Extended, Format::Legacy, Format::Either] {
            assert_eq!(
                decode_transaction(wrong, format),
                None,
                "{wrong} {format:?}"
            );
        }
    }
}
