//! From the parameters of a request to the arguments of a method.

use std::collections::HashMap;

use serde::Serialize as _;
use serde_json::{Map, Value};

use crate::error::{RpcError, code};
use crate::spec::Method;

/// Parameters as they came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Params {
    /// An array: by position.
    Positional(Vec<Value>),
    /// An object: by name, in the order of the request, a name perhaps twice.
    Named(Vec<(String, Value)>),
}

/// Puts parameters into the order of the method's arguments and checks their number and types.
pub(crate) fn arguments(method: &Method, params: Params) -> Result<Vec<Value>, RpcError> {
    let args = match params {
        Params::Positional(args) => args,
        Params::Named(named) => by_position(method, named)?,
    };
    if !method.accepts_count(args.len()) {
        return Err(RpcError::misc(method.help()));
    }
    check_types(method, &args)?;
    Ok(args)
}

/// The parameter `args` of a call with named parameters may hold an array of positional ones, which come first; the
/// named ones follow.
fn by_position(method: &Method, named: Vec<(String, Value)>) -> Result<Vec<Value>, RpcError> {
    let mut given = HashMap::with_capacity(named.len());
    for (name, value) in named {
        if given.contains_key(&name) {
            return Err(RpcError::invalid_parameter(format!(
                "Parameter {name} specified multiple times"
            )));
        }
        given.insert(name, value);
    }

    let mut placed: Vec<Option<Value>> = method
        .args
        .iter()
        .map(|arg| arg.names.iter().find_map(|name| given.remove(*name)))
        .collect();
    // Gaps count as null, but what is missing at the end is not there at all: some methods look at the number.
    let used = placed
        .iter()
        .rposition(Option::is_some)
        .map_or(0, |i| i + 1);
    placed.truncate(used);
    let first_named = placed.iter().position(Option::is_some);

    let mut args = match given.remove("args") {
        Some(Value::Array(positional)) => {
            if let Some(first) = first_named
                && first < positional.len()
            {
                return Err(RpcError::invalid_parameter(format!(
                    "Parameter {} specified twice both as positional and named argument",
                    method.args[first].all_names()
                )));
            }
            positional
        }
        Some(other) => {
            given.insert("args".into(), other);
            Vec::new()
        }
        None => Vec::new(),
    };
    if let Some(unknown) = given.keys().next() {
        return Err(RpcError::invalid_parameter(format!(
            "Unknown named parameter {unknown}"
        )));
    }
    let at = args.len();
    args.extend(placed.into_iter().skip(at).map(Option::unwrap_or_default));
    Ok(args)
}

fn check_types(method: &Method, args: &[Value]) -> Result<(), RpcError> {
    let mut wrong = Map::new();
    for (i, arg) in method.args.iter().enumerate() {
        if let Err(text) = arg.check_type(args.get(i).unwrap_or(&Value::Null)) {
            wrong.insert(
                format!("Position {} ({})", i + 1, arg.all_names()),
                text.into(),
            );
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(RpcError::new(
        code::TYPE_ERROR,
        format!("Wrong type passed:\n{}", indented(&Value::Object(wrong))),
    ))
}

/// JSON over several lines, four spaces a level.
fn indented(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value
        .serialize(&mut serializer)
        .expect("a JSON value can be written to memory");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests;
