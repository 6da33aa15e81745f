use tipward_consensus::header::{
    Ancestor, HeaderChain, check_header_in_context, check_proof_of_work, next_work_required,
};
use tipward_consensus::{Reject, RejectKind};
use tipward_primitives::{BlockHash, CompactTarget, Header, Height, Timestamp};

use crate::{Chain, ChainView, HeaderId, HeaderTree};

/// A header is in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub id: HeaderId,
    /// Its hash.
    pub hash: BlockHash,
    /// It was not known before.
    pub new: bool,
}

/// What became of the headers of one message.
#[derive(Clone, Debug, Default)]
pub struct AcceptedHeaders {
    /// Those that were not known before, to be kept on disk, parents first.
    pub new: Vec<Header>,
    /// The last one in the tree, known before or not.
    pub last: Option<HeaderId>,
    /// The one that was refused; those after it were not looked at.
    pub refused: Option<RefusedHeader>,
}

/// A header that was not put into the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedHeader {
    /// Its hash.
    pub hash: BlockHash,
    /// Why.
    pub reject: Reject,
}

impl Chain {
    /// Judges a header by every rule and puts it into the tree. One that is known already is fine, unless it was found
    /// invalid.
    ///
    /// `now` is the time by our clock. Whether its chain has enough work to be kept is for the caller to see to before
    /// (see [`ChainView::work_threshold`](crate::ChainView::work_threshold)).
    ///
    /// # Errors
    /// The first rule that it breaks, in Bitcoin Core's order. A header that breaks one is not remembered.
    pub fn accept_header(&mut self, header: &Header, now: Timestamp) -> Result<Accepted, Reject> {
        self.accept_hashed(header, header.block_hash(), now)
    }

    /// [`Chain::accept_header`] for headers that follow each other, up to the first that is refused.
    pub fn accept_headers(&mut self, headers: &[Header], now: Timestamp) -> AcceptedHeaders {
        let mut outcome = AcceptedHeaders::default();
        for header in headers {
            let hash = header.block_hash();
            match self.accept_hashed(header, hash, now) {
                Ok(accepted) => {
                    outcome.last = Some(accepted.id);
                    if accepted.new {
                        outcome.new.push(*header);
                    }
                }
                Err(reject) => {
                    outcome.refused = Some(RefusedHeader { hash, reject });
                    break;
                }
            }
        }
        outcome
    }

    fn accept_hashed(
        &mut self,
        header: &Header,
        hash: BlockHash,
        now: Timestamp,
    ) -> Result<Accepted, Reject> {
        if let Some(id) = self.find(&hash) {
            if self.is_invalid(id) {
                return Err(Reject::new(
                    RejectKind::CachedInvalid,
                    "duplicate-invalid",
                    format!("block {hash} was previously marked invalid"),
                ));
            }
            return Ok(Accepted {
                id,
                hash,
                new: false,
            });
        }
        check_proof_of_work(self.params(), hash, header.bits)?;
        let Some(parent) = self.tree().find_likely_last(&header.prev_blockhash) else {
            return Err(Reject::new(
                RejectKind::MissingPrev,
                "prev-blk-not-found",
                format!("parent {}", header.prev_blockhash),
            ));
        };
        if self.is_invalid(parent) {
            return Err(Reject::new(
                RejectKind::InvalidPrev,
                "bad-prevblk",
                format!("parent {} is invalid", header.prev_blockhash),
            ));
        }
        self.check_header_on(parent, header, now)?;
        Ok(Accepted {
            id: self.insert(header, hash, parent),
            hash,
            new: true,
        })
    }
}

impl ChainView {
    /// Judges a header on top of `parent`, which need not be put in, by every rule but its proof of work.
    ///
    /// # Errors
    /// The first rule that it breaks, in Bitcoin Core's order.
    pub fn check_header_on(
        &self,
        parent: HeaderId,
        header: &Header,
        now: Timestamp,
    ) -> Result<(), Reject> {
        let branch = Branch {
            tree: self.tree(),
            tip: parent,
        };
        check_header_in_context(self.params(), &branch, header, now)
    }

    /// The target, in compact form, that a header on top of `parent` must claim if its time is `time`.
    pub fn next_bits(&self, parent: HeaderId, time: u32) -> CompactTarget {
        let branch = Branch {
            tree: self.tree(),
            tip: parent,
        };
        next_work_required(self.params(), &branch, time)
    }
}

/// The headers up to `tip`, as the rules want to see them.
struct Branch<'a> {
    tree: &'a HeaderTree,
    tip: HeaderId,
}

impl Branch<'_> {
    fn ancestor(&self, id: HeaderId) -> Ancestor {
        let entry = self.tree.entry(id);
        Ancestor {
            time: entry.time(),
            bits: entry.bits(),
        }
    }
}

impl HeaderChain for Branch<'_> {
    fn tip_height(&self) -> Height {
        self.tree.entry(self.tip).height()
    }

    fn header_at(&self, height: Height) -> Ancestor {
        self.ancestor(self.tree.ancestor(self.tip, height).unwrap_or(self.tip))
    }

    fn backwards(&self) -> impl Iterator<Item = Ancestor> {
        self.tree.backwards(self.tip).map(|id| self.ancestor(id))
    }

    fn tip(&self) -> Ancestor {
        self.ancestor(self.tip)
    }
}

#[cfg(test)]
mod tests;
