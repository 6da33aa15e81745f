//! The header tree and what is decided on it.

mod job;

pub use job::{BlockJob, BlockOutcome, BlockVerdict, Fault};
