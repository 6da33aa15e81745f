//! A client that can also misbehave: it writes bytes and reads whole responses.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tipward_rpc::{Credentials, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fake::{PASSWORD, USER};

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// As text, with marks in the place of what is none.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.body))
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(addr).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next response; `None` if the connection ended before it.
    pub(crate) async fn read(&mut self) -> Option<Response> {
        loop {
            if let Some((response, used)) = parse(&self.buffer) {
                self.buffer.drain(..used);
                return Some(response);
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Posts a body with the right password.
    pub(crate) async fn post(&mut self, body: &str) -> Response {
        self.write(request("/", &authorization(), body).as_bytes())
            .await;
        self.read().await.expect("a response")
    }

    /// Calls a method by JSON-RPC 2.0; the whole reply.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = self.post(&body.to_string()).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }
}

/// A connection to a server's first address.
pub(crate) async fn connect(server: &Server) -> Connection {
    Connection::open(server.local_addrs()[0]).await
}

pub(crate) fn authorization() -> String {
    Credentials::new(USER, PASSWORD).header()
}

pub(crate) fn request(path: &str, authorization: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn parse(bytes: &[u8]) -> Option<(Response, usize)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_lowercase();
    let status: u16 = head.split(' ').nth(1)?.parse().unwrap();
    let body = &bytes[end..];
    let (body, used) = if head.contains("transfer-encoding: chunked") {
        chunks(body)?
    } else {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        (body.get(..length)?.to_vec(), length)
    };
    Some((
        Response {
            status,
            head,
            body: String::from_utf8_lossy(&body).into_owned(),
            bytes: body,
        },
        end + used,
    ))
}

/// The chunks of a body, joined, and the bytes that they took; `None` until the last one is there.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes.get(at..)?.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        at += line + 2;
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size + 2;
        if size == 0 {
            return (at <= bytes.len()).then_some((body, at));
        }
    }
}
