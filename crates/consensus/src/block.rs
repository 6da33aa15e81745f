//! The rules about a block's body that need no coins.
//!
//! # The order of the verdicts
//!
//! A block that breaks several rules is refused for the first, and which one that is matters: what says *another body
//! was meant* ([`RejectKind::Mutated`](crate::RejectKind::Mutated)) must come before what condemns the header, as far as
//! the two can both come from a change that leaves the header as it is. The order is Bitcoin Core's, that of its context-free
//! checks followed by its contextual ones:
//!
//! 1. the bytes are the asked-for block's and well-formed; on a signet, they satisfy the network's challenge;
//! 2. the merkle root is the header's, and no list of transactions with the same root was meant instead;
//! 3. sizes, coinbase, each transaction, signature checks: all without witnesses, which nothing has vouched for yet;
//! 4. lock times and the coinbase's height;
//! 5. the witness commitment, and only then the weight, which witnesses are part of.
//!
//! # What is not here
//!
//! The header's own rules ([`crate::header`]), which were applied before the block was asked for, so that
//! [`BlockContext::header`] has them behind it. And the interpreter that a signet's challenge takes: [`check_block_with`] is
//! handed a function for that.

mod coinbase;
mod limits;
mod transactions;
mod witness;

pub use limits::MAX_BLOCK_SIGOPS_COST;
pub(crate) use witness::witness_commitment_output;
pub use witness::{COMMITMENT_PREFIX, witness_commitment};

use std::convert::Infallible;

use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Height, RawBlock, Txid};

use crate::view::{ParsedBlock, TransactionView};
use crate::{BlockContext, Reject};

/// A block that keeps every rule that can be checked without coins and scripts.
///
/// It can only come from [`check_block`], or once more from [`reread_block`]. It keeps the bytes, the places of everything in them and the transaction ids, so
/// that no later stage parses or hashes again.
#[derive(Clone, Debug)]
pub struct CheckedBlock {
    parsed: ParsedBlock,
    hash: BlockHash,
    height: Height,
    txids: Vec<[u8; 32]>,
    legacy_sigops: usize,
    weight: usize,
}

impl CheckedBlock {
    /// Hash of the header.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }

    /// The height that it was checked for.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Transactions, inputs and outputs.
    pub fn parsed(&self) -> &ParsedBlock {
        &self.parsed
    }

    /// The bytes.
    pub fn raw(&self) -> &RawBlock {
        self.parsed.raw()
    }

    /// The bytes alone.
    pub fn into_raw(self) -> RawBlock {
        self.parsed.into_raw()
    }

    /// How many transactions it has; at least one.
    pub fn transaction_count(&self) -> usize {
        self.txids.len()
    }

    /// Ids of the transactions, in order.
    pub fn txids(&self) -> impl ExactSizeIterator<Item = Txid> + Clone {
        self.txids.iter().copied().map(Txid::from_byte_array)
    }

    /// Every transaction with its id, in order.
    pub fn transactions(
        &self,
    ) -> impl ExactSizeIterator<Item = (Txid, TransactionView<'_>)> + Clone {
        self.txids().zip(self.parsed.transactions())
    }

    /// Signature checks in its scripts as they stand; those in P2SH and witness scripts come on top.
    pub fn legacy_sigops(&self) -> usize {
        self.legacy_sigops
    }

    /// Weight units (BIP141), at most [`crate::MAX_BLOCK_WEIGHT`].
    pub fn weight(&self) -> usize {
        self.weight
    }
}

/// Why a block did not pass a check that can fail for other reasons than the block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError<F> {
    /// The block breaks a rule.
    #[error(transparent)]
    Reject(Reject),
    /// We could not tell; this says nothing about the block.
    #[error("{0}")]
    Fault(F),
}

impl<F> From<Reject> for CheckError<F> {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// Applies every rule about a block's body that needs no coins and no scripts.
///
/// `context` belongs to a header that was accepted into the header tree. A [`Reject`] of kind
/// [`Mutated`](crate::RejectKind::Mutated) says that these bytes are not the block that the header commits to, any other
/// that the block itself is invalid.
pub fn check_block(context: &BlockContext, raw: RawBlock) -> Result<CheckedBlock, Reject> {
    let checked = check_block_with(context, raw, |_| Ok::<(), CheckError<Infallible>>(()));
    checked.map_err(|error| match error {
        CheckError::Reject(reject) => reject,
        CheckError::Fault(never) => match never {},
    })
}

/// A block that passed [`check_block`] for this `context` and was kept unchanged since: it is taken apart again, and not
/// judged again. Whoever calls this vouches for both; only bytes that are no block at all, or another one, are refused.
pub fn reread_block(context: &BlockContext, raw: RawBlock) -> Result<CheckedBlock, Reject> {
    let parsed = parse_expected(context, raw)?;
    let txids = parsed.transactions().map(|tx| tx.txid_bytes()).collect();
    Ok(CheckedBlock {
        legacy_sigops: parsed.transactions().map(crate::legacy_sigops).sum(),
        weight: parsed.weight(),
        parsed,
        hash: context.hash,
        height: context.height,
        txids,
    })
}

/// The same on a signet, where `check_solution` says whether a block satisfies the network's challenge (BIP325).
///
/// What it refuses as [`Consensus`](crate::RejectKind::Consensus) is mutated if the transactions are not those that the
/// header commits to.
pub fn check_block_with<F>(
    context: &BlockContext,
    raw: RawBlock,
    check_solution: impl FnOnce(&ParsedBlock) -> Result<(), CheckError<F>>,
) -> Result<CheckedBlock, CheckError<F>> {
    let parsed = parse_expected(context, raw)?;
    let txids: Vec<[u8; 32]> = parsed.transactions().map(|tx| tx.txid_bytes()).collect();

    let committed = check_committed(context, &parsed, &txids);
    check_solution(&parsed).map_err(|error| match (error, &committed) {
        (CheckError::Reject(reject), Err(Reject { kind, .. })) => CheckError::Reject(Reject {
            kind: *kind,
            ..reject
        }),
        (error, _) => error,
    })?;
    committed?;
    Ok(check_contents(context, parsed, txids)?)
}

/// The bytes are a block, and of the header that was asked for.
fn parse_expected(context: &BlockContext, raw: RawBlock) -> Result<ParsedBlock, Reject> {
    if raw.header() != context.header {
        return Err(Reject::mutated(
            "unexpected-header",
            format!("header of {}, expected {}", raw.block_hash(), context.hash),
        ));
    }
    ParsedBlock::parse(raw)
        .map_err(|error| Reject::mutated("block-decode-failed", error.to_string()))
}

/// These are the transactions that the header commits to.
fn check_committed(
    context: &BlockContext,
    parsed: &ParsedBlock,
    txids: &[[u8; 32]],
) -> Result<(), Reject> {
    transactions::check_merkle_root(&context.header, txids)?;
    transactions::check_no_node_passes_for_a_transaction(parsed)
}

/// They keep every rule.
fn check_contents(
    context: &BlockContext,
    parsed: ParsedBlock,
    txids: Vec<[u8; 32]>,
) -> Result<CheckedBlock, Reject> {
    let stripped_size = parsed.stripped_size();
    limits::check_length(&parsed, stripped_size)?;
    coinbase::check_first(&parsed)?;
    coinbase::check_only(&parsed)?;
    transactions::check_each(&parsed, &txids)?;
    let legacy_sigops = limits::check_sigops(&parsed)?;

    transactions::check_final(&parsed, context)?;
    coinbase::check_height(&parsed, context)?;
    witness::check_commitment(&parsed, &txids, context)?;
    let weight = limits::check_weight(&parsed, stripped_size)?;

    Ok(CheckedBlock {
        parsed,
        hash: context.hash,
        height: context.height,
        txids,
        legacy_sigops,
        weight,
    })
}
