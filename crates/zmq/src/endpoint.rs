//! Where a socket listens: `tcp://ADDRESS:PORT` or `ipc://PATH`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// An address to publish at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `tcp://ADDRESS:PORT`; `*` for every IPv4 address.
    Tcp(SocketAddr),
    /// `ipc://PATH`, a Unix socket. Bitcoin Core's `unix:PATH` means the same.
    Ipc(PathBuf),
}

/// A text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be tcp://ADDRESS:PORT, with an IP address or *, or ipc://PATH")]
pub struct BadEndpoint;

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let path = text
            .strip_prefix("ipc://")
            .or_else(|| text.strip_prefix("unix:"));
        if let Some(path) = path {
            return if path.is_empty() {
                Err(BadEndpoint)
            } else {
                Ok(Self::Ipc(path.into()))
            };
        }
        let rest = text.strip_prefix("tcp://").ok_or(BadEndpoint)?;
        let (host, port) = rest.rsplit_once(':').ok_or(BadEndpoint)?;
        let port = port.parse().map_err(|_| BadEndpoint)?;
        let ip = match host {
            "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => match host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')) {
                Some(v6) => IpAddr::V6(v6.parse().map_err(|_| BadEndpoint)?),
                None => IpAddr::V4(host.parse().map_err(|_| BadEndpoint)?),
            },
        };
        Ok(Self::Tcp(SocketAddr::new(ip, port)))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "tcp://{addr}"),
            Self::Ipc(path) => write!(f, "ipc://{}", path.display()),
        }
    }
}
