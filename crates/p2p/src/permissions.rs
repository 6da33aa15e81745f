//! What the user permits certain peers (Core's `-whitelist`).
//!
//! Of Core's permissions there are those that mean something to this node. The others are about transactions that are not in
//! a block, or change what is told of addresses; whoever names one of them is told so, and nothing is granted half.
//!
//! # What they do
//! - `download`: old blocks though the day's upload is spent, and headers though our own chain has too little work.
//! - `noban`: all that, and whatever the peer sends wrong, it is not disconnected for it and its address not discouraged; it
//!   may come in though its address is banned; it never makes way for another inbound peer; and it may ask a node that deletes
//!   old blocks for any that are left.
//!
//! A body that is not the header's still ends the connection ([`crate::blame::Blame::Liar`]): asked again, it would send the
//! same. And headers with too little work are weighed before they are kept, whoever sends them: Core spares a trusted peer that,
//! but what is kept of them has no other bound.

use std::fmt;
use std::str::FromStr;

use crate::addr::Host;
use crate::banman::Subnet;
use crate::io::ConnKind;

/// What a peer may do beyond others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Not punished, whatever it sends. Implies `download`.
    pub noban: bool,
    /// Not held to what may be sent in a day.
    pub download: bool,
}

impl Permissions {
    /// All that there are.
    const NOBAN: Self = Self {
        noban: true,
        download: true,
    };
    const DOWNLOAD: Self = Self {
        noban: false,
        download: true,
    };

    fn and(self, other: Self) -> Self {
        Self {
            noban: self.noban || other.noban,
            download: self.download || other.download,
        }
    }

    /// Their names, as Core's `getpeerinfo` has them.
    pub fn names(self) -> Vec<&'static str> {
        let all = [("noban", self.noban), ("download", self.download)];
        let granted = all.iter().filter(|(_, has)| *has);
        granted.map(|(name, _)| *name).collect()
    }
}

/// One entry of `-whitelist`: `[permission,...@]address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    subnet: Subnet,
    permissions: Permissions,
    /// It counts for those who connect to us.
    inbound: bool,
    /// It counts for those that the user named and we connect to.
    outbound: bool,
}

/// Why a text is no entry of `-whitelist`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermittedError {
    /// A permission that nobody knows.
    #[error("{0:?} is no permission: there are noban and download, and the directions in and out")]
    Unknown(String),
    /// One of Core's that this node cannot keep.
    #[error(
        "the permission {0:?} means nothing to this node, which {1}; name those that it has: noban, download"
    )]
    Meaningless(String, &'static str),
    /// Nothing is permitted.
    #[error("{0:?} names a direction and no permission")]
    OnlyDirection(String),
    /// Not for anybody.
    #[error("{0:?} is not an address or subnet")]
    Subnet(String),
}

impl FromStr for Permitted {
    type Err = PermittedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (words, subnet) = match text.split_once('@') {
            Some((words, subnet)) => (Some(words), subnet),
            None => (None, text),
        };
        let (mut inbound, mut outbound) = (false, false);
        let mut permissions = Permissions::default();
        for word in words.into_iter().flat_map(|words| words.split(',')) {
            match word {
                "" => {}
                "in" => inbound = true,
                "out" => outbound = true,
                "noban" => permissions = permissions.and(Permissions::NOBAN),
                "download" => permissions = permissions.and(Permissions::DOWNLOAD),
                word => {
                    let why = meaningless(word)
                        .ok_or_else(|| PermittedError::Unknown(word.to_owned()))?;
                    return Err(PermittedError::Meaningless(word.to_owned(), why));
                }
            }
        }
        if words.is_none() {
            // What Core grants then beside this is about transactions.
            permissions = Permissions::NOBAN;
        }
        if !inbound && !outbound {
            inbound = true;
        } else if permissions == Permissions::default() {
            return Err(PermittedError::OnlyDirection(text.to_owned()));
        }
        Ok(Self {
            subnet: subnet
                .parse()
                .map_err(|_| PermittedError::Subnet(subnet.to_owned()))?,
            permissions,
            inbound,
            outbound,
        })
    }
}

/// Why one of Core's permissions cannot be kept.
fn meaningless(word: &str) -> Option<&'static str> {
    match word {
        "relay" | "forcerelay" | "mempool" => Some("has no memory pool"),
        "bloomfilter" | "bloom" => Some("filters no blocks (BIP37)"),
        "addr" => Some("answers all alike when they ask for addresses"),
        "all" => Some("does not have them all"),
        _ => None,
    }
}

/// All that a peer is permitted by these entries.
pub(crate) fn permitted(entries: &[Permitted], host: &Host, kind: ConnKind) -> Permissions {
    let counts = |entry: &&Permitted| {
        let direction = match kind {
            ConnKind::Inbound => entry.inbound,
            // As in Core: whom we found ourselves was never meant.
            ConnKind::Manual => entry.outbound,
            _ => false,
        };
        direction && entry.subnet.contains(host)
    };
    let granted = entries.iter().filter(counts);
    granted.fold(Permissions::default(), |all, entry| {
        all.and(entry.permissions)
    })
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

#[cfg(test)]
mod tests;
