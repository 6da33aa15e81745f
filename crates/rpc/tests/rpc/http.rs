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
    pub(crate) body: String,
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
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end..end + length)?;
    Some((
        Response {
            status,
            head,
            body: String::from_utf8(body.to_vec()).unwrap(),
        },
        end + length,
    ))
}
