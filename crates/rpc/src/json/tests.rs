use super::*;

#[test]
fn floats_have_sixteen_significant_digits_as_in_core() {
    for (x, text) in [
        (1.0, "1"),
        (0.0, "0"),
        (4.656542373906925e-10, "4.656542373906925e-10"),
        (2.005251967459485e-06, "2.005251967459485e-06"),
        (1.182_899_534_312_841, "1.182899534312841"),
        (0.999_999_999_999_999_9, "0.9999999999999999"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (126_984_126_984_126.9, "126984126984126.9"),
        (1e16, "1e+16"),
        (123_456_789_012_345_680.0, "1.234567890123457e+17"),
        (0.1 + 0.2, "0.3"),
        (-2.5, "-2.5"),
    ] {
        assert_eq!(float(x).to_string(), text);
    }
}

#[test]
fn a_float_that_is_no_number_is_null() {
    assert_eq!(float(f64::NAN), Value::Null);
    assert_eq!(float(f64::INFINITY), Value::Null);
}

#[test]
fn amounts_have_eight_decimals() {
    assert_eq!(amount(0).to_string(), "0.00000000");
    assert_eq!(amount(100).to_string(), "0.00000100");
    assert_eq!(
        amount(2_100_000_000_000_000).to_string(),
        "21000000.00000000"
    );
}
