//! What a connection is: its id, why it exists, where it goes.

use crate::addr::Address;

/// One connection. Never used twice in the life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

impl std::fmt::Display for PeerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "peer={}", self.0)
    }
}

/// Why a connection exists; names as in Core's `getpeerinfo` field `connection_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnKind {
    /// They connected to us.
    Inbound,
    /// Ours: relays everything, gossips addresses.
    OutboundFullRelay,
    /// Ours: blocks only, no address gossip, so that our place in the network cannot be inferred.
    BlockRelayOnly,
    /// Ours, short: is there still a node at this address?
    Feeler,
    /// Ours, short: fetches addresses from a seed.
    AddrFetch,
    /// Named by the user (`--connect`, `--addnode`): never dropped for slowness.
    Manual,
}

impl ConnKind {
    /// Name as in Core's `getpeerinfo`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundFullRelay => "outbound-full-relay",
            Self::BlockRelayOnly => "block-relay-only",
            Self::Feeler => "feeler",
            Self::AddrFetch => "addr-fetch",
            Self::Manual => "manual",
        }
    }
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An address.
    Addr(Address),
    /// `host:port` still to be resolved (or to be resolved by the proxy).
    Name(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Addr(addr) => addr.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}
