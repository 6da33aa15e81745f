//! From Core's settings to our own options, by way of our own command line: so each value is understood as there.

use anyhow::{Context as _, anyhow, bail};
use clap::{Args as _, FromArgMatches as _};

use super::super::Options;
use super::known::{Meaning, meaning};
use super::layers::Layers;
use super::words::{Value, truth};

/// What kind of an option ours is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Named or not.
    Flag,
    /// On or off.
    Switch,
    /// One value.
    Single,
    /// Several.
    List,
}

/// Our options that these settings mean, and what is to be said about the others.
pub(super) fn options(layers: &Layers, notices: &mut Vec<String>) -> anyhow::Result<Options> {
    let command = Options::augment_args(clap::Command::new("tipward").no_binary_name(true));
    let mut args = Vec::new();
    for name in layers.names() {
        let kind = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name))
            .map(kind_of);
        match (meaning(name), kind) {
            (Meaning::Special, _) => {}
            // Whatever the table says: what we have, we do.
            (_, Some(kind)) => take_over(name, kind, layers, &mut args, notices)?,
            (Meaning::Refused(why), None) => {
                // Turned off it asks for nothing.
                if !is_off(layers, name) {
                    bail!("-{name}: {why}");
                }
            }
            (Meaning::RefusedOff(why), None) => {
                if is_off(layers, name) {
                    bail!("-{name}=0: {why}");
                }
            }
            (Meaning::Nothing(why), None) => {
                notices.push(format!("Option -{name} is ignored: {why}"));
            }
            (Meaning::Ours, None) => notices.push(format!("Option -{name} is ignored")),
        }
    }
    if let Some(Value::Given(dir)) = layers.single("datadir") {
        args.push(format!("--datadir={dir}"));
    }
    let matches = command
        .try_get_matches_from(args)
        .map_err(|error| anyhow!(crate::commands::explain(&error)))?;
    Options::from_arg_matches(&matches).context("the options in Core's form")
}

fn kind_of(arg: &clap::Arg) -> Kind {
    let is_switch =
        |names: &[clap::builder::Str]| names.first().is_some_and(|name| name == "on|off");
    match arg.get_action() {
        clap::ArgAction::SetTrue => Kind::Flag,
        clap::ArgAction::Append => Kind::List,
        _ if arg.get_value_names().is_some_and(is_switch) => Kind::Switch,
        _ => Kind::Single,
    }
}

fn is_off(layers: &Layers, name: &str) -> bool {
    match layers.single(name) {
        Some(Value::Given(value)) => truth(&value) == Some(false),
        Some(Value::Negated) => true,
        None => false,
    }
}

fn take_over(
    name: &str,
    kind: Kind,
    layers: &Layers,
    args: &mut Vec<String>,
    notices: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut take = |value: &str| args.push(format!("--{name}={value}"));
    match kind {
        Kind::Flag => {
            if !is_off(layers, name) {
                args.push(format!("--{name}"));
            }
        }
        Kind::Switch => match layers.single(name) {
            Some(Value::Given(value)) => match truth(&value) {
                Some(true) => take("on"),
                Some(false) => take("off"),
                None => take(&value),
            },
            Some(Value::Negated) => take("off"),
            None => {}
        },
        Kind::Single => match layers.single(name) {
            Some(Value::Given(value)) if value.is_empty() => {
                bail!("-{name} needs a value: -{name}=VALUE")
            }
            // What Core has as a lower bound is ours, too.
            Some(Value::Given(value)) if name == "dbcache" => {
                let few = value.parse::<i64>().is_ok_and(|mib| mib < 4);
                take(if few { "4" } else { &value });
            }
            Some(Value::Given(value)) => take(&value),
            Some(Value::Negated) => take("0"),
            None => {}
        },
        Kind::List => {
            let (values, negated) = layers.list(name);
            match name {
                "debug" => debug(&values, &mut take, notices),
                "loglevel" => levels(&values, &mut take, notices),
                "connect" if negated => take("0"),
                "rpcbind" if layers.list("rpcallowip").0.is_empty() => {
                    rpcbind(&values, &mut take, notices);
                }
                "bind" => {
                    for value in values {
                        match value.split_once('=') {
                            None => take(&value),
                            Some(_) => notices.push(format!(
                                "-bind={value} is ignored: there is no onion service"
                            )),
                        }
                    }
                }
                _ => values.iter().for_each(|value| take(value)),
            }
        }
    }
    Ok(())
}

/// As in Core, who allows nobody in opens no door either.
fn rpcbind(values: &[String], take: &mut impl FnMut(&str), notices: &mut Vec<String>) {
    for value in values {
        let host = value
            .rsplit_once(':')
            .map_or(value.as_str(), |(host, _)| host);
        let local = ["127.", "[::1]", "::1", "localhost"]
            .iter()
            .any(|local| value.starts_with(local) || host == *local);
        if local {
            take(value);
        } else {
            notices.push(format!(
                "-rpcbind={value} is ignored: no -rpcallowip lets anybody in"
            ));
        }
    }
}

/// Our target for one of Core's categories of log lines.
fn target_of(category: &str) -> Option<&'static str> {
    Some(match category {
        "net" | "addrman" | "proxy" | "tor" | "i2p" | "cmpctblock" => "net",
        "rpc" | "http" | "libevent" | "zmq" | "rest" => "rpc",
        "validation" | "bench" => "validation",
        "leveldb" | "coindb" | "blockstorage" | "prune" | "reindex" => "store",
        _ => return None,
    })
}

fn debug(values: &[String], take: &mut impl FnMut(&str), notices: &mut Vec<String>) {
    if values
        .iter()
        .any(|value| matches!(value.as_str(), "0" | "none"))
    {
        return;
    }
    let mut targets: Vec<&str> = Vec::new();
    for value in values {
        match (value.as_str(), target_of(value)) {
            ("" | "1" | "all", _) => targets.push("all"),
            (_, Some(target)) => targets.push(target),
            (_, None) => notices.push(format!(
                "-debug={value} is ignored: nothing of that kind is logged"
            )),
        }
    }
    targets.sort_unstable();
    targets.dedup();
    targets.into_iter().for_each(take);
}

fn levels(values: &[String], take: &mut impl FnMut(&str), notices: &mut Vec<String>) {
    for value in values {
        let (category, level) = match value.split_once(':') {
            Some((category, level)) => (Some(category), level),
            None => (None, value.as_str()),
        };
        let level = if level == "warning" { "warn" } else { level };
        match (category, category.and_then(target_of)) {
            (None, _) => take(level),
            (Some(_), Some(target)) => take(&format!("{target}:{level}")),
            (Some(_), None) => notices.push(format!(
                "-loglevel={value} is ignored: nothing of that kind is logged"
            )),
        }
    }
}
