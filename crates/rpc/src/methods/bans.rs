//! Whom not to be connected with.

use serde_json::{Value, json};

use crate::Command;
use crate::call::{Call, later};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "setban",
        category: Category::Network,
        about: "Bans an address or a range of addresses, or lifts such a ban. Connections with a banned address end. Bans \
                are kept when the node ends.",
        args: &[
            Arg {
                names: &["subnet"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "An address, or a range of them such as 192.168.0.0/24.",
            },
            Arg {
                names: &["command"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "add or remove.",
            },
            Arg {
                names: &["bantime"],
                kind: Kind::Number,
                presence: Presence::Default("0"),
                about: "For how many seconds, or until when if absolute; 0 for a day.",
            },
            Arg {
                names: &["absolute"],
                kind: Kind::Bool,
                presence: Presence::Default("false"),
                about: "true if bantime is in seconds since the Unix epoch.",
            },
        ],
        result: "null",
        examples: &[
            &["192.168.0.6", "add", "86400"],
            &["192.168.0.0/24", "remove"],
        ],
        run: |call| later(setban(call)),
    },
    Method {
        name: "listbanned",
        category: Category::Network,
        about: "The bans that are in force.",
        args: &[],
        result: r#"[
  {
    "address": "text",       (string) the address or range
    "ban_created": n,        (numeric) when it was banned, in seconds since the Unix epoch
    "banned_until": n,       (numeric) until when
    "ban_duration": n,       (numeric) for how many seconds
    "time_remaining": n      (numeric) seconds left
  }, ...
]"#,
        examples: &[&[]],
        run: |call| later(listbanned(call)),
    },
    Method {
        name: "clearbanned",
        category: Category::Network,
        about: "Lifts all bans.",
        args: &[],
        result: "null",
        examples: &[&[]],
        run: |call| {
            later(async move {
                super::command(&call, Command::ClearBans).await?;
                Ok(Value::Null)
            })
        },
    },
];

/// How long a ban lasts if that is not said, in seconds, as in Core.
const DEFAULT_BAN: i64 = 24 * 60 * 60;

async fn setban(call: Call) -> Result<Value, RpcError> {
    let subnet = call.required_text(0).to_owned();
    let command = match call.required_text(1) {
        "add" => {
            let until = until(&call)?;
            Command::Ban { subnet, until }
        }
        "remove" => Command::Unban(subnet),
        _ => return Err(RpcError::misc(call.method.help())),
    };
    super::command(&call, command).await?;
    Ok(Value::Null)
}

/// When the ban ends, in seconds since the Unix epoch.
fn until(call: &Call) -> Result<u64, RpcError> {
    let now = i64::try_from(call.node.now().as_secs()).unwrap_or(i64::MAX);
    let time: i64 = call.int(2)?.unwrap_or(0);
    let until = match call.bool(3).unwrap_or(false) {
        true if time < now => {
            return Err(RpcError::invalid_parameter(
                "Error: Absolute timestamp is in the past",
            ));
        }
        true => time,
        false if time <= 0 => now.saturating_add(DEFAULT_BAN),
        false => now.saturating_add(time),
    };
    Ok(u64::try_from(until).unwrap_or(0))
}

async fn listbanned(call: Call) -> Result<Value, RpcError> {
    let now = call.node.now().as_secs();
    let bans = call.node.bans().await.into_iter();
    Ok(bans
        .map(|ban| {
            let (created, until) = (ban.created.as_secs(), ban.until.as_secs());
            json!({
                "address": ban.subnet,
                "ban_created": created,
                "banned_until": until,
                "ban_duration": until.saturating_sub(created),
                "time_remaining": until.saturating_sub(now),
            })
        })
        .collect())
}
