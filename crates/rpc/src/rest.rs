//! REST: blocks and headers by `GET`, without a login, as Bitcoin Core serves them.
//!
//! ```text
//! /rest/KIND/WHAT.FORMAT ─▶ route ─▶ chain   headers, hashes by height, chaininfo, deploymentinfo
//!                                    blocks  blocks, parts of them, what they spent
//!                                    coins   unspent outputs, the memory pool
//!                                      │
//!                                      ▼
//!                                    body    bytes as they are, in hexadecimal, JSON piece by piece
//! ```
//!
//! A block goes out as the very bytes that were read from its file: the one copy is the one into memory. Hexadecimal digits
//! and JSON are made as fast as they are taken, some ten kilobytes at a time.
//!
//! # Bounds
//!
//! A reply holds at most one block and what it spent (a few megabytes each), whatever its format; as many replies as there
//! are connections can be on their way.

mod blocks;
mod body;
mod chain;
mod coins;
mod uri;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;

use crate::Backend;
use crate::call::{Call, Output};
use crate::error::RpcError;
use crate::methods;
use crate::state::State;
use uri::Format;

/// A refusal, in Core's words.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// What is asked for is there, but not in this format.
    fn no_such_format(available: &str) -> Self {
        Self::not_found(format!("output format not found (available: {available})"))
    }
}

/// Our own failure.
impl From<RpcError> for Refusal {
    fn from(error: RpcError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.message)
    }
}

type Reply = Result<Response<Body>, Refusal>;

/// Formats of what has bytes.
const ALL_FORMATS: &str = ".bin, .hex, .json";

/// One request.
struct Request<'a> {
    state: &'a Arc<State>,
    node: Arc<dyn Backend>,
    /// The path behind what says which kind of thing is asked for, without the format.
    what: String,
    format: Format,
    /// Everything behind the first question mark.
    query: Option<&'a str>,
    /// What was posted.
    body: Bytes,
}

impl Request<'_> {
    /// The answer of a method of JSON-RPC.
    async fn call(&self, method: &str, args: Vec<Value>) -> Result<Output, Refusal> {
        let method = methods::find(method)
            .ok_or_else(|| Refusal::from(RpcError::misc("there is no such method")))?;
        let call = Call {
            method,
            node: Arc::clone(&self.node),
            state: Arc::clone(self.state),
            args,
        };
        Ok((method.run)(call).await?)
    }

    /// Runs what reads the disk or builds a large answer on a thread made for that.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Backend) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || work(&*node))
            .await
            .unwrap_or_else(|error| {
                let message = format!("the request failed: {error}");
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
            })
    }
}

/// Answers a request for this path and query.
pub(crate) async fn answer(state: &Arc<State>, target: &str, body: Bytes) -> Response<Body> {
    let reply = match state.backend() {
        Ok(node) => route(state, Arc::clone(node), target, body).await,
        Err(busy_with) => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("Service temporarily unavailable: {busy_with}"),
        )),
    };
    reply.unwrap_or_else(|refusal| {
        let mut response = typed("text/plain", Body::from(refusal.message + "\r\n"));
        *response.status_mut() = refusal.status;
        response
    })
}

async fn route(state: &Arc<State>, node: Arc<dyn Backend>, target: &str, body: Bytes) -> Reply {
    /// Longer ones first where one begins like another.
    const KINDS: [&str; 11] = [
        "/rest/block/notxdetails/",
        "/rest/block/",
        "/rest/blockpart/",
        "/rest/blockhashbyheight/",
        "/rest/chaininfo",
        "/rest/deploymentinfo/",
        "/rest/deploymentinfo",
        "/rest/getutxos",
        "/rest/headers/",
        "/rest/mempool/",
        "/rest/spenttxouts/",
    ];
    let found = KINDS
        .into_iter()
        .find_map(|kind| Some((kind, target.strip_prefix(kind)?)));
    let Some((kind, rest)) = found else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    };
    let (what, format) = uri::split(rest);
    let request = Request {
        state,
        node,
        what: what.to_owned(),
        format,
        query: target.split_once('?').map(|(_, query)| query),
        body,
    };
    match kind {
        "/rest/block/notxdetails/" => blocks::block(request, blocks::Shape::Ids).await,
        "/rest/block/" => blocks::block(request, blocks::Shape::Whole).await,
        "/rest/blockpart/" => blocks::part(request).await,
        "/rest/blockhashbyheight/" => chain::hash_by_height(&request),
        "/rest/chaininfo" => chain::info(request).await,
        "/rest/getutxos" => coins::unspent(request).await,
        "/rest/headers/" => chain::headers(request).await,
        "/rest/mempool/" => coins::mempool(request).await,
        "/rest/spenttxouts/" => blocks::spent(request).await,
        _ => chain::deployments(request).await,
    }
}

/// Reads a block hash as it stands in a path.
fn parse_hash(text: &str) -> Result<tipward_primitives::BlockHash, Refusal> {
    text.parse()
        .map_err(|_| Refusal::bad_request(format!("Invalid hash: {text}")))
}

/// Bytes as they are or in hexadecimal.
fn bytes_reply(bytes: Bytes, format: Format) -> Option<Response<Body>> {
    match format {
        Format::Binary => Some(typed("application/octet-stream", Body::from(bytes))),
        Format::Hex => Some(typed("text/plain", body::hexadecimal(bytes))),
        Format::Json | Format::Unknown => None,
    }
}

fn json_reply(output: impl Into<Output>) -> Response<Body> {
    let mut text = Vec::new();
    output.into().write(&mut text);
    text.push(b'\n');
    typed("application/json", Body::from(text))
}

fn typed(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
