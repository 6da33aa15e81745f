//! Network addresses of every kind that BIP155 knows, with a port.

mod text;

#[cfg(test)]
pub(crate) mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sha2::{Digest as _, Sha256};
pub use text::ParseAddressError;
pub(crate) use text::split_host_port;

/// Where a node can be found, without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// IPv4.
    Ipv4(Ipv4Addr),
    /// IPv6, never one that maps an IPv4 address ([`Host::from`] sees to that).
    Ipv6(Ipv6Addr),
    /// Public key of a Tor onion service, version 3.
    TorV3([u8; 32]),
    /// Hash of an I2P destination.
    I2p([u8; 32]),
    /// CJDNS; a valid one starts with the byte 0xfc.
    Cjdns(Ipv6Addr),
}

/// The networks that addresses belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddrNetwork {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Tor onion services.
    Onion,
    /// I2P.
    I2p,
    /// CJDNS.
    Cjdns,
}

impl AddrNetwork {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ipv4, Self::Ipv6, Self::Onion, Self::I2p, Self::Cjdns];

    /// Name as in Core's RPC and options: ipv4, ipv6, onion, i2p, cjdns.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Onion => "onion",
            Self::I2p => "i2p",
            Self::Cjdns => "cjdns",
        }
    }

    /// The network with this [`AddrNetwork::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|n| n.name() == name)
    }

    /// Network id of BIP155.
    pub const fn bip155_id(self) -> u8 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
            Self::Onion => 4,
            Self::I2p => 5,
            Self::Cjdns => 6,
        }
    }
}

impl std::fmt::Display for AddrNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of networks, e.g. those that connections can be opened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSet(u8);

impl NetworkSet {
    /// No network.
    pub const NONE: Self = Self(0);
    /// What a node without a proxy can reach: IPv4 and IPv6.
    pub const CLEARNET: Self = Self::NONE.with(AddrNetwork::Ipv4).with(AddrNetwork::Ipv6);

    /// The set with one more network.
    #[must_use]
    pub const fn with(self, network: AddrNetwork) -> Self {
        Self(self.0 | 1 << network.bip155_id())
    }

    /// The set without this network.
    #[must_use]
    pub const fn without(self, network: AddrNetwork) -> Self {
        Self(self.0 & !(1 << network.bip155_id()))
    }

    /// Whether the network is in the set.
    pub const fn contains(self, network: AddrNetwork) -> bool {
        self.0 & 1 << network.bip155_id() != 0
    }

    /// The networks of the set.
    pub fn iter(self) -> impl Iterator<Item = AddrNetwork> {
        AddrNetwork::ALL
            .into_iter()
            .filter(move |n| self.contains(*n))
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::Ipv4(v4),
            IpAddr::V6(v6) => Self::from(v6),
        }
    }
}

impl From<Ipv4Addr> for Host {
    fn from(v4: Ipv4Addr) -> Self {
        Self::Ipv4(v4)
    }
}

impl From<Ipv6Addr> for Host {
    fn from(v6: Ipv6Addr) -> Self {
        match v6.to_ipv4_mapped() {
            Some(v4) => Self::Ipv4(v4),
            None => Self::Ipv6(v6),
        }
    }
}

impl Host {
    /// Stands for a name as the source of addresses. It is no address of anything, but has a network group of its own,
    /// so that what one DNS seed says takes no room from what another says.
    pub fn named(name: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(name).into();
        let mut octets = [0; 16];
        octets[..6].copy_from_slice(&INTERNAL_PREFIX);
        octets[6..].copy_from_slice(&hash[..10]);
        Self::Ipv6(octets.into())
    }

    /// Whether it was made by [`Host::named`].
    pub fn is_named(&self) -> bool {
        matches!(self, Self::Ipv6(v6) if starts_with(v6, &INTERNAL_PREFIX))
    }

    /// Which network it belongs to.
    pub const fn network(&self) -> AddrNetwork {
        match self {
            Self::Ipv4(_) => AddrNetwork::Ipv4,
            Self::Ipv6(_) => AddrNetwork::Ipv6,
            Self::TorV3(_) => AddrNetwork::Onion,
            Self::I2p(_) => AddrNetwork::I2p,
            Self::Cjdns(_) => AddrNetwork::Cjdns,
        }
    }

    /// The IP address to give to the operating system, if it is of a network that has such addresses.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ipv4(v4) => Some(IpAddr::V4(*v4)),
            Self::Ipv6(v6) | Self::Cjdns(v6) => Some(IpAddr::V6(*v6)),
            Self::TorV3(_) | Self::I2p(_) => None,
        }
    }

    /// An IPv6 address of fc00::/8 taken for what it is on a machine that is part of CJDNS. Everywhere else such an
    /// address is a private one (RFC4193), so only the caller can know.
    #[must_use]
    pub fn flip_to_cjdns(self) -> Self {
        match self {
            Self::Ipv6(v6) if v6.octets()[0] == CJDNS_PREFIX => Self::Cjdns(v6),
            other => other,
        }
    }

    /// Loopback, or "this host" (0.0.0.0/8).
    pub fn is_local(&self) -> bool {
        match self {
            Self::Ipv4(v4) => matches!(v4.octets()[0], 0 | 127),
            Self::Ipv6(v6) => *v6 == Ipv6Addr::LOCALHOST,
            _ => false,
        }
    }

    /// Whether it can refer to a host at all.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Ipv4(v4) => !v4.is_unspecified() && !v4.is_broadcast(),
            Self::Ipv6(v6) => {
                !v6.is_unspecified()
                    && !starts_with(v6, &[0x20, 0x01, 0x0d, 0xb8])
                    && !starts_with(v6, &ONION_CAT_PREFIX)
                    && !starts_with(v6, &INTERNAL_PREFIX)
            }
            Self::TorV3(_) | Self::I2p(_) => true,
            Self::Cjdns(v6) => v6.octets()[0] == CJDNS_PREFIX,
        }
    }

    /// Whether it can be reached from everywhere in its network: valid, and neither private nor local nor set aside
    /// for tests and documentation.
    pub fn is_routable(&self) -> bool {
        self.is_valid()
            && !self.is_local()
            && match self {
                Self::Ipv4(v4) => {
                    let [a, b, ..] = v4.octets();
                    !(v4.is_private()
                        || v4.is_link_local()
                        || v4.is_documentation()
                        || (a == 198 && matches!(b, 18 | 19)) // RFC2544: benchmarks
                        || (a == 100 && (64..128).contains(&b))) // RFC6598: carrier-grade NAT
                }
                Self::Ipv6(v6) => {
                    let o = v6.octets();
                    !(o[..8] == [0xfe, 0x80, 0, 0, 0, 0, 0, 0] // RFC4862: link-local
                        || o[0] & 0xfe == 0xfc // RFC4193: private
                        // ORCHID, which names hosts but routes nowhere: RFC4843 and RFC7343.
                        || (o[..3] == [0x20, 0x01, 0x00] && matches!(o[3] & 0xf0, 0x10 | 0x20)))
                }
                _ => true,
            }
    }
}

/// A host and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Where.
    pub host: Host,
    /// TCP port; 0 on I2P, which has none.
    pub port: u16,
}

impl Address {
    /// The address that stands for "unknown" in a `version` message: `[::]:0`.
    pub const UNSPECIFIED: Self = Self {
        host: Host::Ipv6(Ipv6Addr::UNSPECIFIED),
        port: 0,
    };

    /// A host and a port.
    pub fn new(host: impl Into<Host>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// Which network it belongs to.
    pub const fn network(&self) -> AddrNetwork {
        self.host.network()
    }

    /// What to give to the operating system, if it is of a network that has such addresses.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.ip()?, self.port))
    }

    /// Network, host and port at a fixed length, to be hashed.
    pub(crate) fn key(&self) -> [u8; 35] {
        let mut key = [0; 35];
        key[0] = self.network().bip155_id();
        match &self.host {
            Host::Ipv4(ip) => key[1..5].copy_from_slice(&ip.octets()),
            Host::Ipv6(ip) | Host::Cjdns(ip) => key[1..17].copy_from_slice(&ip.octets()),
            Host::TorV3(k) | Host::I2p(k) => key[1..33].copy_from_slice(k),
        }
        key[33..].copy_from_slice(&self.port.to_be_bytes());
        key
    }

    /// See [`Host::is_routable`].
    pub fn is_routable(&self) -> bool {
        self.host.is_routable()
    }

    /// See [`Host::is_valid`].
    pub fn is_valid(&self) -> bool {
        self.host.is_valid()
    }

    /// See [`Host::is_local`].
    pub fn is_local(&self) -> bool {
        self.host.is_local()
    }
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        Self::new(addr.ip(), addr.port())
    }
}

/// Every CJDNS address starts with this byte.
const CJDNS_PREFIX: u8 = 0xfc;
/// Tor v2 services were once written as IPv6 addresses of this prefix. They no longer exist.
const ONION_CAT_PREFIX: [u8; 6] = [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43];
/// Names stand as IPv6 addresses of this prefix where only an address will do, as in Core.
const INTERNAL_PREFIX: [u8; 6] = [0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24];

fn starts_with(v6: &Ipv6Addr, prefix: &[u8]) -> bool {
    v6.octets().starts_with(prefix)
}
