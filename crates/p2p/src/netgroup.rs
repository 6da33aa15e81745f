//! Network groups: addresses that are likely to be run by the same party.
//!
//! Getting many addresses is cheap inside one group and expensive across groups. So limits are set by group: which
//! buckets of the address manager an address can come to, how many outbound connections go there, which inbound
//! connections are worth protecting.

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::addr::{AddrNetwork, Host};

/// A network group: a /16 of IPv4 (also where it is embedded in IPv6), a /32 of IPv6, a /36 inside Hurricane Electric's
/// free tunnels, four bits of a Tor, I2P or CJDNS address. Every name is a group. All else that is not routable is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetGroup([u8; 6]);

/// Where other groups have the number of their network.
const NAMED: u8 = 0xff;

impl NetGroup {
    /// The group of all that is not routable.
    pub const UNROUTABLE: Self = Self([0; 6]);

    /// The group that a host belongs to.
    pub fn of(host: &Host) -> Self {
        if let Host::Ipv6(ip) = host
            && host.is_named()
        {
            let mut group = [NAMED; 6];
            group[1..].copy_from_slice(&ip.octets()[6..11]);
            return Self(group);
        }
        if !host.is_routable() {
            return Self::UNROUTABLE;
        }
        match host {
            Host::Ipv4(ip) => Self::of_ipv4(*ip),
            Host::Ipv6(ip) => match linked_ipv4(ip) {
                Some(linked) => Self::of_ipv4(linked),
                None if ip.octets()[..4] == [0x20, 0x01, 0x04, 0x70] => {
                    Self::of_prefix(AddrNetwork::Ipv6, &ip.octets(), 36)
                }
                None => Self::of_prefix(AddrNetwork::Ipv6, &ip.octets(), 32),
            },
            Host::TorV3(key) => Self::of_prefix(AddrNetwork::Onion, key, 4),
            Host::I2p(hash) => Self::of_prefix(AddrNetwork::I2p, hash, 4),
            // The first eight bits are the same everywhere.
            Host::Cjdns(ip) => Self::of_prefix(AddrNetwork::Cjdns, &ip.octets(), 12),
        }
    }

    /// What to hash for it.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn of_ipv4(ip: Ipv4Addr) -> Self {
        Self::of_prefix(AddrNetwork::Ipv4, &ip.octets(), 16)
    }

    fn of_prefix(network: AddrNetwork, bytes: &[u8], bits: usize) -> Self {
        let mut group = [0; 6];
        group[0] = network.bip155_id();
        let whole = bits / 8;
        group[1..=whole].copy_from_slice(&bytes[..whole]);
        if !bits.is_multiple_of(8) {
            group[1 + whole] = bytes[whole] & (0xff << (8 - bits % 8));
        }
        Self(group)
    }
}

/// The IPv4 address inside an IPv6 address of a transition mechanism: whoever owns the first owns the second.
fn linked_ipv4(ip: &Ipv6Addr) -> Option<Ipv4Addr> {
    let o = ip.octets();
    let at = |i: usize| Ipv4Addr::new(o[i], o[i + 1], o[i + 2], o[i + 3]);
    let translated = o[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0]; // RFC6145
    let well_known = o[..12] == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]; // RFC6052
    if translated || well_known {
        Some(at(12))
    } else if o[..2] == [0x20, 0x02] {
        Some(at(2)) // 6to4, RFC3964
    } else if o[..4] == [0x20, 0x01, 0, 0] {
        Some(Ipv4Addr::from(!u32::from(at(12)))) // Teredo, RFC4380
    } else {
        None
    }
}
