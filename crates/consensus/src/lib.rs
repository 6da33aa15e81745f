//! Every block and transaction rule as a small, named, pure function.
//!
//! What a rule needs of the header tree comes to it as a value ([`BlockContext`], the headers before it), so that any
//! thread can apply it to any block in any order. A rule that is broken is a [`Reject`]: it carries Bitcoin Core's
//! reject reason, and what was expected beside what was found. This crate never reads a clock, a file or a socket, and
//! never judges a signature.

mod block;
mod context;
mod hash;
pub mod header;
mod merkle;
mod parse;
mod reject;
mod sigops;
mod transaction;
mod view;

pub use block::{
    COMMITMENT_PREFIX, CheckedBlock, MAX_BLOCK_SIGOPS_COST, check_block, witness_commitment,
};
pub use context::BlockContext;
pub use merkle::{MerkleRoot, merkle_root};
pub use parse::{DecodeError, DecodeErrorKind};
pub use reject::{Reject, RejectKind};
pub use sigops::{legacy_sigops, script_sigops};
pub use transaction::{
    LOCK_TIME_THRESHOLD, MAX_BLOCK_WEIGHT, MAX_MONEY, check_transaction, is_final,
};
pub use view::{InputView, OutputView, ParsedBlock, TransactionView, Witness};
