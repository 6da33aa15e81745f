//! The server and the process.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::{Call, later};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "help",
        category: Category::Control,
        about: "Lists all methods, or explains one.",
        args: &[Arg {
            names: &["command"],
            kind: Kind::Text,
            presence: Presence::Optional("all methods"),
            about: "The method to explain.",
        }],
        result: "\"text\"    (string) the help",
        examples: &[&[], &["getblock"]],
        run: |call| later(async move { Ok(help(call.text(0)).into()) }),
    },
    Method {
        name: "stop",
        category: Category::Control,
        about: "Stops the node in an orderly way. The answer comes before it is down.",
        args: &[Arg {
            names: &["wait"],
            kind: Kind::Number,
            presence: Presence::Hidden,
            about: "Milliseconds to wait before answering.",
        }],
        result: "\"tipward stopping\"    (string) these words",
        examples: &[&[]],
        run: |call| later(stop(call)),
    },
    Method {
        name: "uptime",
        category: Category::Control,
        about: "How long the node has been running.",
        args: &[],
        result: "n    (numeric) seconds",
        examples: &[&[]],
        run: |call| later(async move { Ok(call.node.uptime().as_secs().into()) }),
    },
    Method {
        name: "getrpcinfo",
        category: Category::Control,
        about: "The state of the RPC server.",
        args: &[],
        result: r#"{
  "active_commands": [    (array) calls that run, this one among them
    {
      "method": "text",   (string) the method
      "duration": n       (numeric) microseconds that it has been running
    }, ...
  ],
  "logpath": "text"       (string) the log file; empty if none is written
}"#,
        examples: &[&[]],
        run: |call| later(getrpcinfo(call)),
    },
    Method {
        name: "setmocktime",
        category: Category::Hidden,
        about: "Stops the node's clock at a time, or lets it run again; every timer follows it. On regtest only.",
        args: &[Arg {
            names: &["timestamp"],
            kind: Kind::Number,
            presence: Presence::Required,
            about: "Seconds since the Unix epoch; 0 for the system's time.",
        }],
        result: "null",
        examples: &[&["1700000000"]],
        run: |call| later(setmocktime(call)),
    },
];

/// What `help` answers.
fn help(command: Option<&str>) -> String {
    match command.filter(|command| !command.is_empty()) {
        Some(command) => super::find(command)
            .map_or_else(|| format!("help: unknown command: {command}"), Method::help),
        None => list(),
    }
}

/// All methods but hidden ones, one a line, under the headings of their categories.
fn list() -> String {
    let mut methods: Vec<&Method> = super::table()
        .filter(|method| method.category != Category::Hidden)
        .collect();
    methods.sort_by_key(|method| (method.category, method.name));
    methods
        .chunk_by(|a, b| a.category == b.category)
        .map(|family| {
            let lines: Vec<String> = family.iter().map(|method| method.synopsis()).collect();
            format!("== {} ==\n{}", family[0].category.title(), lines.join("\n"))
        })
        .collect::<Vec<_>>()
        .join("\n\n")
}

async fn stop(call: Call) -> Result<Value, RpcError> {
    let wait: i32 = call.int(0)?.unwrap_or(0);
    call.node.stop();
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
    Ok("tipward stopping".into())
}

async fn getrpcinfo(call: Call) -> Result<Value, RpcError> {
    let active: Vec<Value> = call
        .state
        .active_calls()
        .into_iter()
        .map(|(method, running)| {
            let micros = u64::try_from(running.as_micros()).unwrap_or(u64::MAX);
            json!({ "method": method, "duration": micros })
        })
        .collect();
    let log = call.node.log_path().unwrap_or_default();
    Ok(json!({ "active_commands": active, "logpath": log.to_string_lossy() }))
}

async fn setmocktime(call: Call) -> Result<Value, RpcError> {
    super::on_regtest(
        &call,
        "setmocktime is for regression testing (-regtest mode) only",
    )?;
    let time: i64 = call.required_int(0)?;
    let Ok(time) = u32::try_from(time) else {
        return Err(RpcError::invalid_parameter(format!(
            "Mocktime must be in the range [0, {}], not {time}.",
            u32::MAX
        )));
    };
    call.node.set_mock_time((time != 0).then_some(time)).await;
    Ok(Value::Null)
}
