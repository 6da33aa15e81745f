//! The node and its tools from outside: real processes, real sockets on loopback, real files.

// A test that cannot go on should panic, and its helpers are compiled without cfg(test).
#![allow(clippy::unwrap_used)]

mod browser;
mod cli;
mod daemon;
mod dns;
mod dns_server;
mod feed;
mod first_steps;
mod follow;
mod harness;
mod limits;
mod malformed;
mod mistakes;
mod peers;
mod process;
mod prune;
mod rpc;
mod service;
mod socks_server;
mod stand_in;
mod sync;
mod tools;
mod validate;
mod verify;
mod watch;
