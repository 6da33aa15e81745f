//! Help texts, made from the table.

use std::fmt::Write as _;

use super::{Arg, Kind, Method, Presence};
use crate::client;

impl Method {
    /// The method and its arguments on one line, optional ones in parentheses.
    pub fn synopsis(&self) -> String {
        let mut line = self.name.to_string();
        let mut optional = false;
        for arg in self.shown_args() {
            line.push(' ');
            if !arg.required() && !optional {
                line.push_str("( ");
            } else if arg.required() && optional {
                line.push_str(") ");
            }
            optional = !arg.required();
            match arg.kind {
                Kind::Text | Kind::Hex => {
                    let _ = write!(line, "\"{}\"", arg.name());
                }
                Kind::Number
                | Kind::Bool
                | Kind::NumberOrBool
                | Kind::NumberOrText
                | Kind::Array
                | Kind::Object
                | Kind::ArrayOrObject => line.push_str(arg.name()),
            }
        }
        if optional {
            line.push_str(" )");
        }
        line
    }

    /// All that `help <method>` says.
    pub fn help(&self) -> String {
        let mut text = format!("{}\n\n{}\n", self.synopsis(), self.about);
        if self.shown_args().next().is_some() {
            text.push_str("\nArguments:\n");
            let width = self
                .shown_args()
                .map(|a| a.name().len())
                .max()
                .unwrap_or_default();
            for (i, arg) in self.shown_args().enumerate() {
                let _ = writeln!(
                    text,
                    "{}. {:width$}    ({}, {}) {}",
                    i + 1,
                    arg.name(),
                    arg.kind.in_help(),
                    arg.presence.in_help(),
                    arg.about,
                );
            }
        }
        let _ = write!(text, "\nResult:\n{}\n", self.result);
        if !self.examples.is_empty() {
            text.push_str("\nExamples:\n");
            for example in self.examples {
                let words: String = example
                    .iter()
                    .map(|word| format!(" {}", quoted(word)))
                    .collect();
                let _ = writeln!(text, "> tipward cli {}{words}", self.name);
            }
            for example in self.examples {
                let _ = writeln!(text, "> {}", self.curl(example));
            }
        }
        text.trim_end().to_string()
    }

    /// Arguments up to the first hidden one.
    fn shown_args(&self) -> impl Iterator<Item = &'static Arg> {
        self.args
            .iter()
            .take_while(|a| a.presence != Presence::Hidden)
    }

    fn curl(&self, example: &[&str]) -> String {
        let params = client::positional(Some(self), example)
            .expect("the examples of the table convert; a test sees to it");
        format!(
            "curl --user user --data-binary '{{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"{}\", \"params\": {}}}' \
             http://127.0.0.1:8332/",
            self.name,
            serde_json::Value::Array(params),
        )
    }
}

/// A word as one writes it in a shell.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._:-/".contains(c));
    if plain {
        word.to_string()
    } else {
        format!("'{word}'")
    }
}

impl Kind {
    fn in_help(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Hex => "string, hexadecimal",
            Self::Number => "numeric",
            Self::Bool => "boolean",
            Self::NumberOrBool => "numeric or boolean",
            Self::NumberOrText => "numeric or string",
            Self::Array => "array",
            Self::Object => "object",
            Self::ArrayOrObject => "array or object",
        }
    }
}

impl Presence {
    fn in_help(self) -> String {
        match self {
            Self::Required => "required".into(),
            Self::Default(value) => format!("optional, default={value}"),
            Self::Optional(words) => format!("optional, default: {words}"),
            Self::Hidden => "hidden".into(),
        }
    }
}
