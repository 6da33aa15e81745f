//! A client of this and other Bitcoin nodes' JSON-RPC, for command lines.
//!
//! It does what `bitcoin-cli` does: it turns words into JSON as the called method wants them, prints a result's text
//! raw and all else over several lines, and tells an error by its code and message.

mod convert;
mod http;
mod print;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::{RpcError, code};
use crate::{Cookie, Credentials};

pub use convert::{InvalidJson, named, positional};
pub use print::{Printed, print};

/// How long to wait before another attempt to reach a node that is not there yet.
const RETRY: Duration = Duration::from_millis(250);

/// How to reach a node.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where it listens.
    pub addr: SocketAddr,
    /// How to prove that one may call.
    pub login: Login,
    /// How long to wait for an answer; `None` without end.
    pub timeout: Option<Duration>,
}

/// How to prove that one may call.
#[derive(Clone, Debug)]
pub enum Login {
    /// By name and password.
    Password(Credentials),
    /// By the cookie in this file, read anew for each call.
    Cookie(PathBuf),
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The node says why.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// No answer came.
    #[error("cannot talk to a node at {addr}: {source}")]
    Unreachable {
        /// Where it should be.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no cookie file (the node does not run), or it cannot be read.
    #[error("cannot read the cookie file {}: {source}; is the node running?", path.display())]
    NoCookie {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The node does not know us.
    #[error("the node refuses the user name and password")]
    Unauthorized,
    /// The answer is HTTP, but not of JSON-RPC.
    #[error("the node answered with HTTP status {status}{}", if text.is_empty() { String::new() } else { format!(": {text}") })]
    Http {
        /// Status.
        status: u16,
        /// Body.
        text: String,
    },
    /// The answer is not what it should be.
    #[error("the node's answer makes no sense: {0}")]
    Nonsense(String),
}

impl CallError {
    /// The node is not there yet or still starting: another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Rpc(error) => error.code == code::IN_WARMUP,
            Self::Unreachable { .. } | Self::NoCookie { .. } => true,
            Self::Unauthorized | Self::Http { .. } | Self::Nonsense(_) => false,
        }
    }
}

impl Client {
    /// Calls a method; `params` is an array or an object.
    pub fn call(&self, method: &str, params: &Value) -> Result<Value, CallError> {
        let credentials = self.credentials()?;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = http::post(
            self.addr,
            &credentials.header(),
            request.to_string().as_bytes(),
            self.timeout,
        )
        .map_err(|source| CallError::Unreachable {
            addr: self.addr,
            source,
        })?;
        understand(&response)
    }

    /// Gets what is shown at a path: the node's status, say.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, CallError> {
        let credentials = self.credentials()?;
        let response =
            http::get(self.addr, path, &credentials.header(), self.timeout).map_err(|source| {
                CallError::Unreachable {
                    addr: self.addr,
                    source,
                }
            })?;
        match response.status {
            200 => Ok(response.body),
            401 => Err(CallError::Unauthorized),
            status => Err(CallError::Http {
                status,
                text: String::from_utf8_lossy(&response.body).trim().to_owned(),
            }),
        }
    }

    fn credentials(&self) -> Result<Credentials, CallError> {
        match &self.login {
            Login::Password(credentials) => Ok(credentials.clone()),
            Login::Cookie(path) => Cookie::read(path).map_err(|source| CallError::NoCookie {
                path: path.clone(),
                source,
            }),
        }
    }

    /// Calls a method, again and again for so long while the node is not there yet or still starting.
    pub fn call_when_ready(
        &self,
        method: &str,
        params: &Value,
        patience: Duration,
    ) -> Result<Value, CallError> {
        let since = Instant::now();
        loop {
            match self.call(method, params) {
                Err(error) if error.is_passing() && since.elapsed() < patience => {
                    std::thread::sleep(RETRY);
                }
                outcome => return outcome,
            }
        }
    }
}

/// Takes the result or the error out of a response.
fn understand(response: &http::Response) -> Result<Value, CallError> {
    let text = String::from_utf8_lossy(&response.body).trim().to_owned();
    match response.status {
        401 => return Err(CallError::Unauthorized),
        // Servers of JSON-RPC 1.0 say with these that the body is an error.
        200 | 400 | 404 | 500 if !text.is_empty() => {}
        status => return Err(CallError::Http { status, text }),
    }
    let Ok(Value::Object(mut reply)) = serde_json::from_str(&text) else {
        return Err(CallError::Nonsense("it is no JSON object".into()));
    };
    match reply.remove("error") {
        None | Some(Value::Null) => reply
            .remove("result")
            .ok_or_else(|| CallError::Nonsense("it has neither result nor error".into())),
        Some(error) => {
            let code = error["code"]
                .as_i64()
                .and_then(|code| i32::try_from(code).ok());
            match (code, error["message"].as_str()) {
                (Some(code), Some(message)) => Err(RpcError::new(code, message).into()),
                _ => Err(CallError::Nonsense(format!("its error is {error}"))),
            }
        }
    }
}

#[cfg(test)]
mod tests;
