//! What is asked of the headers of a message before they come near the tree.

use tipward_consensus::header::check_proof_of_work;
use tipward_primitives::{Header, Params, Work};

use crate::work;
use crate::{ChainView, HeaderId};

/// What is wrong with a message of headers, whatever the state of our chain. An honest peer never sends one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeaders {
    /// A header's hash does not meet the target that it claims, or that target is out of range.
    #[error("header with invalid proof of work")]
    ProofOfWork,
    /// A header does not name the one before it in the message as its parent.
    #[error("non-continuous headers sequence")]
    NotContinuous,
}

/// Whether each of the headers has the proof of work that it claims and they follow each other.
///
/// It makes sending headers cost something, and comes before anything else is done with them; whether what they claim is
/// what they should claim is judged later.
pub fn check_headers(params: &Params, headers: &[Header]) -> Result<(), BadHeaders> {
    let mut continuous = true;
    let mut previous = None;
    for header in headers {
        let hash = header.block_hash();
        check_proof_of_work(params, hash, header.bits).map_err(|_| BadHeaders::ProofOfWork)?;
        continuous &= previous.is_none_or(|previous| previous == header.prev_blockhash);
        previous = Some(hash);
    }
    if continuous {
        Ok(())
    } else {
        Err(BadHeaders::NotContinuous)
    }
}

impl ChainView {
    /// The work of the chain that the `headers` would make on top of `start`, as they claim it. To be compared with
    /// [`ChainView::work_threshold`].
    pub fn claimed_work(&self, start: HeaderId, headers: &[Header]) -> Work {
        let mut work_of = work::Cache::new();
        headers
            .iter()
            .fold(self.entry(start).chainwork(), |sum, header| {
                work::add(sum, work_of.of_bits(header.bits))
            })
    }

    /// Whether a header leads to the best header or the tip: a peer that sends it again costs no memory, whatever work it
    /// has.
    pub fn is_on_best_chain(&self, id: HeaderId) -> bool {
        self.is_active(id) || self.tree.is_ancestor(id, self.best_header)
    }
}

#[cfg(test)]
mod tests;
