//! Who is at fault when a header or a block is refused, and what that says about the block.

use tipward_consensus::RejectKind;

use crate::io::ConnKind;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A header.
    Header,
    /// A block's body, on arrival, by the rules that need no coins.
    Body,
    /// A stored block, when it was connected.
    Connected,
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

/// What follows for the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: what was refused is no block that we keep, or is not the block that the header stands for. A body is
    /// fetched again.
    Unknown,
    /// It and what builds on it are invalid.
    Invalid,
    /// What was in order when it was stored is not any more: our disk or our bug. It says nothing about the block.
    OurFault,
}

/// What follows for a block that was refused, and for the peer that sent it: Core's `MaybePunishNodeForBlock`, with one
/// difference ([`Blame::Liar`]). Our own failures do not come here, except in the guise of a rule that a stored block
/// cannot break any more; everything else of the kind is no `Reject`.
pub(crate) fn judge(kind: RejectKind, refused: Refused, conn: ConnKind) -> (Fate, Blame) {
    use RejectKind as Kind;
    match (kind, refused) {
        (Kind::Consensus | Kind::Mutated, Refused::Header) => (Fate::Unknown, Blame::Misbehaving),
        // Whoever relays it could have known.
        (Kind::Consensus, Refused::Body) => (Fate::Invalid, Blame::Liar),
        (Kind::Mutated, Refused::Body) => (Fate::Unknown, Blame::Liar),
        // The body is the header's, or it would not have been stored: any honest source would have sent the same, so that
        // a peer that the user named stays.
        (Kind::Consensus, Refused::Connected) => (Fate::Invalid, Blame::Misbehaving),
        // Nobody sent that, and the same request may bring the right body.
        (Kind::Damaged, Refused::Header | Refused::Body) => (Fate::Unknown, Blame::None),
        (Kind::Mutated | Kind::Damaged, Refused::Connected) => (Fate::OurFault, Blame::None),
        (Kind::InvalidHeader | Kind::InvalidPrev | Kind::MissingPrev, Refused::Header) => {
            (Fate::Unknown, Blame::Misbehaving)
        }
        (
            Kind::InvalidHeader | Kind::InvalidPrev | Kind::MissingPrev,
            Refused::Body | Refused::Connected,
        ) => (Fate::Invalid, Blame::Misbehaving),
        (Kind::CachedInvalid, Refused::Header) => (Fate::Unknown, blame_for_known(conn)),
        (Kind::CachedInvalid, Refused::Body | Refused::Connected) => {
            (Fate::Invalid, blame_for_known(conn))
        }
        // Its clock or ours; a young or a small chain, which is no crime.
        (Kind::TimeFuture | Kind::HeaderLowWork, Refused::Header | Refused::Body) => {
            (Fate::Unknown, Blame::None)
        }
        (Kind::TimeFuture | Kind::HeaderLowWork, Refused::Connected) => {
            (Fate::OurFault, Blame::None)
        }
    }
}

/// An outbound peer on a chain that we know to be invalid is no source of blocks; an inbound one may just not have our
/// rules yet, and costs us nothing.
fn blame_for_known(conn: ConnKind) -> Blame {
    match conn {
        ConnKind::Inbound => Blame::None,
        ConnKind::OutboundFullRelay
        | ConnKind::BlockRelayOnly
        | ConnKind::Feeler
        | ConnKind::AddrFetch
        | ConnKind::Manual => Blame::Misbehaving,
    }
}
