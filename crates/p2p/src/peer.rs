//! Everything about one connection that is not another component's own business.

use std::collections::VecDeque;
use std::time::Duration;

use tipward_chain::HeaderId;
use tipward_primitives::{BlockHash, Timestamp};

use crate::addr::Address;
use crate::io::{ConnKind, PeerId, Transport};
use crate::permissions::Permissions;
use crate::snapshot::Traffic;
use crate::wire::{Message, ServiceFlags, Version};

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Its `version` has not come.
    Connected,
    /// Its `version` came; its `verack` has not.
    Versioned,
    /// Both `verack`s are out.
    Ready,
}

/// The peer's latency, and whether it is alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct PingState {
    /// Number of the ping that is out, and when it left.
    pub(crate) out: Option<(u64, Timestamp)>,
    /// When the last one left.
    pub(crate) last_sent: Option<Timestamp>,
    pub(crate) last: Option<Duration>,
    pub(crate) min: Option<Duration>,
}

/// Messages that wait until what became of the blocks that came before them is known.
#[derive(Debug, Default)]
pub(crate) struct Deferred {
    /// Blocks of this peer that are being checked.
    pub(crate) verdicts_due: usize,
    /// The goal that follows from such a block, until it is settled.
    pub(crate) goal_due: Option<u64>,
    pub(crate) messages: VecDeque<(Message, usize)>,
    /// Size of `messages` on the wire, in bytes.
    pub(crate) bytes: usize,
}

impl Deferred {
    /// Something that the peer sent is still being judged.
    pub(crate) fn is_waiting(&self) -> bool {
        self.verdicts_due > 0 || self.goal_due.is_some()
    }
}

/// Core's guard against outbound peers whose chain stays behind ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChainSync {
    pub(crate) protected: bool,
    pub(crate) timeout: Option<Timestamp>,
    /// Our tip when the timeout was set.
    pub(crate) benchmark: Option<HeaderId>,
    pub(crate) asked: bool,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) addr: Address,
    pub(crate) name: Option<String>,
    pub(crate) local: Option<Address>,
    pub(crate) kind: ConnKind,
    pub(crate) transport: Transport,
    pub(crate) permissions: Permissions,
    pub(crate) connected_at: Timestamp,
    pub(crate) stage: Stage,
    /// We have asked for it to be closed: whatever it still sends is dropped.
    pub(crate) closing: Option<String>,

    /// Its first message.
    pub(crate) version: Option<Version>,
    /// Number in the `version` that we sent.
    pub(crate) nonce: u64,
    pub(crate) version_sent: bool,
    pub(crate) wants_addrv2: bool,
    pub(crate) wtxid_relay: bool,
    pub(crate) prefers_headers: bool,
    pub(crate) provides_compact_blocks: bool,
    pub(crate) wants_compact_blocks: bool,
    pub(crate) fee_filter: u64,
    pub(crate) time_offset: i64,

    pub(crate) ping: PingState,
    pub(crate) traffic: Traffic,
    /// Bytes that wait to be sent.
    pub(crate) send_queue: usize,

    pub(crate) deferred: Deferred,
    pub(crate) reading: bool,

    /// Best header that it is known to have.
    pub(crate) best_known: Option<HeaderId>,
    /// A block that it announced and that we do not know.
    pub(crate) last_unknown: Option<BlockHash>,
    /// Best header of ours that it was told of.
    pub(crate) best_sent: Option<HeaderId>,
    /// When a `getheaders` left that was not answered yet.
    pub(crate) getheaders_out: Option<Timestamp>,
    /// Where the answer to the last `getheaders` had to end, if it was told to.
    pub(crate) getheaders_stop: Option<BlockHash>,
    pub(crate) chain_sync: ChainSync,
    /// When it last told us of a block with more work than our tip.
    pub(crate) last_announcement: Option<Timestamp>,
    pub(crate) last_block: Option<Timestamp>,
    pub(crate) blocks_delivered: u64,
}

impl Peer {
    pub(crate) fn new(
        id: PeerId,
        addr: Address,
        local: Option<Address>,
        kind: ConnKind,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            addr,
            name: None,
            local,
            kind,
            transport: Transport::V1,
            permissions: Permissions::default(),
            connected_at: now,
            stage: Stage::Connected,
            closing: None,
            version: None,
            nonce: 0,
            version_sent: false,
            wants_addrv2: false,
            wtxid_relay: false,
            prefers_headers: false,
            provides_compact_blocks: false,
            wants_compact_blocks: false,
            fee_filter: 0,
            time_offset: 0,
            ping: PingState::default(),
            traffic: Traffic::default(),
            send_queue: 0,
            deferred: Deferred::default(),
            reading: true,
            best_known: None,
            last_unknown: None,
            best_sent: None,
            getheaders_out: None,
            getheaders_stop: None,
            chain_sync: ChainSync::default(),
            last_announcement: None,
            last_block: None,
            blocks_delivered: 0,
        }
    }

    /// The handshake is done and we have not given it up.
    pub(crate) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready && self.closing.is_none()
    }

    /// What it offers; nothing before its `version` came.
    pub(crate) fn services(&self) -> ServiceFlags {
        self.version
            .as_ref()
            .map_or(ServiceFlags::NONE, |v| v.services)
    }

    /// It has blocks: all, or the last few.
    pub(crate) fn can_serve_blocks(&self) -> bool {
        let services = self.services();
        services.has(ServiceFlags::NETWORK) || services.has(ServiceFlags::NETWORK_LIMITED)
    }

    /// It has only the last few blocks (BIP159).
    pub(crate) fn is_limited(&self) -> bool {
        let services = self.services();
        !services.has(ServiceFlags::NETWORK) && services.has(ServiceFlags::NETWORK_LIMITED)
    }

    /// It sends blocks with their witnesses.
    pub(crate) fn can_serve_witnesses(&self) -> bool {
        self.services().has(ServiceFlags::WITNESS)
    }

    /// Highest protocol version that both understand; 0 before its `version` came.
    pub(crate) fn common_version(&self) -> u32 {
        self.version.as_ref().map_or(0, |v| {
            u32::try_from(v.protocol).unwrap_or(0).min(PROTOCOL_VERSION)
        })
    }

    /// Height of its tip when it connected, as it said.
    pub(crate) fn starting_height(&self) -> i32 {
        self.version.as_ref().map_or(-1, |v| v.start_height)
    }

    /// What it sends wrong has no consequences: the user named it, or permits it.
    pub(crate) fn is_spared(&self) -> bool {
        self.kind == ConnKind::Manual || self.permissions.noban
    }

    /// We opened the connection, for good.
    pub(crate) fn is_lasting_outbound(&self) -> bool {
        matches!(
            self.kind,
            ConnKind::OutboundFullRelay | ConnKind::BlockRelayOnly | ConnKind::Manual
        )
    }

    /// Outbound and not the user's own choice: may be replaced by another.
    pub(crate) fn is_replaceable(&self) -> bool {
        matches!(
            self.kind,
            ConnKind::OutboundFullRelay | ConnKind::BlockRelayOnly
        )
    }
}

/// Version of the protocol that we speak: the last one that Core defined (BIP155 in particular).
pub(crate) const PROTOCOL_VERSION: u32 = 70_016;
