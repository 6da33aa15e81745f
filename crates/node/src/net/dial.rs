//! Opening connections: directly, or through a SOCKS5 proxy.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tipward_p2p::Target;
use tipward_p2p::addr::{Address, Host};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use super::dns::Dns;
use crate::config::{PeersConfig, split_host_port};

/// Time for a direct connection, as Core's `-timeout`.
const DIRECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a connection through a proxy, which may have to build a circuit first.
const PROXY_TIMEOUT: Duration = Duration::from_secs(20);

/// Knows how to reach whom.
#[derive(Clone)]
pub struct Dialer {
    /// For everything.
    proxy: Option<SocketAddr>,
    /// For onion addresses.
    onion_proxy: Option<SocketAddr>,
    /// Credentials of its own for every connection through a proxy: Tor gives each pair a circuit of its own, so that
    /// two of our peers cannot be known to belong together by their common exit.
    randomize: bool,
    dns: Dns,
    /// Port of a target that names none.
    default_port: u16,
}

impl Dialer {
    /// As the user configured it.
    pub fn new(config: &PeersConfig, dns: Dns, default_port: u16) -> Self {
        Self {
            proxy: config.proxy,
            onion_proxy: config.onion_proxy,
            randomize: config.proxy_randomize,
            dns,
            default_port,
        }
    }

    /// Connects; the address is the other end as far as it is known, which behind a proxy a name's is not.
    pub async fn dial(&self, target: &Target) -> anyhow::Result<(TcpStream, Address)> {
        let (stream, addr) = match target {
            Target::Addr(addr) => (self.dial_address(*addr).await?, *addr),
            Target::Name(name) => self.dial_name(name).await?,
        };
        stream.set_nodelay(true)?;
        Ok((stream, addr))
    }

    async fn dial_address(&self, addr: Address) -> anyhow::Result<TcpStream> {
        match (addr.host, addr.socket_addr()) {
            (Host::TorV3(_), _) => {
                let proxy = self
                    .onion_proxy
                    .context("no proxy for onion addresses: set --proxy or --onion")?;
                let target = TargetAddr::Domain(addr.host.to_string().into(), addr.port);
                self.through(proxy, target).await
            }
            (_, Some(socket_addr)) => match self.proxy {
                Some(proxy) => self.through(proxy, TargetAddr::Ip(socket_addr)).await,
                None => direct(socket_addr).await,
            },
            (_, None) => bail!("no way to reach {} addresses", addr.network()),
        }
    }

    async fn dial_name(&self, name: &str) -> anyhow::Result<(TcpStream, Address)> {
        if let Ok(addr) = Address::parse_with_default_port(name, self.default_port) {
            return Ok((self.dial_address(addr).await?, addr));
        }
        let (host, port) = split_host_port(name).context("neither an address nor host:port")?;
        let port = port.unwrap_or(self.default_port);
        if let Some(proxy) = self.proxy {
            let target = TargetAddr::Domain(host.to_owned().into(), port);
            let stream = self.through(proxy, target).await?;
            return Ok((
                stream,
                Address {
                    port,
                    ..Address::UNSPECIFIED
                },
            ));
        }
        let mut last = None;
        for ip in self.dns.lookup(host).await {
            let addr = SocketAddr::new(ip, port);
            match direct(addr).await {
                Ok(stream) => return Ok((stream, addr.into())),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("the name has no address")))
    }

    async fn through(
        &self,
        proxy: SocketAddr,
        target: TargetAddr<'static>,
    ) -> anyhow::Result<TcpStream> {
        let connect = async {
            if self.randomize {
                let user = format!("{:016x}", rand::random::<u64>());
                Socks5Stream::connect_with_password(proxy, target, &user, &user).await
            } else {
                Socks5Stream::connect(proxy, target).await
            }
        };
        let stream = timeout(PROXY_TIMEOUT, connect)
            .await
            .with_context(|| format!("no answer through proxy {proxy}"))?
            .with_context(|| format!("through proxy {proxy}"))?;
        Ok(stream.into_inner())
    }
}

async fn direct(addr: SocketAddr) -> anyhow::Result<TcpStream> {
    Ok(timeout(DIRECT_TIMEOUT, TcpStream::connect(addr))
        .await
        .context("no answer")??)
}
