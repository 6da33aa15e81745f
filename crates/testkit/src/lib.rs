//! What tests, demonstrations and benchmarks are made with; no part of the node.
//!
//! [`build`] makes single blocks to order, valid or with a chosen flaw; [`generate`] makes whole regtest chains, [`mainnet`]
//! ones shaped like the main network of today, and
//! [`cases`] blocks on their tips that stand on one side or the other of a rule;
//! [`oracle`] holds ours against other implementations; [`sim`] runs the node's network machine among simulated peers,
//! and [`race`] at mainnet's scale against the policies of others.
//! Everything is deterministic: the same seed, the same bytes.

pub mod build;
pub mod cases;
pub mod generate;
pub mod mainnet;
pub mod oracle;
pub mod race;
pub mod sim;
