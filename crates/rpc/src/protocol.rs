//! JSON-RPC 1.0, 1.1 and 2.0: from the body of a request to the status and body of its reply.
//!
//! A request that says `"jsonrpc": "2.0"` gets strict 2.0 replies: HTTP status 200 whatever became of it, no member
//! that is null, and none at all (status 204) if it has no id. All others are taken for 1.0 or 1.1: the reply has
//! `result` and `error`, one of them null, and an error shows in the HTTP status. In a batch, errors never do.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::{Call, Output};
use crate::error::{RpcError, code};
use crate::json;
use crate::methods;
use crate::params::{self, Params};
use crate::rights::Rights;
use crate::state::State;

/// Once the replies to a batch take this many bytes, its other requests are refused: a small batch can ask for much.
const MAX_BATCH_REPLY: usize = 128 << 20;

/// Most replies are shorter than so many bytes.
const USUAL_REPLY: usize = 1024;

/// A reply before it is HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// JSON; `None` if there is nothing to say.
    pub(crate) body: Option<Vec<u8>>,
}

/// To a user who may not make this call.
const FORBIDDEN: Reply = Reply {
    status: 403,
    body: None,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// 1.0 or 1.1.
    Legacy,
    V2,
}

/// What all replies to a request need of it; still the default where the request does not get so far.
#[derive(Clone, Debug)]
struct Envelope {
    version: Version,
    /// `None` if the request has no member `id`.
    id: Option<Value>,
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            version: Version::Legacy,
            id: Some(Value::Null),
        }
    }
}

#[derive(Debug)]
struct Request {
    method: String,
    params: Params,
}

/// Where a request was posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `/`.
    Node,
    /// `/wallet/<name>`: there are no wallets.
    Wallet,
}

/// What the requests of one body are carried out with.
#[derive(Clone, Copy)]
struct Context<'a> {
    state: &'a Arc<State>,
    endpoint: Endpoint,
    rights: Rights<'a>,
}

/// Answers a body of a user with these rights.
pub(crate) async fn answer(
    state: &Arc<State>,
    endpoint: Endpoint,
    rights: Rights<'_>,
    body: Bytes,
) -> Reply {
    let context = Context {
        state,
        endpoint,
        rights,
    };
    let Ok(raw) = serde_json::from_slice::<&RawValue>(&body) else {
        return failure(&Envelope::default(), &parse_error("Parse error"));
    };
    if rights.none() {
        return FORBIDDEN;
    }
    match raw.get().as_bytes().first() {
        Some(b'{') => single(context, raw).await,
        Some(b'[') => batch(context, raw).await,
        _ => failure(
            &Envelope::default(),
            &parse_error("Top-level object parse error"),
        ),
    }
}

async fn single(context: Context<'_>, raw: &RawValue) -> Reply {
    let mut envelope = Envelope::default();
    let request = match parse(raw, &mut envelope) {
        Ok(request) => request,
        Err(error) => return failure(&envelope, &error),
    };
    if !context.rights.allow(&request.method) {
        return FORBIDDEN;
    }
    let outcome = execute(context, request).await;
    match (&outcome, envelope.version) {
        (Err(error), Version::Legacy) => failure(&envelope, error),
        (_, Version::V2) if envelope.id.is_none() => Reply {
            status: 204,
            body: None,
        },
        _ => Reply {
            status: 200,
            body: Some(reply(&envelope, &outcome)),
        },
    }
}

async fn batch(context: Context<'_>, raw: &RawValue) -> Reply {
    let Ok(requests) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return failure(&Envelope::default(), &parse_error("Parse error"));
    };
    if let Err(refusal) = may_call_all(context.rights, &requests) {
        return refusal;
    }
    let mut body = vec![b'['];
    for raw in &requests {
        let mut envelope = Envelope::default();
        let outcome = match parse(raw, &mut envelope) {
            Ok(_) if body.len() > MAX_BATCH_REPLY => Err(RpcError::misc(
                "The replies to this batch take too much memory",
            )),
            Ok(request) => execute(context, request).await,
            Err(error) => Err(error),
        };
        if envelope.version == Version::V2 && envelope.id.is_none() {
            continue;
        }
        if body.len() > 1 {
            body.push(b',');
        }
        write_reply(&mut body, &envelope, &outcome);
    }
    // An empty batch is answered by an empty array: clients from before 2.0 rely on it.
    if body.len() == 1 && !requests.is_empty() {
        return Reply {
            status: 204,
            body: None,
        };
    }
    body.push(b']');
    Reply {
        status: 200,
        body: Some(body),
    }
}

/// One request that its sender may not make forbids the whole batch, before any of it is carried out.
fn may_call_all(rights: Rights<'_>, requests: &[&RawValue]) -> Result<(), Reply> {
    if rights.all() {
        return Ok(());
    }
    let malformed = |error: &RpcError| failure(&Envelope::default(), error);
    for raw in requests {
        let members = serde_json::from_str::<Members<'_>>(raw.get())
            .map_err(|_| malformed(&invalid_request("Invalid Request object")))?;
        match members.value("method").map_err(|error| malformed(&error))? {
            Some(Value::String(method)) if rights.allow(&method) => {}
            Some(Value::String(_)) => return Err(FORBIDDEN),
            _ => return Err(malformed(&parse_error("Method must be a string"))),
        }
    }
    Ok(())
}

/// Carries a request out.
async fn execute(context: Context<'_>, request: Request) -> Result<Output, RpcError> {
    let Context {
        state, endpoint, ..
    } = context;
    let node = match state.backend() {
        Ok(node) => Arc::clone(node),
        Err(busy_with) => return Err(RpcError::new(code::IN_WARMUP, busy_with)),
    };
    let Some(method) = methods::find(&request.method) else {
        return Err(RpcError::new(code::METHOD_NOT_FOUND, "Method not found"));
    };
    if endpoint == Endpoint::Wallet {
        return Err(RpcError::new(
            code::WALLET_NOT_FOUND,
            "Requested wallet does not exist or is not loaded",
        ));
    }
    tracing::debug!(target: "rpc", method = method.name, "call");
    let _active = state.begin(method.name);
    let args = params::arguments(method, request.params)?;
    (method.run)(Call {
        method,
        node,
        state: Arc::clone(state),
        args,
    })
    .await
}

/// Takes a request apart; the envelope is filled in as far as this comes.
fn parse(raw: &RawValue, envelope: &mut Envelope) -> Result<Request, RpcError> {
    let invalid = invalid_request;
    let members = match serde_json::from_str::<Members<'_>>(raw.get()) {
        Ok(members) => members,
        Err(_) if raw.get().starts_with('{') => return Err(parse_error("Parse error")),
        Err(_) => return Err(invalid("Invalid Request object")),
    };
    envelope.id = members.value("id")?;

    match members.value("jsonrpc")? {
        None | Some(Value::Null) => {}
        Some(Value::String(version)) => {
            envelope.version = match version.as_str() {
                // Old documents wrongly ask for this member in 1.0 requests.
                "1.0" => Version::Legacy,
                "2.0" => Version::V2,
                _ => return Err(invalid("JSON-RPC version not supported")),
            }
        }
        Some(_) => return Err(invalid("jsonrpc field must be a string")),
    }

    let method = match members.value("method")? {
        Some(Value::String(method)) => method,
        None | Some(Value::Null) => return Err(invalid("Missing method")),
        Some(_) => return Err(invalid("Method must be a string")),
    };
    let params = match members.raw("params") {
        None => Params::Positional(Vec::new()),
        Some(raw) => match raw.get().as_bytes().first() {
            Some(b'[') => Params::Positional(from_raw(raw)?),
            Some(b'{') => {
                let named = from_raw::<Members<'_>>(raw)?;
                Params::Named(named.into_values()?)
            }
            Some(b'n') => Params::Positional(Vec::new()),
            _ => return Err(invalid("Params must be an array or object")),
        },
    };
    Ok(Request { method, params })
}

fn from_raw<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, RpcError> {
    serde_json::from_str(raw.get()).map_err(|_| parse_error("Parse error"))
}

fn invalid_request(message: &str) -> RpcError {
    RpcError::new(code::INVALID_REQUEST, message)
}

fn parse_error(message: &str) -> RpcError {
    RpcError::new(code::PARSE_ERROR, message)
}

fn reply(envelope: &Envelope, outcome: &Result<Output, RpcError>) -> Vec<u8> {
    let mut body = Vec::with_capacity(USUAL_REPLY);
    write_reply(&mut body, envelope, outcome);
    body
}

fn write_reply(body: &mut Vec<u8>, envelope: &Envelope, outcome: &Result<Output, RpcError>) {
    let legacy = envelope.version == Version::Legacy;
    body.extend_from_slice(if legacy {
        b"{"
    } else {
        br#"{"jsonrpc":"2.0","#
    });
    match outcome {
        Ok(result) => {
            body.extend_from_slice(br#""result":"#);
            result.write(body);
            if legacy {
                body.extend_from_slice(br#","error":null"#);
            }
        }
        Err(error) => {
            if legacy {
                body.extend_from_slice(br#""result":null,"#);
            }
            body.extend_from_slice(br#""error":"#);
            json::write(body, &error.to_json());
        }
    }
    if let Some(id) = &envelope.id {
        body.extend_from_slice(br#","id":"#);
        json::write(body, id);
    }
    body.push(b'}');
}

/// The reply to a request that did not get as far as its version, or to a legacy one that failed.
fn failure(envelope: &Envelope, error: &RpcError) -> Reply {
    Reply {
        status: match error.code {
            code::INVALID_REQUEST => 400,
            code::METHOD_NOT_FOUND => 404,
            _ => 500,
        },
        body: Some(reply(envelope, &Err(error.clone()))),
    }
}

/// Members of an object in their order, names perhaps repeated, values not looked into yet.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The first member of this name.
    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, raw)| *raw)
    }

    fn value(&self, name: &str) -> Result<Option<Value>, RpcError> {
        self.raw(name).map(from_raw).transpose()
    }

    fn into_values(self) -> Result<Vec<(String, Value)>, RpcError> {
        self.0
            .into_iter()
            .map(|(name, raw)| Ok((name, from_raw(raw)?)))
            .collect()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
