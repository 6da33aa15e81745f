//! The coin set: every unspent output of the chain.
