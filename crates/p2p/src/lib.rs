//! The peer-to-peer machine, sans-IO: what happened goes in, what to do comes out.
//!
//! ```text
//!  sockets, clock, verdicts, user ──▶ Machine::handle(now, Input)
//!                                          │  peers, headers, blocks, addresses
//!                                          ▼
//!                                     Machine::poll_action() ──▶ Action: connect, send, check a block, publish, log
//! ```
//!
//! - [`Machine`]: everything that is decided about peers: whom to connect to, which headers and blocks to ask of whom, what
//!   to serve, whom to part from. [`Input`] and [`Action`] are its whole vocabulary.
//! - [`addr`], [`wire`], [`transport`]: addresses, messages, and how they stand in a stream of bytes.
//! - [`addrman`], [`banman`], [`netgroup`]: what is remembered of addresses.
//! - [`event`], [`snapshot`]: what people are told.
//!
//! This crate never opens a socket or a file, never reads a clock, starts no thread, and draws every random number from a
//! seed that it is given: the same machine runs on real sockets and in a simulator, and every run can be repeated.

pub mod addr;
pub mod addrman;
mod availability;
pub mod banman;
mod blame;
mod chain_guard;
mod config;
pub mod conn;
mod download;
pub mod event;
pub mod evict;
pub mod gossip;
mod handshake;
mod header_sync;
mod io;
mod machine;
pub mod netgroup;
mod peer;
pub mod permissions;
mod ping;
pub mod pool;
pub mod sealed;
mod senders;
mod serve;
mod shared;
pub mod snapshot;
pub mod transport;
mod upload;
pub mod wire;

pub use config::Config;
pub use conn::{ConnKind, PeerId, Target};
pub use io::{Action, Command, DisconnectReason, Input, Transport};
pub use machine::{Machine, NotAsked, Submitted};
