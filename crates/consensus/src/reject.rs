use std::borrow::Cow;

/// A consensus rule was broken.
///
/// `reason` is Bitcoin Core's reject reason, word for word (`bad-txnmrklroot`, `time-too-old`, ...), because people,
/// scripts and test suites look for it. Two reasons have no counterpart in Core, where bytes that are not a block never
/// reach validation: `block-decode-failed` and `unexpected-header`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}{detail}", if detail.is_empty() { "" } else { ", " })]
pub struct Reject {
    /// What this says about the block and about who sent it.
    pub kind: RejectKind,
    /// Core's reject reason; only that of an outdated version holds a figure (`bad-version(0x00000001)`).
    pub reason: Cow<'static, str>,
    /// What was expected and what was found, for people.
    pub detail: Cow<'static, str>,
}

/// What a broken rule says about the block and about who sent it: Bitcoin Core's `BlockValidationResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectKind {
    /// The block breaks a rule, whoever sends it: it and all that builds on it is invalid.
    Consensus,
    /// It was found invalid before.
    CachedInvalid,
    /// The header's proof of work or its claims are wrong.
    InvalidHeader,
    /// The body is not the one that the header commits to; another peer may have the right one.
    Mutated,
    /// The same, but it is not what its sender sent either: it was damaged on the way. Core drops such a message unread.
    Damaged,
    /// The parent is not known.
    MissingPrev,
    /// The parent is invalid.
    InvalidPrev,
    /// The timestamp lies too far in the future; this may pass.
    TimeFuture,
    /// The chain of headers does not have enough work to be kept.
    HeaderLowWork,
}

impl Reject {
    /// A broken rule, with what was expected and found.
    pub fn new(
        kind: RejectKind,
        reason: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            reason: reason.into(),
            detail: detail.into(),
        }
    }

    /// A rule about the block's body is broken, and the header commits to that body.
    pub(crate) fn consensus(reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RejectKind::Consensus, reason, detail)
    }

    /// The body is not the one that the header commits to.
    pub(crate) fn mutated(reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RejectKind::Mutated, reason, detail)
    }

    /// The header is invalid.
    pub(crate) fn header(
        reason: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(RejectKind::InvalidHeader, reason, detail)
    }
}
