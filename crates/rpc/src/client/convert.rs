//! From the words of a command line to JSON.

use serde_json::{Map, Value};

use crate::spec::{Kind, Method};

/// A word that should be JSON and is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Error parsing JSON: {0}")]
pub struct InvalidJson(pub String);

/// Parameters by position. Of a method that is not known (another node's), all words stay text.
pub fn positional(method: Option<&Method>, words: &[&str]) -> Result<Vec<Value>, InvalidJson> {
    words
        .iter()
        .enumerate()
        .map(|(i, word)| convert(kind_at(method, i), word))
        .collect()
}

/// Parameters by name, `name=value`. Words without `=` are taken by position, and so are words whose name the method
/// does not know if the next position wants JSON and the whole word is JSON.
pub fn named(method: Option<&Method>, words: &[&str]) -> Result<Map<String, Value>, InvalidJson> {
    let mut by_name = Map::new();
    let mut by_position = Vec::new();
    for word in words {
        let next = kind_at(method, by_position.len());
        let Some((name, value)) = word.split_once('=') else {
            by_position.push(convert(next, word)?);
            continue;
        };
        match method.and_then(|method| method.arg_named(name)) {
            Some((_, arg)) => {
                by_name.insert(name.into(), convert(Some(arg.kind), value)?);
            }
            None => match convert(next, word) {
                Ok(json) if !json.is_string() => by_position.push(json),
                _ => {
                    by_name.insert(name.into(), value.into());
                }
            },
        }
    }
    if !by_position.is_empty() {
        by_name.entry("args").or_insert(Value::Array(by_position));
    }
    Ok(by_name)
}

fn kind_at(method: Option<&Method>, position: usize) -> Option<Kind> {
    Some(method?.args.get(position)?.kind)
}

fn convert(kind: Option<Kind>, word: &str) -> Result<Value, InvalidJson> {
    match kind {
        None | Some(Kind::Text | Kind::Hex) => Ok(word.into()),
        Some(
            Kind::Number
            | Kind::Bool
            | Kind::NumberOrBool
            | Kind::Array
            | Kind::Object
            | Kind::ArrayOrObject,
        ) => serde_json::from_str(word).map_err(|_| InvalidJson(word.into())),
        // A hash needs no quotes.
        Some(Kind::NumberOrText) => Ok(serde_json::from_str(word).unwrap_or_else(|_| word.into())),
    }
}
