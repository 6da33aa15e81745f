//! The page, its events, the metrics and the health of the node, on the port of JSON-RPC. All of it can only be read.
//!
//! # Who may look
//!
//! Whoever knows the password or the cookie, from wherever JSON-RPC may be called. Without a password only who sits at this
//! very machine, and only if nobody else can come by: every address that is listened at is a loopback one. Then a request
//! must also
//!
//! - come from a loopback address, and not by way of a proxy (which would hide who is behind it);
//! - name a loopback host in `Host`: a page from elsewhere, whose name its owner has turned to 127.0.0.1 (DNS rebinding),
//!   names another.
//!
//! # What other pages see
//!
//! Nothing: no header lets them read an answer, whatever is data refuses requests that the browser says were made by another
//! site, and nothing can be put into a frame.
//!
//! # Bounds
//! [`MAX_LOOKERS`] streams of events at a time, each holding nothing but the newest status while its reader is slow.

mod events;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tipward_watch::page::{self, ASSETS, Asset};
use tipward_watch::{Feed, Health, metrics};
use tokio::sync::Semaphore;

use crate::auth::Auth;
use crate::state::State;
use events::Events;

/// Streams of events at a time.
const MAX_LOOKERS: usize = 32;
/// What is served besides the page's own files.
const OTHERS: [&str; 6] = [
    page::EVENTS,
    page::STATUS,
    page::COURSE,
    "/metrics",
    "/health",
    "/ready",
];

/// What there is to see, and whether a password is needed.
pub(crate) struct Watch {
    feed: Feed,
    /// Every address that is listened at is a loopback one.
    only_here: bool,
    lookers: Arc<Semaphore>,
}

impl Watch {
    pub(crate) fn new(feed: Feed, addrs: &[SocketAddr]) -> Self {
        Self {
            feed,
            only_here: addrs.iter().all(|addr| addr.ip().is_loopback()),
            lookers: Arc::new(Semaphore::new(MAX_LOOKERS)),
        }
    }

    /// Whether a path is one of ours.
    pub(crate) fn serves(path: &str) -> bool {
        asset(path).is_some() || OTHERS.contains(&path)
    }

    /// Answers; `None` if the request needs a password and brings none, or a wrong one.
    pub(crate) fn answer(
        &self,
        peer: IpAddr,
        auth: &Auth,
        state: &State,
        request: &Parts,
    ) -> Option<Response<Body>> {
        let (path, headers) = (request.uri.path(), &request.headers);
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Some(plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "Only GET is answered here",
            ));
        }
        let knows_the_password = headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| auth.accepts(given.as_bytes()));
        let may_look = knows_the_password || (self.only_here && sits_here(peer, headers));
        if !may_look {
            return None;
        }
        if let Some(asset) = asset(path) {
            return Some(file(asset));
        }
        if is_foreign(headers) {
            return Some(plain(StatusCode::FORBIDDEN, "Not for other sites"));
        }
        Some(match path {
            page::EVENTS => self.events(state),
            page::STATUS => data("application/json", self.feed.newest().json().as_bytes()),
            page::COURSE => {
                let course = serde_json::to_vec(&self.feed.course()).unwrap_or_default();
                data("application/json", &course)
            }
            "/metrics" => {
                let text = metrics::render(&self.feed.newest().status);
                data(metrics::CONTENT_TYPE, text.as_bytes())
            }
            "/health" => self.health(tipward_watch::health),
            _ => self.health(tipward_watch::ready),
        })
    }

    fn health(&self, judge: fn(&tipward_watch::Status, Duration) -> Health) -> Response<Body> {
        let newest = self.feed.newest();
        let health = judge(&newest.status, newest.age());
        let code = if health.ok {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let mut response = data(
            "text/plain; charset=utf-8",
            format!("{}\n", health.why).as_bytes(),
        );
        *response.status_mut() = code;
        response
    }

    fn events(&self, state: &State) -> Response<Body> {
        let Ok(place) = Arc::clone(&self.lookers).try_acquire_owned() else {
            return plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many are watching already",
            );
        };
        let mut response = data("text/event-stream", b"");
        *response.body_mut() = Body::new(Events::new(&self.feed, state.stopping(), place));
        response
    }
}

/// Somebody opened the bare address in a browser.
pub(crate) fn is_a_browser(request: &Request<Body>) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    *request.method() == Method::GET
        && accept
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

/// Leads a browser to the page.
pub(crate) fn this_way() -> Response<Body> {
    let mut response = plain(StatusCode::SEE_OTHER, "");
    let to = HeaderValue::from_static(page::PATH);
    response.headers_mut().insert(header::LOCATION, to);
    response
}

fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The request comes from this machine, from a program or a page that asked for this machine by its name.
fn sits_here(peer: IpAddr, headers: &HeaderMap) -> bool {
    const PROXIES: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let by_proxy = PROXIES.iter().any(|name| headers.contains_key(*name));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    peer.to_canonical().is_loopback() && !by_proxy && host.is_some_and(is_loopback_host)
}

/// `localhost`, an address of 127.0.0.0/8 or `[::1]`, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, _)) = rest.split_once(']') else {
            return false;
        };
        return address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The browser says that another site made the request.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

fn file(asset: &'static Asset) -> Response<Body> {
    let mut response = data(asset.content_type, b"");
    *response.body_mut() = Body::from(asset.body);
    // Asked for anew each time, so that a newer version of the program shows its own.
    let always = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, always);
    response
}

fn plain(code: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = data("text/plain; charset=utf-8", text.as_bytes());
    *response.status_mut() = code;
    response
}

/// An answer with all the headers that keep it where it belongs.
fn data(content_type: &'static str, body: &[u8]) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_vec()));
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("content-security-policy", page::POLICY),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
