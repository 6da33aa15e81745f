//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::config::Listen;

/// Connections that the system keeps for us until they are accepted.
const BACKLOG: i32 = 128;
/// How long to wait when the system cannot give us another connection: those in use will be given back.
const RETRY: Duration = Duration::from_millis(200);

/// Opens all listening sockets; one that is not required may fail.
pub(crate) fn bind(addrs: &[Listen]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for listen in addrs {
        match bind_one(listen.addr) {
            Ok(listener) => {
                let addr = listener.local_addr().unwrap_or(listen.addr);
                tracing::info!(target: "net", "Listening on {addr}");
                listeners.push(listener);
            }
            Err(error) if !listen.required => {
                tracing::debug!(target: "net", "not listening on {}: {error}", listen.addr);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "cannot listen on {}: the port is taken, perhaps by another node; choose one with --port or --bind, or use --listen off",
                listen.addr
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot listen on {}", listen.addr));
            }
        }
    }
    Ok(listeners)
}

fn bind_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        // IPv4 has a listener of its own.
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The next connection.
pub(super) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, addr)) => match stream.set_nodelay(true) {
                Ok(()) => return (stream, addr),
                // It is gone already.
                Err(_) => continue,
            },
            Err(error) => {
                tracing::debug!(target: "net", "cannot accept a connection: {error}");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
