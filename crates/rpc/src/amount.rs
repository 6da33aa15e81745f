//! Amounts of bitcoins that somebody writes.

use bitcoin::Amount;
use serde_json::Value;

use crate::error::{RpcError, code};

#[cfg(test)]
mod tests;

/// Decimals of an amount in bitcoins.
const DECIMALS: i64 = 8;
/// Numbers from here on are refused, as in Core.
const TOO_MUCH: u64 = 1_000_000_000_000_000_000;

/// A number of bitcoins, as JSON or in a text, in satoshis. Nothing is rounded: what does not fit is refused.
pub(crate) fn parse_amount(value: &Value) -> Result<Amount, RpcError> {
    let refuse = |why: &str| RpcError::new(code::TYPE_ERROR, why);
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(refuse("Amount is not a number or string")),
    };
    let (negative, satoshis) = fixed_point(&text).ok_or_else(|| refuse("Invalid amount"))?;
    let amount = Amount::from_sat(satoshis);
    if amount > Amount::MAX_MONEY || (negative && amount > Amount::ZERO) {
        return Err(refuse("Amount out of range"));
    }
    Ok(amount)
}

/// Whether a JSON number is below zero, and what it is without the sign in units of its eighth decimal. `None` if it is no
/// number, is not whole then, or too large.
fn fixed_point(text: &str) -> Option<(bool, u64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
    let mut digits = whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || has_leading_zero || !digits.all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A zero before the point says nothing.
    let digits = format!("{}{fraction}", if whole == "0" { "" } else { whole });
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let shift = exponent - i64::try_from(fraction.len()).ok()? + zeros + DECIMALS;
    let shift = u32::try_from(shift).ok().filter(|shift| *shift < 18)?;
    let mantissa: u64 = match significant {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let units = mantissa.checked_mul(10_u64.pow(shift))?;
    (units < TOO_MUCH).then_some((negative, units))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // No amount needs more digits.
    let exponent = i64::from(digits.parse::<i32>().ok()?);
    Some(if text.starts_with('-') {
        -exponent
    } else {
        exponent
    })
}
