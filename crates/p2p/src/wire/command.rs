//! The twelve bytes that name a message.

use std::fmt;

/// What Core's `getpeerinfo` calls messages that it does not know.
pub const OTHER_COMMAND: &str = "*other*";

/// Every command of the protocol as it stands, whether or not this node acts on it: those that have their own line in
/// the statistics.
#[rustfmt::skip]
pub(super) const KNOWN: &[&str] = &[
    "version", "verack", "addr", "addrv2", "sendaddrv2", "inv", "getdata", "merkleblock", "getblocks", "getheaders",
    "tx", "headers", "block", "getaddr", "mempool", "ping", "pong", "notfound", "filterload", "filteradd",
    "filterclear", "sendheaders", "feefilter", "sendcmpct", "cmpctblock", "getblocktxn", "blocktxn", "getcfilters",
    "cfilter", "getcfheaders", "cfheaders", "getcfcheckpt", "cfcheckpt", "wtxidrelay", "sendtxrcncl", "feature",
];

/// A command as it stands in a frame: text, then zero bytes up to twelve.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command([u8; 12]);

impl Command {
    pub(crate) const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The command with this name, of which only the first twelve bytes count. Nothing says that it is a valid one.
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; 12];
        for (to, from) in bytes.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    pub(crate) const fn to_bytes(self) -> [u8; 12] {
        self.0
    }

    fn text(&self) -> &[u8] {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(12);
        &self.0[..end]
    }

    /// Whether it is printable ASCII followed by nothing but zero bytes.
    pub fn is_valid(&self) -> bool {
        let text = self.text();
        text.iter().all(|b| (b' '..=b'~').contains(b))
            && self.0[text.len()..].iter().all(|b| *b == 0)
    }

    /// Its name if it is one of the protocol's.
    pub fn known(&self) -> Option<&'static str> {
        KNOWN.iter().copied().find(|k| k.as_bytes() == self.text())
    }
}

impl fmt::Display for Command {
    /// Only characters that cannot play tricks in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sanitize(self.text()))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// Text from a stranger without anything but letters, digits and a little punctuation.
pub(crate) fn sanitize(text: &[u8]) -> String {
    text.iter()
        .map(|b| char::from(*b))
        .filter(|c| c.is_ascii_alphanumeric() || " .,;-_/:?@()".contains(*c))
        .collect()
}
