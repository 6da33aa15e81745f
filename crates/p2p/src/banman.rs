//! Whom not to be connected with: addresses and subnets that the user banned until some time, and addresses that
//! misbehaved and are discouraged until they are forgotten.
//!
//! A ban is the user's word. Discouragement is our own: it closes no connection that stands and is not kept on disk, for
//! an address may belong to many. The set of discouraged addresses is bounded; the oldest are forgotten first.

mod subnet;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use tipward_primitives::Timestamp;

use crate::addr::Host;
use crate::sealed::{LoadError, Seal};
pub use subnet::{ParseSubnetError, Subnet};

/// How many discouraged addresses are surely remembered; at most twice as many are.
const DISCOURAGED: usize = 25_000;

const SEAL: Seal = Seal {
    magic: b"tipward bans\n\n",
    version: 1,
};

/// One ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// Bans and discouraged addresses.
#[derive(Clone, Debug, Default)]
pub struct BanMan {
    bans: BTreeMap<Subnet, Ban>,
    /// Discouraged addresses: those of late, and those before them.
    recent: HashSet<Host>,
    older: HashSet<Host>,
}

impl BanMan {
    /// Nobody is banned.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bans a subnet, unless it is banned for at least that long. Says whether that changed anything.
    pub fn ban(&mut self, subnet: Subnet, until: Timestamp, now: Timestamp) -> bool {
        self.sweep(now);
        if until <= now || self.bans.get(&subnet).is_some_and(|b| b.until >= until) {
            return false;
        }
        self.bans.insert(
            subnet,
            Ban {
                created: now,
                until,
            },
        );
        true
    }

    /// Lifts a ban of exactly this subnet. Says whether there was one.
    pub fn unban(&mut self, subnet: &Subnet) -> bool {
        self.bans.remove(subnet).is_some()
    }

    /// Lifts all bans.
    pub fn clear(&mut self) {
        self.bans.clear();
    }

    /// Whether a ban covers this address.
    pub fn is_banned(&self, host: &Host, now: Timestamp) -> bool {
        self.bans
            .iter()
            .any(|(subnet, ban)| now < ban.until && subnet.contains(host))
    }

    /// The bans that are in force.
    pub fn bans(&self, now: Timestamp) -> impl Iterator<Item = (&Subnet, &Ban)> {
        self.bans.iter().filter(move |(_, ban)| now < ban.until)
    }

    /// This address misbehaved.
    pub fn discourage(&mut self, host: Host) {
        if self.recent.len() >= DISCOURAGED {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(host);
    }

    /// Whether this address misbehaved not too many others ago.
    pub fn is_discouraged(&self, host: &Host) -> bool {
        self.recent.contains(host) || self.older.contains(host)
    }

    /// Whether there is nothing against connecting to this address.
    pub fn allows(&self, host: &Host, now: Timestamp) -> bool {
        !self.is_banned(host, now) && !self.is_discouraged(host)
    }

    fn sweep(&mut self, now: Timestamp) {
        self.bans.retain(|_, ban| now < ban.until);
    }

    /// The bans as bytes for a file: sealed lines of `subnet created until`, both in seconds since the Unix epoch.
    pub fn to_bytes(&self) -> Vec<u8> {
        let lines: String = self
            .bans
            .iter()
            .map(|(s, b)| format!("{s} {} {}\n", b.created.as_secs(), b.until.as_secs()))
            .collect();
        SEAL.close(lines.as_bytes())
    }

    /// What [`BanMan::to_bytes`] gave.
    ///
    /// # Errors
    /// If the bytes are damaged or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let text = str::from_utf8(SEAL.open(bytes)?).map_err(|_| LoadError::Damaged)?;
        let bans = text
            .lines()
            .map(parse_line)
            .collect::<Option<_>>()
            .ok_or(LoadError::Damaged)?;
        Ok(Self {
            bans,
            ..Self::default()
        })
    }
}

fn parse_line(line: &str) -> Option<(Subnet, Ban)> {
    let mut words = line.split(' ');
    let subnet = words.next()?.parse().ok()?;
    let mut time = || Some(Timestamp::from_secs(words.next()?.parse().ok()?));
    let ban = Ban {
        created: time()?,
        until: time()?,
    };
    words.next().is_none().then_some((subnet, ban))
}
