//! From an answer to what a terminal shows.

use std::fmt::Write as _;

use serde_json::Value;

use super::CallError;

/// What to write where, and how to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// For standard output; nothing if empty.
    pub stdout: String,
    /// For standard error; nothing if empty.
    pub stderr: String,
    /// Exit code of the process: 0, or the size of the error's code.
    pub exit_code: i32,
}

/// Shows the outcome of a call as `bitcoin-cli` does.
pub fn print(outcome: &Result<Value, CallError>) -> Printed {
    let (mut stdout, mut stderr, exit_code) = match outcome {
        Ok(Value::Null) => (String::new(), String::new(), 0),
        Ok(Value::String(text)) => (text.clone(), String::new(), 0),
        Ok(value) => {
            let mut text = String::new();
            pretty(value, 0, &mut text);
            (text, String::new(), 0)
        }
        Err(CallError::Rpc(error)) => {
            let text = format!(
                "error code: {}\nerror message:\n{}",
                error.code, error.message
            );
            (String::new(), text, error.code.saturating_abs())
        }
        Err(other) => (String::new(), format!("error: {other}"), 1),
    };
    for text in [&mut stdout, &mut stderr] {
        if !text.is_empty() {
            text.push('\n');
        }
    }
    Printed {
        stdout,
        stderr,
        exit_code,
    }
}

/// JSON over several lines, two spaces a level. What is empty takes two lines, as in Core. A value that was parsed is not
/// nested deeply, so that this may recurse.
fn pretty(value: &Value, level: usize, text: &mut String) {
    const INDENT: usize = 2;
    let inner = (level + 1) * INDENT;
    let outer = level * INDENT;
    match value {
        Value::Array(items) => {
            text.push_str("[\n");
            for (i, item) in items.iter().enumerate() {
                let _ = write!(text, "{:inner$}", "");
                pretty(item, level + 1, text);
                text.push_str(if i + 1 < items.len() { ",\n" } else { "\n" });
            }
            let _ = write!(text, "{:outer$}]", "");
        }
        Value::Object(members) => {
            text.push_str("{\n");
            for (i, (name, member)) in members.iter().enumerate() {
                let _ = write!(text, "{:inner$}{}: ", "", Value::from(name.as_str()));
                pretty(member, level + 1, text);
                text.push_str(if i + 1 < members.len() { ",\n" } else { "\n" });
            }
            let _ = write!(text, "{:outer$}}}", "");
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}
