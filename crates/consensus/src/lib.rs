//! Every block and transaction rule as a small, named, pure function.
//!
//! What a rule needs of the header tree comes to it as a value ([`BlockContext`], the headers before it), so that any
//! thread can apply it to any block in any order. A rule that is broken is a [`Reject`]: it carries Bitcoin Core's
//! reject reason, and what was expected beside what was found. This crate never reads a clock, a file or a socket, and
//! never judges a signature.

mod context;
pub mod header;
mod reject;

pub use context::BlockContext;
pub use reject::{Reject, RejectKind};
