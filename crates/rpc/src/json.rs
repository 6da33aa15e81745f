//! Numbers, hashes and types of JSON as Bitcoin Core writes them.

use bitcoin::hex::DisplayHex as _;
use serde_json::{Number, Value};

/// What Core calls the type of a JSON value in its error texts.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
    }
}

/// Adds a value as text.
pub(crate) fn write(to: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(to, value).expect("a JSON value can be written to memory");
}

/// A floating point number with up to 16 significant digits, as C's `%.16g` prints it: scientific below 1e-4 and from
/// 1e16 on, no trailing zeros.
pub(crate) fn float(x: f64) -> Value {
    if !x.is_finite() {
        // JSON has no word for it; a division by a zero of our own making would be the only cause.
        return Value::Null;
    }
    number(&general(x, 16))
}

fn general(x: f64, digits: usize) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let scientific = format!("{:.*e}", digits - 1, x);
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("Rust's `e` format has an exponent");
    let exponent: i32 = exponent
        .parse()
        .expect("Rust's `e` format ends with an integer");
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!(
            "{}e{sign}{:02}",
            trim_fraction(mantissa),
            exponent.unsigned_abs()
        );
    }
    let decimals = (digits as i32 - 1 - exponent).unsigned_abs() as usize;
    trim_fraction(&format!("{x:.decimals$}")).to_string()
}

fn trim_fraction(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

/// An amount of satoshis as a number of bitcoins with all eight decimals.
pub(crate) fn amount(satoshis: u64) -> Value {
    const COIN: u64 = 100_000_000;
    number(&format!("{}.{:08}", satoshis / COIN, satoshis % COIN))
}

fn number(text: &str) -> Value {
    Value::Number(
        serde_json::from_str::<Number>(text).expect("the text was made to be a JSON number"),
    )
}

/// Four bytes in hexadecimal, most significant first: versions and compact targets.
pub(crate) fn hex32(x: u32) -> Value {
    format!("{x:08x}").into()
}

/// Bytes in hexadecimal, in their order.
pub(crate) fn hex(bytes: &[u8]) -> Value {
    bytes.to_lower_hex_string().into()
}

#[cfg(test)]
mod tests;
