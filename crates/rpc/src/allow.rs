use std::net::IpAddr;
use std::str::FromStr;

/// A range of IP addresses: `1.2.3.4`, `1.2.3.0/24`, `1.2.3.0/255.255.255.0`, `::1`, `fe80::/10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: IpAddr,
    bits: u32,
}

impl Subnet {
    /// Whether an address is in the range. An IPv4 address that is mapped into IPv6 counts as IPv4.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.base, addr.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(addr)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                base.to_bits() & mask == addr.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(addr)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                base.to_bits() & mask == addr.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// This is no [`Subnet`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no address or range of addresses such as 1.2.3.4, 1.2.3.0/24 or fe80::/10")]
pub struct InvalidSubnet(String);

impl FromStr for Subnet {
    type Err = InvalidSubnet;

    fn from_str(text: &str) -> Result<Self, InvalidSubnet> {
        parse(text).ok_or_else(|| InvalidSubnet(text.into()))
    }
}

fn parse(text: &str) -> Option<Subnet> {
    let (base, mask) = match text.split_once('/') {
        Some((base, mask)) => (base, Some(mask)),
        None => (text, None),
    };
    let base: IpAddr = base.parse().ok()?;
    let width = if base.is_ipv4() { 32 } else { 128 };
    let bits = match mask {
        None => width,
        Some(mask) => match mask.parse::<u32>() {
            Ok(bits) => bits,
            Err(_) => mask_bits(mask.parse().ok()?, base)?,
        },
    };
    (bits <= width).then_some(Subnet { base, bits })
}

/// Length of a mask that is written as an address: ones, then zeros.
fn mask_bits(mask: IpAddr, base: IpAddr) -> Option<u32> {
    match (mask, base) {
        (IpAddr::V4(mask), IpAddr::V4(_)) => {
            let mask = mask.to_bits();
            (mask.leading_ones() + mask.trailing_zeros() == 32 || mask == u32::MAX)
                .then(|| mask.leading_ones())
        }
        (IpAddr::V6(mask), IpAddr::V6(_)) => {
            let mask = mask.to_bits();
            (mask.leading_ones() + mask.trailing_zeros() == 128 || mask == u128::MAX)
                .then(|| mask.leading_ones())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
