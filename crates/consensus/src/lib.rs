//! Every block and transaction rule as a small, named, pure function.
//!
//! ```text
//!   header ──▶ check_proof_of_work ──▶ check_header_in_context ──▶ (the header tree)
//!                                          ▲ asks a HeaderChain           │
//!                                            for the headers before       ▼
//!                                                                    BlockContext
//!                                                                         │
//!   RawBlock ──▶ ParsedBlock ──▶ every rule that needs no coins ◀─────────┘
//!    (bytes)    (flat offsets)              │
//!                                           ▼
//!                                      CheckedBlock ──▶ connect: every rule that needs the coins that it spends
//! ```
//!
//! What a rule needs of the header tree comes to it as a value ([`BlockContext`], the headers before it), so that any
//! thread can apply it to any block in any order. A rule that is broken is a [`Reject`]: it carries Bitcoin Core's
//! reject reason, and what was expected beside what was found.
//!
//! Beside them: [`versionbits`] and [`deployments`], which soft forks hold where, and [`signet`], what a signet's block has to
//! satisfy. Every rule with its function and its tests is listed in `docs/rules.md`.
//!
//! This crate never reads a clock, a file or a socket, never judges a signature, and never lets bytes from outside make it
//! panic or take more memory than a small multiple of their own size.

mod block;
pub mod connect;
mod context;
pub mod deployments;
mod hash;
pub mod header;
mod merkle;
mod parse;
mod reject;
mod script;
mod script_flags;
pub mod signet;
mod sigops;
#[cfg(test)]
mod testing;
mod transaction;
pub mod versionbits;
mod view;

pub use block::{
    COMMITMENT_PREFIX, CheckError, CheckedBlock, MAX_BLOCK_SIGOPS_COST, check_block,
    check_block_with, reread_block, witness_commitment,
};
pub use context::BlockContext;
pub use merkle::{MerkleRoot, merkle_root};
pub use parse::{DecodeError, DecodeErrorKind};
pub use reject::{Reject, RejectKind};
pub use script::is_unspendable;
pub use script_flags::{ScriptFlags, script_flags};
pub use sigops::{legacy_sigops, script_sigops};
pub use transaction::{
    LOCK_TIME_THRESHOLD, MAX_BLOCK_WEIGHT, MAX_MONEY, check_transaction, is_final,
};
pub use view::{InputView, OutputView, ParsedBlock, TransactionView, Witness};
