//! Addresses as people write them: `1.2.3.4:8333`, `[::1]:8333`, `<56 letters>.onion:8333`, `<52 letters>.b32.i2p:0`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use sha3::{Digest as _, Sha3_256};

use super::{Address, Host};

/// The text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IP, onion or I2P address")]
pub struct ParseAddressError(pub(crate) String);

const ONION_SUFFIX: &str = ".onion";
const I2P_SUFFIX: &str = ".b32.i2p";
const ONION_VERSION: u8 = 3;

/// Checksum of an onion address, by Tor's `rend-spec-v3`.
fn onion_checksum(key: &[u8]) -> [u8; 2] {
    let hash = Sha3_256::new()
        .chain_update(b".onion checksum")
        .chain_update(key)
        .chain_update([ONION_VERSION])
        .finalize();
    [hash[0], hash[1]]
}

fn parse_onion(letters: &str) -> Option<Host> {
    let bytes = BASE32_NOPAD_NOCASE.decode(letters.as_bytes()).ok()?;
    let (key, rest) = bytes.split_first_chunk::<32>()?;
    let [c0, c1] = onion_checksum(key);
    (rest == [c0, c1, ONION_VERSION]).then_some(Host::TorV3(*key))
}

fn parse_i2p(letters: &str) -> Option<Host> {
    let bytes = BASE32_NOPAD_NOCASE.decode(letters.as_bytes()).ok()?;
    Some(Host::I2p(bytes.try_into().ok()?))
}

impl FromStr for Host {
    type Err = ParseAddressError;

    /// An IPv6 address may stand in brackets.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let err = || ParseAddressError(s.to_owned());
        if let Some(inner) = s.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(err)?;
            return Ok(inner.parse::<Ipv6Addr>().map_err(|_| err())?.into());
        }
        if let Ok(v4) = s.parse::<Ipv4Addr>() {
            return Ok(v4.into());
        }
        if let Ok(v6) = s.parse::<Ipv6Addr>() {
            return Ok(v6.into());
        }
        let lower = s.to_ascii_lowercase();
        if let Some(letters) = lower.strip_suffix(ONION_SUFFIX) {
            return parse_onion(letters).ok_or_else(err);
        }
        if let Some(letters) = lower.strip_suffix(I2P_SUFFIX) {
            return parse_i2p(letters).ok_or_else(err);
        }
        Err(err())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(v4) => v4.fmt(f),
            Self::Ipv6(v6) | Self::Cjdns(v6) => v6.fmt(f),
            Self::TorV3(key) => {
                let mut bytes = [0; 35];
                bytes[..32].copy_from_slice(key);
                bytes[32..34].copy_from_slice(&onion_checksum(key));
                bytes[34] = ONION_VERSION;
                let letters = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
                write!(f, "{letters}{ONION_SUFFIX}")
            }
            Self::I2p(hash) => {
                let letters = BASE32_NOPAD.encode(hash).to_ascii_lowercase();
                write!(f, "{letters}{I2P_SUFFIX}")
            }
        }
    }
}

/// Splits `host:port`, `[v6]:port`, or either without a port. An IPv6 address without brackets has no port.
///
/// Returns `None` if there is a port that is no number from 0 to 65535. What stands before it is not looked at: it may
/// be a name.
pub(crate) fn split_host_port(s: &str) -> Option<(&str, Option<u16>)> {
    let Some((host, port)) = s.rsplit_once(':') else {
        return Some((s, None));
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if s.ends_with(']') || (host.contains(':') && !bracketed) {
        return Some((s, None));
    }
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((host, Some(port.parse().ok()?)))
}

impl Address {
    /// Parses an address whose port may be left out.
    ///
    /// # Errors
    /// If it is not an address: a host name, for instance.
    pub fn parse_with_default_port(s: &str, default: u16) -> Result<Self, ParseAddressError> {
        let (host, port) = split_host_port(s).ok_or_else(|| ParseAddressError(s.to_owned()))?;
        let host = host
            .parse()
            .map_err(|_: ParseAddressError| ParseAddressError(s.to_owned()))?;
        Ok(Self {
            host,
            port: port.unwrap_or(default),
        })
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    /// The port must be there.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let err = || ParseAddressError(s.to_owned());
        match split_host_port(s).ok_or_else(err)? {
            (host, Some(port)) => Ok(Self {
                host: host.parse().map_err(|_: ParseAddressError| err())?,
                port,
            }),
            (_, None) => Err(err()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Ipv6(_) | Host::Cjdns(_) => write!(f, "[{}]:{}", self.host, self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
