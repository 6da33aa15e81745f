//! The rules that need the coins that a block spends.
//!
//! Each is a pure function of a transaction and of what its coins say; whoever connects blocks looks the coins up. The order
//! of the verdicts is Bitcoin Core's:
//!
//! 1. for the whole block: no output takes the place of a coin that is still there ([`enforce_bip30`],
//!    [`overwrites_coin`]);
//! 2. for each transaction but the coinbase, in order: every coin is there ([`missing_input`]),
//!    [`check_transaction_inputs`], [`add_fee`], [`check_sequence_locks`];
//! 3. for each transaction, right after that: [`sigops_cost`], [`add_sigops`];
//! 4. last: [`check_coinbase_value`].
//!
//! Scripts come after all of these.

mod bip30;
mod inputs;
mod reward;
mod sequence_locks;
mod sigops;

pub use bip30::{
    BIP30_LIMIT, enforce_bip30, is_bip30_implied, is_bip30_repeat, is_bip30_unspendable,
    overwrites_coin,
};
pub use inputs::{COINBASE_MATURITY, CoinFacts, check_transaction_inputs, missing_input};
pub use reward::{INITIAL_SUBSIDY, add_fee, check_coinbase_value, subsidy};
pub use sequence_locks::check_sequence_locks;
pub use sigops::{add_sigops, sigops_cost};
