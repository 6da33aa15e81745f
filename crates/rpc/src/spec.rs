//! What a method is: its name, arguments, help and code. The table of all methods ([`crate::methods::table`]) is the
//! only place that says so; positional and named parameters, type errors, help texts and the client's conversion of
//! command lines all follow it.

use serde_json::Value;

use crate::call::{Call, Output};
use crate::error::RpcError;
use crate::{Answer, json};

mod help;

/// One method.
#[derive(Debug)]
pub struct Method {
    /// Its name, all lower case.
    pub name: &'static str,
    /// Heading in the list of `help`.
    pub category: Category,
    /// What it does.
    pub about: &'static str,
    /// Its arguments in their order.
    pub args: &'static [Arg],
    /// What it answers.
    pub result: &'static str,
    /// Arguments of example calls, as one would write them on a command line.
    pub examples: &'static [&'static [&'static str]],
    /// Carries it out.
    pub run: fn(Call) -> Answer<Result<Output, RpcError>>,
}

/// Headings in the list of `help`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// The chain and its blocks.
    Blockchain,
    /// The server itself.
    Control,
    /// Blocks and headers from the user.
    Mining,
    /// Peers and addresses.
    Network,
    /// Transactions.
    RawTransactions,
    /// Addresses, messages, indexes.
    Util,
    /// What is published by ZMQ.
    Zmq,
    /// For tests; not in the list.
    Hidden,
}

impl Category {
    /// As the list of `help` writes it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Blockchain => "Blockchain",
            Self::Control => "Control",
            Self::Mining => "Mining",
            Self::Network => "Network",
            Self::RawTransactions => "Rawtransactions",
            Self::Util => "Util",
            Self::Zmq => "Zmq",
            Self::Hidden => "Hidden",
        }
    }
}

/// One argument.
#[derive(Debug)]
pub struct Arg {
    /// Its names; any of them names it in a call with named parameters, the first one in help.
    pub names: &'static [&'static str],
    /// What it must be.
    pub kind: Kind,
    /// Whether it must be given, and what holds if it is not.
    pub presence: Presence,
    /// What it means.
    pub about: &'static str,
}

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text in hexadecimal.
    Hex,
    /// A whole number.
    Number,
    /// True or false.
    Bool,
    /// A whole number, or true for 1 and false for 0.
    NumberOrBool,
    /// A whole number or text: a height or a hash.
    NumberOrText,
    /// A list.
    Array,
    /// An object.
    Object,
    /// A list or an object.
    ArrayOrObject,
}

/// Whether an argument must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Yes.
    Required,
    /// No; the text says, as JSON, what holds then.
    Default(&'static str),
    /// No; the text says in words what holds then.
    Optional(&'static str),
    /// No, and help does not mention it: for tests.
    Hidden,
}

impl Arg {
    /// The name that help uses.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// All names, as Core's error texts list them.
    pub(crate) fn all_names(&self) -> String {
        self.names.join("|")
    }

    /// It must be given.
    pub fn required(&self) -> bool {
        self.presence == Presence::Required
    }

    /// Checks the JSON type of a value given for this argument.
    pub(crate) fn check_type(&self, value: &Value) -> Result<(), String> {
        if value.is_null() && !self.required() {
            return Ok(());
        }
        let expected = match self.kind {
            Kind::Text | Kind::Hex => "string",
            Kind::Number => "number",
            Kind::Bool => "bool",
            Kind::Array => "array",
            Kind::Object => "object",
            // What is neither of the two is told by the method itself, with a text of its own.
            Kind::NumberOrBool | Kind::NumberOrText | Kind::ArrayOrObject => return Ok(()),
        };
        let actual = json::type_name(value);
        if actual == expected {
            Ok(())
        } else {
            Err(type_mismatch(actual, expected))
        }
    }
}

/// Core's words for a value of the wrong JSON type.
pub(crate) fn type_mismatch(actual: &str, expected: &str) -> String {
    format!("JSON value of type {actual} is not of expected type {expected}")
}

impl Method {
    /// How many arguments must be given at least: up to the last required one.
    fn min_args(&self) -> usize {
        self.args
            .iter()
            .rposition(Arg::required)
            .map_or(0, |last| last + 1)
    }

    /// Whether a call may have this many positional arguments.
    pub(crate) fn accepts_count(&self, count: usize) -> bool {
        (self.min_args()..=self.args.len()).contains(&count)
    }

    /// The argument of this name, and its position.
    pub(crate) fn arg_named(&self, name: &str) -> Option<(usize, &'static Arg)> {
        self.args
            .iter()
            .enumerate()
            .find(|(_, arg)| arg.names.contains(&name))
    }
}

#[cfg(test)]
mod tests;
