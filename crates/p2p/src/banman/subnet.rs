//! Ranges of addresses as people write them: `1.2.3.0/24`, `1.2.3.0/255.255.255.0`, `2600::/32`, or one address.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::addr::Host;

/// All IP addresses with a common prefix, or one address of any network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    /// The first address; bits behind the prefix are zero.
    base: Host,
    /// Bits that all its addresses share; `None` if it is one address of a network without prefixes.
    prefix: Option<u8>,
}

/// The text is no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address or subnet")]
pub struct ParseSubnetError(String);

impl From<Host> for Subnet {
    /// One address.
    fn from(base: Host) -> Self {
        let prefix = match base {
            Host::Ipv4(_) => Some(32),
            Host::Ipv6(_) => Some(128),
            Host::TorV3(_) | Host::I2p(_) | Host::Cjdns(_) => None,
        };
        Self { base, prefix }
    }
}

impl Subnet {
    /// The addresses that share the first `prefix` bits with `host`. `None` if the host's network has no prefixes, or
    /// not that long ones.
    pub fn new(host: Host, prefix: u8) -> Option<Self> {
        let base = match host {
            Host::Ipv4(ip) if prefix <= 32 => Host::Ipv4(cut_v4(ip, prefix)),
            Host::Ipv6(ip) if prefix <= 128 => Host::Ipv6(cut_v6(ip, prefix)),
            _ => return None,
        };
        Some(Self {
            base,
            prefix: Some(prefix),
        })
    }

    /// Whether it covers this address.
    pub fn contains(&self, host: &Host) -> bool {
        match (self.base, *host, self.prefix) {
            (Host::Ipv4(base), Host::Ipv4(ip), Some(prefix)) => cut_v4(ip, prefix) == base,
            (Host::Ipv6(base), Host::Ipv6(ip), Some(prefix)) => cut_v6(ip, prefix) == base,
            (base, other, _) => base == other,
        }
    }
}

fn cut_v4(ip: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from(u32::from(ip) & mask)
}

fn cut_v6(ip: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    Ipv6Addr::from(u128::from(ip) & mask)
}

/// Length of the prefix that a netmask stands for.
fn netmask(mask: Host) -> Option<u8> {
    let (ones, zeros, width) = match mask {
        Host::Ipv4(m) => (
            u32::from(m).leading_ones(),
            u32::from(m).trailing_zeros(),
            32,
        ),
        Host::Ipv6(m) => (
            u128::from(m).leading_ones(),
            u128::from(m).trailing_zeros(),
            128,
        ),
        _ => return None,
    };
    (ones + zeros == width).then_some(ones as u8)
}

impl FromStr for Subnet {
    type Err = ParseSubnetError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let Some((host, mask)) = s.split_once('/') else {
                return Some(s.parse::<Host>().ok()?.into());
            };
            let host: Host = host.parse().ok()?;
            let prefix = if mask.bytes().all(|b| b.is_ascii_digit()) {
                mask.parse().ok()?
            } else {
                let mask: Host = mask.parse().ok()?;
                if mask.network() != host.network() {
                    return None;
                }
                netmask(mask)?
            };
            Self::new(host, prefix)
        };
        parse().ok_or_else(|| ParseSubnetError(s.to_owned()))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.base),
            None => self.base.fmt(f),
        }
    }
}
