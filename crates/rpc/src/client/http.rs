//! As much of an HTTP/1.1 client as one request needs.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Time for a connection to come to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Posts a body to `/`, over a connection of its own.
pub(super) fn post(
    addr: SocketAddr,
    authorization: &str,
    body: &[u8],
    timeout: Option<Duration>,
) -> io::Result<Response> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    exchange(addr, &[head.as_bytes(), body].concat(), timeout)
}

/// Gets a path, over a connection of its own.
pub(super) fn get(
    addr: SocketAddr,
    path: &str,
    authorization: &str,
    timeout: Option<Duration>,
) -> io::Result<Response> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
    );
    exchange(addr, head.as_bytes(), timeout)
}

fn exchange(addr: SocketAddr, request: &[u8], timeout: Option<Duration>) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
    stream.set_read_timeout(timeout)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the connection ended before a whole answer came",
        )
    })
}

/// Takes a whole response apart; `None` if something is missing.
fn parse(answer: &[u8]) -> Option<Response> {
    const END: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END.len()).position(|w| w == END)?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let body = &answer[end + END.len()..];
    let mut lines = head.split("\r\n");
    let status = lines
        .next()?
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    let body = match length {
        Some(length) => body.get(..length)?,
        None => body,
    };
    Some(Response {
        status,
        body: body.to_vec(),
    })
}
