//! `tipward cli`: calls one method of the running node and prints what it answers.

mod http;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::config::ClientConfig;

/// How often `--rpcwait` tries again.
const RETRY: Duration = Duration::from_millis(200);
/// The node is still starting (Core's `RPC_IN_WARMUP`).
const IN_WARMUP: i64 = -28;

/// Options of `tipward cli`.
#[derive(Args, Clone, Debug)]
pub struct CliArgs {
    /// Wait until the node answers, for at most so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", require_equals = true)]
    pub rpcwait: Option<u64>,

    /// Parameters are name=value instead of in order
    #[arg(long)]
    pub named: bool,

    /// Port of the node's JSON-RPC, instead of the configured one
    #[arg(long = "rpcport", id = "cli_rpcport", value_name = "PORT")]
    pub rpcport: Option<u16>,

    /// User name, instead of the cookie file
    #[arg(
        long = "rpcuser",
        id = "cli_rpcuser",
        value_name = "NAME",
        requires = "cli_rpcpassword"
    )]
    pub rpcuser: Option<String>,

    /// Password for --rpcuser
    #[arg(
        long = "rpcpassword",
        id = "cli_rpcpassword",
        value_name = "PASSWORD",
        requires = "cli_rpcuser"
    )]
    pub rpcpassword: Option<String>,

    /// Method to call; `help` lists them
    pub method: String,

    /// Its parameters: numbers, true, false, null, arrays and objects as in JSON, all else is text
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub params: Vec<String>,
}

/// Calls, prints, and fails if the node answers with an error.
pub fn run(args: &CliArgs, config: &ClientConfig) -> anyhow::Result<()> {
    let client = Client::new(args, config);
    let params = params(&args.params, args.named)?;
    let deadline = Instant::now() + Duration::from_secs(args.rpcwait.unwrap_or(0));
    loop {
        let outcome = client.call(&args.method, params.clone());
        let starting = match &outcome {
            Ok(_) => false,
            Err(CallError::Unreachable(_)) => true,
            Err(CallError::Rpc { code, .. }) => *code == IN_WARMUP,
            Err(CallError::Other(_)) => false,
        };
        if starting && args.rpcwait.is_some() && Instant::now() < deadline {
            std::thread::sleep(RETRY);
            continue;
        }
        return match outcome {
            Ok(result) => {
                print(&result);
                Ok(())
            }
            Err(CallError::Unreachable(error)) => bail!(
                "cannot reach a node at {}: {error}; is it running, with this --network and --datadir?",
                client.addr
            ),
            Err(CallError::Rpc { code, message }) => bail!("{message} (code {code})"),
            Err(CallError::Other(error)) => Err(error),
        };
    }
}

/// Text is printed as it is, all else as JSON; nothing for null.
fn print(result: &Value) {
    use std::io::Write as _;
    let text = match result {
        Value::Null => return,
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    };
    // A reader that has gone (`| head`) is no error.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A node's JSON-RPC, one connection per call.
#[derive(Clone, Debug)]
pub struct Client {
    addr: std::net::SocketAddr,
    credentials: Credentials,
}

#[derive(Clone, Debug)]
enum Credentials {
    Given(String, String),
    /// Read anew for each call: a node writes a new one at every start.
    Cookie(std::path::PathBuf),
}

/// Why a call gave no result.
#[derive(Debug)]
pub enum CallError {
    /// No node, or no cookie yet.
    Unreachable(anyhow::Error),
    /// The node answered with an error.
    Rpc {
        /// One of Core's codes.
        code: i64,
        /// For people.
        message: String,
    },
    /// The answer makes no sense.
    Other(anyhow::Error),
}

impl Client {
    fn new(args: &CliArgs, config: &ClientConfig) -> Self {
        let mut addr = config.addr;
        if let Some(port) = args.rpcport {
            addr.set_port(port);
        }
        let given = match (&args.rpcuser, &args.rpcpassword) {
            (Some(user), Some(password)) => Some((user.clone(), password.clone())),
            _ => config.credentials.clone(),
        };
        Self {
            addr,
            credentials: match given {
                Some((user, password)) => Credentials::Given(user, password),
                None => Credentials::Cookie(config.netdir.join(".cookie")),
            },
        }
    }

    /// For a node in this directory that answers at `addr`.
    pub fn with_cookie(addr: std::net::SocketAddr, netdir: &std::path::Path) -> Self {
        Self {
            addr,
            credentials: Credentials::Cookie(netdir.join(".cookie")),
        }
    }

    /// Calls one method; `params` is an array or an object.
    pub fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let authorization = self.authorization().map_err(CallError::Unreachable)?;
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = http::post(self.addr, &authorization, &request.to_string())
            .map_err(CallError::Unreachable)?;
        interpret(&answer)
    }

    fn authorization(&self) -> anyhow::Result<String> {
        let pair = match &self.credentials {
            Credentials::Given(user, password) => format!("{user}:{password}"),
            Credentials::Cookie(path) => std::fs::read_to_string(path)
                .with_context(|| format!("no cookie file {}", path.display()))?,
        };
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair.trim_end());
        Ok(format!("Basic {encoded}"))
    }
}

fn interpret(answer: &http::Answer) -> Result<Value, CallError> {
    if answer.status == 401 {
        return Err(CallError::Other(anyhow::anyhow!(
            "the node refuses the user name and password (or the cookie file is of another node)"
        )));
    }
    let Ok(Value::Object(mut object)) = serde_json::from_str(&answer.body) else {
        return Err(CallError::Other(anyhow::anyhow!(
            "the node answered with HTTP status {} and no JSON: {}",
            answer.status,
            answer.body.chars().take(200).collect::<String>()
        )));
    };
    match object.remove("error") {
        None | Some(Value::Null) => Ok(object.remove("result").unwrap_or(Value::Null)),
        Some(error) => Err(CallError::Rpc {
            code: error["code"].as_i64().unwrap_or_default(),
            message: error["message"].as_str().unwrap_or("no message").to_owned(),
        }),
    }
}

fn params(texts: &[String], named: bool) -> anyhow::Result<Value> {
    if !named {
        return Ok(texts.iter().map(|text| value(text)).collect());
    }
    let mut object = Map::new();
    for text in texts {
        let (name, text) = text
            .split_once('=')
            .with_context(|| format!("with --named, '{text}' must be name=value"))?;
        object.insert(name.to_owned(), value(text));
    }
    Ok(Value::Object(object))
}

/// A hash of digits only is text all the same: no parameter is a number of more than 16 digits.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(_)) if text.len() > 16 => Value::String(text.to_owned()),
        Ok(value) => value,
        Err(_) => Value::String(text.to_owned()),
    }
}
