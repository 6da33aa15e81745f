//! The HTTP server.
//!
//! ```text
//! socket ─▶ address allowed? ─▶ POST / ? ─▶ authorized? ─▶ room in the queue? ─▶ body ─▶ protocol ─▶ reply
//!             403                404, 405      401, late      503                 413      403
//!                      ╲
//!                       ─▶ /rest/... ─▶ room in the queue? ─▶ rest ─▶ reply, made while it is sent
//! ```
//!
//! The page that shows the node, and what belongs to it, take a way of their own (`watch.rs`).
//!
//! Nothing is read of a body before its sender is authorized. What strangers can take is bounded: so many connections,
//! each with a small buffer and half a minute for its headers. What callers can take is bounded too: so many calls at
//! a time (those that wait for a block among them), so many bytes of bodies.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tipward_watch::Feed;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use crate::auth::Auth;
use crate::protocol::{self, Endpoint};
use crate::state::State;
use crate::watch::{self, Watch};
use crate::{Backend, Credentials, SaltedLogin, Subnet, Whitelist, rest};

/// Largest body of a request, as in Core.
const MAX_BODY: usize = 32 << 20;
/// Largest body of a request for REST: a few outputs, by no login.
const MAX_REST_BODY: usize = 64 << 10;
/// Bytes that all bodies being read or answered may take together.
const MAX_BODIES: usize = 4 * MAX_BODY;
/// Connections at a time; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
/// Bytes of a request's head, and of the read buffer of a connection.
const MAX_HEAD: usize = 64 << 10;
/// Time for a request's head, counted from the end of the one before, and between two pieces of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a wrong password waits for its answer, against those who try many.
const WRONG_PASSWORD_DELAY: Duration = Duration::from_millis(250);
/// Wrong passwords that are being delayed at a time; more wait longer.
const WRONG_PASSWORDS_AT_A_TIME: usize = 16;
/// How long a stopping server waits for replies to be sent.
const GRACE: Duration = Duration::from_secs(5);

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 for any free one.
    pub bind: Vec<SocketAddr>,
    /// Addresses besides loopback ones that may call; all others are refused with 403.
    pub allow: Vec<Subnet>,
    /// Who may call.
    pub credentials: Vec<Credentials>,
    /// Who may call, too.
    pub salted_logins: Vec<SaltedLogin>,
    /// What each user may call.
    pub whitelist: Whitelist,
    /// Serve REST, without a login, to those addresses too.
    pub rest: bool,
    /// Calls at a time, waiting ones included; further ones are refused with 503. At least 1.
    pub work_queue: usize,
    /// What the page, the metrics and the health show; `None` for neither of them.
    pub watch: Option<Feed>,
}

impl ServerConfig {
    /// Core's 16 threads and the 64 requests that may queue for them.
    pub const DEFAULT_WORK_QUEUE: usize = 16 + 64;
}

/// A running server. It answers from the moment it is bound: with -28 until [`Server::ready`].
pub struct Server {
    state: Arc<State>,
    addrs: Vec<SocketAddr>,
    tasks: JoinSet<()>,
}

/// What every request is judged by.
struct Gate {
    state: Arc<State>,
    auth: Auth,
    whitelist: Whitelist,
    allow: Vec<Subnet>,
    rest: bool,
    calls: Semaphore,
    /// In KiB: a semaphore counts no further than 32 bits.
    body_kib: Semaphore,
    wrong_passwords: Semaphore,
    watch: Option<Watch>,
}

impl Server {
    /// Binds and begins to serve, on the runtime that this is called on.
    pub async fn bind(config: ServerConfig) -> io::Result<Self> {
        let state = State::new();
        let gate = Arc::new(Gate {
            watch: config.watch.map(|feed| Watch::new(feed, &config.bind)),
            state: Arc::clone(&state),
            auth: Auth::new(&config.credentials, config.salted_logins),
            whitelist: config.whitelist,
            allow: config.allow,
            rest: config.rest,
            calls: Semaphore::new(config.work_queue.max(1)),
            body_kib: Semaphore::new(MAX_BODIES >> 10),
            wrong_passwords: Semaphore::new(WRONG_PASSWORDS_AT_A_TIME),
        });
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let (mut addrs, mut tasks) = (Vec::new(), JoinSet::new());
        for addr in config.bind {
            let listener = TcpListener::bind(addr).await.map_err(|error| {
                io::Error::new(error.kind(), format!("cannot serve RPC on {addr}: {error}"))
            })?;
            addrs.push(listener.local_addr()?);
            tasks.spawn(accept(listener, Arc::clone(&gate), Arc::clone(&slots)));
        }
        Ok(Self {
            state,
            addrs,
            tasks,
        })
    }

    /// Where it listens.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// A handle to tell it what the node is doing, for use elsewhere.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle(Arc::clone(&self.state))
    }

    /// Says what the node is still busy with; callers see it with error -28.
    pub fn set_warmup(&self, message: impl Into<String>) {
        self.state.set_warmup(message.into());
    }

    /// The node is ready: calls are answered from now on.
    pub fn ready(&self, backend: Arc<dyn Backend>) {
        self.state.set_ready(backend);
    }

    /// Ends all waiting calls, accepts no more, and returns when the last replies are sent or a few seconds have passed.
    pub async fn shutdown(mut self) {
        self.state.stop();
        let all_done = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all_done).await.is_err() {
            tracing::debug!(target: "rpc", "some replies could not be sent before the end");
        }
    }
}

/// See [`Server::handle`].
#[derive(Clone)]
pub struct ServerHandle(Arc<State>);

impl ServerHandle {
    /// See [`Server::set_warmup`].
    pub fn set_warmup(&self, message: impl Into<String>) {
        self.0.set_warmup(message.into());
    }

    /// See [`Server::ready`].
    pub fn ready(&self, backend: Arc<dyn Backend>) {
        self.0.set_ready(backend);
    }
}

/// Accepts connections until the server stops, then waits for the last of them.
async fn accept(listener: TcpListener, gate: Arc<Gate>, slots: Arc<Semaphore>) {
    let stopping = gate.state.stopping();
    tokio::pin!(stopping);
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        tokio::select! {
            () = &mut stopping => break,
            Some(_) = connections.join_next() => {}
            (slot, accepted) = accepted => match accepted {
                Ok((stream, peer)) => {
                    let gate = Arc::clone(&gate);
                    connections.spawn(async move {
                        serve(stream, peer, gate).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of file handles, most likely: others must close first.
                    tracing::warn!(target: "rpc", %error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, peer: SocketAddr, gate: Arc<Gate>) {
    let _ = stream.set_nodelay(true);
    let stopping = gate.state.stopping();
    let service = service_fn(move |request: Request<Incoming>| {
        let gate = Arc::clone(&gate);
        async move { Ok::<_, Infallible>(dispatch(&gate, peer, request.map(Body::new)).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(target: "rpc", %peer, %error, "connection ended");
    }
}

/// Hands a request to who answers it.
async fn dispatch(gate: &Gate, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let names_something = |prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|name| !name.is_empty())
    };
    if path == "/" {
        handle(gate, peer, Endpoint::Node, request).await
    } else if names_something("/wallet/") {
        handle(gate, peer, Endpoint::Wallet, request).await
    } else if gate.rest && names_something("/rest/") {
        serve_rest(gate, peer, request).await
    } else {
        show(gate, peer, &request.into_parts().0).await
    }
}

async fn handle(
    gate: &Gate,
    peer: SocketAddr,
    endpoint: Endpoint,
    request: Request<Body>,
) -> Response<Body> {
    if let Some(refusal) = gate.refuses(peer.ip()) {
        return refusal;
    }
    if request.method() != Method::POST {
        if gate.watch.is_some() && watch::is_a_browser(&request) {
            return watch::this_way();
        }
        return text(
            StatusCode::METHOD_NOT_ALLOWED,
            "JSONRPC server handles only POST requests",
        );
    }
    let given = request.headers().get(header::AUTHORIZATION);
    let Some(user) = given.and_then(|given| gate.auth.user(given.as_bytes())) else {
        return gate.no_password(peer, given.is_some()).await;
    };
    let _slot = match gate.slot() {
        Ok(slot) => slot,
        Err(why) => return text(StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(MAX_BODY);
    if announced > MAX_BODY {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let kib = u32::try_from(announced.div_ceil(1 << 10)).unwrap_or(u32::MAX);
    let _room = gate.body_kib.acquire_many(kib).await;
    let body = match read_body(request.into_body(), MAX_BODY).await {
        Ok(body) => body,
        Err(refusal) => return status(refusal),
    };
    let rights = gate.whitelist.rights_of(&user);
    let reply = protocol::answer(&gate.state, endpoint, rights, body).await;
    if reply.status == 403 {
        tracing::warn!(target: "rpc", %user, "a call that this user may not make was refused");
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(mut body) = reply.body {
        body.push(b'\n');
        *response.body_mut() = Body::from(body);
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
    }
    response
}

/// What is no JSON-RPC: the page and what belongs to it.
async fn show(gate: &Gate, peer: SocketAddr, request: &Parts) -> Response<Body> {
    if let Some(refusal) = gate.refuses(peer.ip()) {
        return refusal;
    }
    let Some(watch) = gate
        .watch
        .as_ref()
        .filter(|_| Watch::serves(request.uri.path()))
    else {
        return status(StatusCode::NOT_FOUND);
    };
    match watch.answer(peer.ip(), &gate.auth, &gate.state, request) {
        Some(response) => response,
        None => {
            let given = request.headers.contains_key(header::AUTHORIZATION);
            gate.no_password(peer, given).await
        }
    }
}

async fn serve_rest(gate: &Gate, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
    if let Some(refusal) = gate.refuses(peer.ip()) {
        return refusal;
    }
    let _slot = match gate.slot() {
        Ok(slot) => slot,
        Err(why) => return text(StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let target = request.uri().path_and_query();
    let target = target.map_or_else(String::new, ToString::to_string);
    match read_body(request.into_body(), MAX_REST_BODY).await {
        Ok(body) => rest::answer(&gate.state, &target, body).await,
        Err(refusal) => status(refusal),
    }
}

impl Gate {
    /// The answer to who brings no password, or after a while, to who brings a wrong one.
    async fn no_password(&self, peer: SocketAddr, wrong: bool) -> Response<Body> {
        if wrong {
            tracing::warn!(target: "rpc", %peer, "wrong password");
            let _turn = self.wrong_passwords.acquire().await;
            tokio::time::sleep(WRONG_PASSWORD_DELAY).await;
        }
        unauthorized()
    }

    /// Room for one call, or why there is none.
    fn slot(&self) -> Result<SemaphorePermit<'_>, &'static str> {
        if self.state.is_stopping() {
            return Err("Request rejected during server shutdown");
        }
        self.calls.try_acquire().map_err(|_| {
            tracing::warn!(target: "rpc", "a request was refused because too many are being answered");
            "Work queue depth exceeded"
        })
    }

    /// The refusal, if this address may not call.
    fn refuses(&self, addr: IpAddr) -> Option<Response<Body>> {
        let allowed = addr.to_canonical().is_loopback()
            || self.allow.iter().any(|subnet| subnet.contains(addr));
        (!allowed).then(|| status(StatusCode::FORBIDDEN))
    }
}

/// Reads a body of at most `most` bytes.
async fn read_body(mut body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let mut bytes = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(READ_TIMEOUT, body.frame())
            .await
            .map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Err(_)) => return Err(StatusCode::BAD_REQUEST),
            Some(Ok(frame)) => {
                // Trailers are of no use here.
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                if bytes.len() + data.len() > most {
                    return Err(StatusCode::PAYLOAD_TOO_LARGE);
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

fn unauthorized() -> Response<Body> {
    let mut response = status(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        header::HeaderValue::from_static("Basic realm=\"jsonrpc\""),
    );
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn text(code: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = status(code);
    *response.body_mut() = Body::from(text);
    response
}
