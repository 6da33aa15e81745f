//! Scripts and transactions for people: assembly, kinds of outputs, addresses, descriptors, as Bitcoin Core shows them.

mod asm;
pub(crate) mod descriptor;
mod script;
mod transaction;

pub(crate) use script::{output_json, script_of_address};
pub(crate) use transaction::{Detail, transaction_json};
