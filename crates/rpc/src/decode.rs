//! Scripts and transactions for people: assembly, kinds of outputs, addresses, descriptors, as Bitcoin Core shows them.

mod address;
mod asm;
mod bech32;
pub(crate) mod descriptor;
mod hex_tx;
mod script;
mod transaction;
mod wrap;

pub(crate) use address::script_of_address;
pub(crate) use hex_tx::{Format, decode_transaction, encode_transaction};
pub(crate) use script::{OutputKind, address_of, output_json};
pub(crate) use transaction::{Detail, transaction_json};
pub(crate) use wrap::script_json;
