//! The narrow safe face of libbitcoinkernel: check one input of one prepared transaction.
//!
//! ```text
//!   bytes of a transaction ──┐
//!                            ├─> PreparedTx ──> verify_input(index, flags) ──> Ok
//!   outputs that it spends ──┘   (once per                                └──> ScriptError::Reject  the block is invalid
//!                                transaction)                             └──> ScriptError::Fault   we are
//! ```
//!
//! Whether a script and its signatures are valid is libbitcoinkernel's judgement alone: this crate hands it bytes and
//! flags and passes its answer on. It is the only crate that touches the library in the node.
//!
//! The library's public face answers yes or no. People and scripts that submit a block want the name of the script
//! error as well, so for an input that was refused, and only then, [`name`](mod@name) asks the interpreter in the same
//! library again, through its internal face, for the error that it stopped at. The name never changes a verdict.
//!
//! The block of a signet has a script of its own to satisfy: [`check_signet_solution`] asks the same way.
//!
//! Never here: a rule about blocks or transactions, a cache of verdicts, a thread.

mod error;
pub mod name;
mod prepared;
mod signet;

pub use error::{ScriptError, ScriptFault, ScriptReject};
pub use prepared::{PreparedTx, SpentOutput};
pub use signet::check_signet_solution;
pub use tipward_consensus::ScriptFlags;
