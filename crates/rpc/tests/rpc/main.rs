//! The server over real sockets, on a small real chain.

// Helpers of tests are tests to a reader, though not to the lint.
#![allow(clippy::unwrap_used)]

mod answers;
mod commands;
mod fake;
mod http;
mod ledger;
mod neighbour;
mod protocol;
mod prune;
mod rest;
mod rights;
mod server;
mod spending;
mod utilities;
mod validation;
mod wait;
mod watch;
