//! As much of HTTP/1.1 as one request and its answer need.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Time to reach the node; its answer may take as long as it likes (`waitforblockheight`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Posts `body` to `/` and reads the answer to its end.
pub(super) fn post(addr: SocketAddr, authorization: &str, body: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {addr}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes)
}

/// The node closes the connection after its answer, and sends it in one piece.
fn parse(bytes: &[u8]) -> anyhow::Result<Answer> {
    let text = std::str::from_utf8(bytes).context("the answer is no text")?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the connection closed before an answer came")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("the answer is no HTTP")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    ensure!(
        length.is_none_or(|length| length == body.len()),
        "the connection closed in the middle of the answer"
    );
    Ok(Answer {
        status,
        body: body.to_owned(),
    })
}
