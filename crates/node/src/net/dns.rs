//! Names become addresses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

/// A server that has not answered by then is not waited for; there are two attempts.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Addresses taken from one name at most: a DNS seed must not fill the address manager by itself (Core takes 32).
const MAX_ADDRS: usize = 32;

/// Looks names up, with the system's configuration or at a given server.
#[derive(Clone)]
pub struct Dns {
    /// `None` where the system has no DNS configuration at all.
    resolver: Option<TokioResolver>,
}

impl Dns {
    /// Asks `server`, or whom the system asks. Needs a running tokio runtime.
    pub fn new(server: Option<SocketAddr>) -> Self {
        let builder = match server {
            Some(addr) => Ok(TokioResolver::builder_with_config(
                ResolverConfig::from_name_servers(vec![name_server(addr)]),
                TokioRuntimeProvider::default(),
            )),
            None => TokioResolver::builder_tokio(),
        };
        let resolver = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = TIMEOUT;
            options.attempts = 2;
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            builder.build()
        });
        match resolver {
            Ok(resolver) => Self {
                resolver: Some(resolver),
            },
            Err(error) => {
                tracing::warn!(target: "net", "no names can be looked up: {error}");
                Self { resolver: None }
            }
        }
    }

    /// Addresses of `host`, none if it has none or nobody answers; an address is its own answer.
    pub async fn lookup(&self, host: &str) -> Vec<IpAddr> {
        if let Ok(ip) = host.parse() {
            return vec![ip];
        }
        let Some(resolver) = &self.resolver else {
            return Vec::new();
        };
        // The final dot keeps the system's search domains out of it; "localhost" and the like are in the hosts file.
        let name = if host.contains('.') && !host.ends_with('.') {
            format!("{host}.")
        } else {
            host.to_owned()
        };
        match resolver.lookup_ip(name).await {
            Ok(found) => found.iter().take(MAX_ADDRS).collect(),
            Err(error) => {
                tracing::debug!(target: "net", "looking up {host}: {error}");
                Vec::new()
            }
        }
    }
}

fn name_server(addr: SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    udp.port = addr.port();
    let mut tcp = ConnectionConfig::tcp();
    tcp.port = addr.port();
    NameServerConfig::new(addr.ip(), true, vec![udp, tcp])
}
