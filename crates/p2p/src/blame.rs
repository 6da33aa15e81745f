//! Who is at fault when a header or a block is refused.

use tipward_consensus::RejectKind;

use crate::io::ConnKind;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A header.
    Header,
    /// A block's body.
    Body,
}

/// What follows for the peer that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Nothing: an honest peer can do this.
    None,
    /// It broke the protocol (see `Shared::misbehaving`).
    Misbehaving,
    /// It delivered a body that is not the header's. Even a peer that the user named is of no use then: the connection
    /// is closed, because the same request to it would bring the same body.
    Liar,
}

/// What follows for the peer that sent something that was refused: Core's `MaybePunishNodeForBlock`, with one difference
/// ([`Blame::Liar`]). Our own failures never come here: they are no `Reject`.
pub(crate) fn blame(kind: RejectKind, refused: Refused, conn: ConnKind) -> Blame {
    match (kind, refused) {
        // Whoever relays it could have known.
        (RejectKind::Consensus | RejectKind::Mutated, Refused::Body) => Blame::Liar,
        (RejectKind::Consensus | RejectKind::Mutated, Refused::Header) => Blame::Misbehaving,
        (RejectKind::InvalidHeader | RejectKind::InvalidPrev | RejectKind::MissingPrev, _) => {
            Blame::Misbehaving
        }
        // An outbound peer on a chain that we know to be invalid is no source of blocks; an inbound one may just not have
        // our rules yet, and costs us nothing.
        (RejectKind::CachedInvalid, _) => match conn {
            ConnKind::Inbound => Blame::None,
            ConnKind::OutboundFullRelay
            | ConnKind::BlockRelayOnly
            | ConnKind::Feeler
            | ConnKind::AddrFetch
            | ConnKind::Manual => Blame::Misbehaving,
        },
        // Its clock, or ours.
        (RejectKind::TimeFuture, _) => Blame::None,
        // A young or a small chain is no crime; it is just not kept.
        (RejectKind::HeaderLowWork, _) => Blame::None,
    }
}
