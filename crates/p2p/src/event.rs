//! What the machine tells people, as values; their `Display` is the log line.

use std::fmt;

use tipward_consensus::Reject;
use tipward_primitives::{BlockHash, Height, Work};

use crate::addr::Address;
use crate::io::{ConnKind, DisconnectReason, PeerId, Target};

/// How much an [`Event`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Somebody may have to act.
    Warn,
    /// The story of the run.
    Info,
    /// For whoever asked for it.
    Debug,
}

/// Something that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Addresses came to be known, by DNS or gossip.
    PeersAvailable {
        /// Where they came from.
        source: String,
        /// How many addresses came.
        count: usize,
        /// How many addresses are known now.
        known: usize,
    },
    /// A connection is being opened.
    Connecting {
        /// Its id.
        peer: PeerId,
        /// Where to.
        target: Target,
        /// Why.
        kind: ConnKind,
    },
    /// A connection stands.
    Connected {
        /// Its id.
        peer: PeerId,
        /// The other end.
        addr: Address,
        /// Why it exists.
        kind: ConnKind,
    },
    /// A connection could not be opened.
    ConnectFailed {
        /// Its id.
        peer: PeerId,
        /// Where to.
        target: Target,
        /// What the system said.
        error: String,
    },
    /// Both sides have said `verack`.
    HandshakeDone {
        /// Who.
        peer: PeerId,
        /// The other end.
        addr: Address,
        /// Why the connection exists.
        kind: ConnKind,
        /// Its protocol version.
        version: u32,
        /// Its software.
        user_agent: String,
        /// Height of its tip, as it says.
        height: i32,
    },
    /// A connection ended.
    Disconnected {
        /// Who.
        peer: PeerId,
        /// The other end.
        addr: Option<Address>,
        /// Why.
        why: String,
    },
    /// A peer was closed, or refused before it was one, for this reason.
    PeerRefused {
        /// Who.
        peer: PeerId,
        /// The other end.
        addr: Option<Address>,
        /// Why.
        reason: DisconnectReason,
    },
    /// A peer broke the protocol, but is spared (it was named by the user).
    NotPunished {
        /// Who.
        peer: PeerId,
        /// What it did.
        what: String,
    },
    /// Bytes that are no message, or a message out of place, were passed over.
    MessageIgnored {
        /// From whom.
        peer: PeerId,
        /// What was wrong.
        what: String,
    },
    /// Headers are being fetched from this peer.
    HeaderSyncStarted {
        /// Who.
        peer: PeerId,
        /// Our best header's height.
        height: Height,
        /// Height that the peer says it has.
        peer_height: i32,
    },
    /// Another peer's headers are to be fetched when the running synchronization ends.
    HeaderSyncPutAside {
        /// Who.
        peer: PeerId,
        /// Why it was wanted.
        why: String,
    },
    /// A synchronization that was put aside is not needed any more.
    HeaderSyncSkipped {
        /// Who.
        peer: PeerId,
        /// Why.
        why: String,
    },
    /// The synchronization of headers with this peer ended.
    HeaderSyncEnded {
        /// Who.
        peer: PeerId,
        /// How.
        why: &'static str,
        /// Our best header's height.
        height: Height,
    },
    /// Headers came.
    HeadersReceived {
        /// From whom.
        peer: PeerId,
        /// How many.
        count: usize,
        /// How many of them were new.
        new: usize,
        /// Our best header's height afterwards.
        height: Height,
    },
    /// A peer's chain is being weighed before any of it is kept.
    Presync {
        /// Who.
        peer: PeerId,
        /// Height reached.
        height: Height,
        /// The chain has shown enough work and is being fetched a second time.
        redownload: bool,
    },
    /// Blocks were asked for.
    BlocksRequested {
        /// Of whom.
        peer: PeerId,
        /// How many.
        count: usize,
        /// Height of the first.
        first: Height,
        /// Height of the last.
        last: Height,
        /// Batches of the whole chain that nobody was asked for yet.
        batches_left: u32,
        /// What every peer has outstanding now, in blocks.
        outstanding: Vec<(PeerId, usize)>,
        /// One of many while we catch up: of interest only to those who look for it.
        routine: bool,
    },
    /// The block at the front of the window was asked of a second peer.
    Hedged {
        /// The block.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// Who is late.
        slow: PeerId,
        /// Who was asked now.
        fast: PeerId,
    },
    /// A silent peer's blocks were given to others.
    Reassigned {
        /// Who.
        peer: PeerId,
        /// How many blocks.
        count: usize,
        /// Why.
        why: &'static str,
    },
    /// A block came.
    BlockReceived {
        /// From whom.
        peer: PeerId,
        /// The block.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// Its size in bytes.
        size: usize,
        /// One of many while we catch up: of interest only to those who look for it.
        routine: bool,
    },
    /// A block came that nobody asked for and that is of no use.
    BlockIgnored {
        /// From whom.
        peer: PeerId,
        /// The block.
        hash: BlockHash,
        /// Why.
        why: &'static str,
    },
    /// The active chain has one more block. One event for every block, in order.
    NewTip {
        /// Its hash.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// Work of the chain up to and with it, in expected hashes.
        work: Work,
        /// One of many while we catch up: of interest only to those who look for it.
        routine: bool,
    },
    /// Blocks left the active chain for a branch with more work.
    Reorganized {
        /// Last common block.
        fork: BlockHash,
        /// Its height.
        fork_height: Height,
        /// Blocks that left.
        disconnected: usize,
        /// Blocks that came.
        connected: usize,
    },
    /// A header was refused.
    HeaderRefused {
        /// Who sent it.
        peer: PeerId,
        /// The header's hash.
        hash: BlockHash,
        /// The rule.
        reject: Reject,
    },
    /// A block was refused.
    BlockRefused {
        /// Who sent it, if a peer did.
        peer: Option<PeerId>,
        /// The block.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// The rule.
        reject: Reject,
    },
    /// Our own disk or clock failed; requests pause.
    Paused {
        /// What went wrong.
        what: String,
        /// Seconds until the next try.
        seconds: u64,
    },
    /// No new block for long: one more outbound connection is tried.
    StaleTip {
        /// Seconds since the tip last moved.
        seconds: u64,
    },
    /// Anything else worth a line in a debug log.
    Note {
        /// Which peer it is about.
        peer: Option<PeerId>,
        /// The line.
        what: String,
    },
}

impl Event {
    /// How much it matters. An event that any stranger could cause at any rate is never above [`Level::Debug`], except
    /// where the number of times is bounded by the connections that we keep or by proof of work.
    pub fn level(&self) -> Level {
        match self {
            Self::NotPunished { .. } | Self::Paused { .. } | Self::StaleTip { .. } => Level::Warn,
            Self::PeersAvailable { .. }
            | Self::HeaderSyncStarted { .. }
            | Self::HeaderSyncEnded { .. }
            | Self::HeadersReceived { .. }
            | Self::Reorganized { .. }
            | Self::HeaderRefused { .. }
            | Self::BlockRefused { .. }
            | Self::PeerRefused { .. }
            | Self::Hedged { .. }
            | Self::Reassigned { .. } => Level::Info,
            Self::Connected { kind, .. } | Self::HandshakeDone { kind, .. } => {
                if *kind == ConnKind::Inbound {
                    Level::Debug
                } else {
                    Level::Info
                }
            }
            Self::BlocksRequested { routine, .. }
            | Self::BlockReceived { routine, .. }
            | Self::NewTip { routine, .. } => {
                if *routine {
                    Level::Debug
                } else {
                    Level::Info
                }
            }
            Self::Connecting { .. }
            | Self::ConnectFailed { .. }
            | Self::Disconnected { .. }
            | Self::MessageIgnored { .. }
            | Self::HeaderSyncPutAside { .. }
            | Self::HeaderSyncSkipped { .. }
            | Self::Presync { .. }
            | Self::BlockIgnored { .. }
            | Self::Note { .. } => Level::Debug,
        }
    }
}

/// An address that may not be known.
struct At<'a>(&'a Option<Address>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(addr) => write!(f, " ({addr})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeersAvailable {
                source,
                count,
                known,
            } => write!(f, "Peers available: {count} from {source}, {known} known"),
            Self::Connecting { peer, target, kind } => {
                write!(f, "Connecting to {target} ({}), {peer}", kind.name())
            }
            Self::Connected { peer, addr, kind } => {
                write!(f, "Connected to {addr} ({}), {peer}", kind.name())
            }
            Self::ConnectFailed {
                peer,
                target,
                error,
            } => write!(f, "Connection to {target} failed: {error}, {peer}"),
            Self::HandshakeDone {
                peer,
                addr,
                kind,
                version,
                user_agent,
                height,
            } => write!(
                f,
                "Handshake done with {addr} ({}): version {version}, {user_agent}, height {height}, {peer}",
                kind.name()
            ),
            Self::Disconnected { peer, addr, why } => {
                write!(f, "Disconnected {peer}{}: {why}", At(addr))
            }
            Self::PeerRefused { peer, addr, reason } => {
                write!(f, "Disconnecting {peer}{}: {reason}", At(addr))
            }
            Self::NotPunished { peer, what } => {
                write!(
                    f,
                    "Not punishing {peer}, which the user named or permits that: {what}"
                )
            }
            Self::MessageIgnored { peer, what } => write!(f, "Ignored from {peer}: {what}"),
            Self::HeaderSyncStarted {
                peer,
                height,
                peer_height,
            } => write!(
                f,
                "Header sync started with {peer}: our height {height}, its height {peer_height}"
            ),
            Self::HeaderSyncPutAside { peer, why } => {
                write!(f, "Header sync with {peer} put aside: {why}")
            }
            Self::HeaderSyncSkipped { peer, why } => {
                write!(f, "Header sync with {peer} skipped: {why}")
            }
            Self::HeaderSyncEnded { peer, why, height } => {
                write!(
                    f,
                    "Header sync with {peer} ended ({why}) at height {height}"
                )
            }
            Self::HeadersReceived {
                peer,
                count,
                new,
                height,
            } => write!(
                f,
                "Headers received ({count}) from {peer}, {new} new, best header height {height}"
            ),
            Self::Presync {
                peer,
                height,
                redownload,
            } => write!(
                f,
                "Header {} with {peer} at height {height}",
                if *redownload { "redownload" } else { "presync" }
            ),
            Self::BlocksRequested {
                peer,
                count,
                first,
                last,
                batches_left,
                outstanding,
                routine: _,
            } => {
                write!(
                    f,
                    "Requested {count} blocks ({first}..={last}) from {peer}; {batches_left} batches left; outstanding:"
                )?;
                for (i, (peer, blocks)) in outstanding.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma} {peer}: {blocks}")?;
                }
                Ok(())
            }
            Self::Hedged {
                hash,
                height,
                slow,
                fast,
            } => write!(
                f,
                "Block {height} {hash} is late from {slow}, asked of {fast} too"
            ),
            Self::Reassigned { peer, count, why } => {
                write!(f, "{count} blocks of {peer} given to others: {why}")
            }
            Self::BlockReceived {
                peer,
                hash,
                height,
                size,
                routine: _,
            } => write!(
                f,
                "Block received: {hash} height {height}, {size} bytes, {peer}"
            ),
            Self::BlockIgnored { peer, hash, why } => {
                write!(f, "Block {hash} from {peer} ignored: {why}")
            }
            Self::NewTip {
                hash, height, work, ..
            } => {
                write!(f, "New tip = {hash}, Height = {height}, POW = {work}")
            }
            Self::Reorganized {
                fork,
                fork_height,
                disconnected,
                connected,
            } => write!(
                f,
                "Reorganization at height {fork_height} ({fork}): {disconnected} blocks disconnected, {connected} connected"
            ),
            Self::HeaderRefused { peer, hash, reject } => {
                write!(f, "Header {hash} from {peer} refused: {reject}")
            }
            Self::BlockRefused {
                peer,
                hash,
                height,
                reject,
            } => {
                write!(f, "Block {hash} height {height}")?;
                if let Some(peer) = peer {
                    write!(f, " from {peer}")?;
                }
                write!(f, " refused: {reject}")
            }
            Self::Paused { what, seconds } => {
                write!(f, "Block download paused for {seconds} s: {what}")
            }
            Self::StaleTip { seconds } => write!(
                f,
                "Potential stale tip: last moved {seconds} s ago, trying one more outbound peer"
            ),
            Self::Note { peer, what } => match peer {
                Some(peer) => write!(f, "{what}, {peer}"),
                None => f.write_str(what),
            },
        }
    }
}
