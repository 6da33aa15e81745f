//! `tipward cli`: calls one method of the running node and prints what it answers, as `bitcoin-cli` does.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use tipward_rpc::Credentials;
use tipward_rpc::client::{self, Client, Login};

use crate::config::ClientConfig;

/// Options of `tipward cli`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward cli getblockchaininfo                how far the node is
  tipward cli getblockhash 1000                with an argument
  tipward cli help getblock                     what a method takes and answers
  tipward cli --network signet stop            end the node of another network")]
pub struct CliArgs {
    /// Wait until the node answers, for at most so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", require_equals = true)]
    pub rpcwait: Option<u64>,

    /// Parameters are name=value instead of in order
    #[arg(long)]
    pub named: bool,

    /// Method to call; `help` lists them
    pub method: String,

    /// Its parameters
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub params: Vec<String>,
}

/// Calls and prints; the exit code is the size of the node's error code.
pub fn run(args: &CliArgs, config: &ClientConfig) -> anyhow::Result<ExitCode> {
    let params = params(args)?;
    let client = of(config)?;
    let patience = Duration::from_secs(args.rpcwait.unwrap_or(0));
    let printed = client::print(&client.call_when_ready(&args.method, &params, patience));
    write(std::io::stdout(), &printed.stdout);
    write(std::io::stderr(), &printed.stderr);
    Ok(ExitCode::from(u8::try_from(printed.exit_code).unwrap_or(1)))
}

/// A reader that has gone (`| head`) is no error.
fn write(mut out: impl std::io::Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A client of the node that `config` speaks of.
pub(crate) fn of(config: &ClientConfig) -> anyhow::Result<Client> {
    let cookie = || config.cookie_file.clone().map(Login::Cookie);
    let password = |(user, password): &(String, String)| Credentials::new(user, password);
    let login = config.credentials.as_ref().map(password);
    Ok(Client {
        addr: config.addr,
        login: login
            .map(Login::Password)
            .or_else(cookie)
            .context("there is no cookie file: name --rpcuser and --rpcpassword")?,
        timeout: None,
    })
}

fn params(args: &CliArgs) -> anyhow::Result<Value> {
    let method = tipward_rpc::find_method(&args.method);
    let words: Vec<&str> = args.params.iter().map(String::as_str).collect();
    Ok(if args.named {
        Value::Object(client::named(method, &words)?)
    } else {
        Value::Array(client::positional(method, &words)?)
    })
}
