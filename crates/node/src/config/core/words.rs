//! One setting, as it stands on the command line or in a file.

use anyhow::{Context as _, bail};

use super::known;

/// What was said of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `-name=value`; nothing for `-name`.
    Given(String),
    /// `-noname`.
    Negated,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The option's name, one that Core knows.
    pub(super) name: &'static str,
    pub(super) value: Value,
}

/// Reads `-name=value`, `-name`, `-noname`, with one dash or two.
pub(super) fn of_argument(arg: &str) -> anyhow::Result<Setting> {
    let text = arg.trim_start_matches('-');
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    of_pair(name, value).with_context(|| format!("invalid parameter {arg}"))
}

/// Reads what stands on both sides of an equals sign.
pub(super) fn of_pair(name: &str, value: Option<&str>) -> anyhow::Result<Setting> {
    let (known, negated) = match name.strip_prefix("no").map(known::find) {
        Some(Some(known)) => (known, true),
        _ => match known::find(name) {
            Some(known) => (known, false),
            None => bail!("unknown option '{name}'{}", known::suggestion(name)),
        },
    };
    let value = match (negated, value) {
        // -noname=0 is -name, as in Core.
        (true, Some(value)) if !truth(value).unwrap_or(true) => Value::Given("1".to_owned()),
        (true, _) => Value::Negated,
        (false, value) => Value::Given(value.unwrap_or_default().to_owned()),
    };
    Ok(Setting { name: known, value })
}

/// What a switch's value says; nothing after the name means on. `None` if it is no number, which only our own form knows
/// what to make of.
pub(super) fn truth(value: &str) -> Option<bool> {
    if value.is_empty() {
        return Some(true);
    }
    value.parse::<i64>().ok().map(|number| number != 0)
}
