//! The node, wired up: configuration, sockets, command line, and the tools around it.
//!
//! ```text
//!            sockets (one reader and one writer task each)
//!               | Input  ^ messages                         RPC reads, commands
//!               v        |                                        |
//!   timers --> driver: owns p2p::Machine (peers, header tree) --> Arc<ChainView>, peer snapshot
//!               | blocks, headers   ^ verdicts
//!               v                   |
//!            validation::Pipeline (workers, writer) --> store
//! ```
//!
//! The binary `tipward` is a thin face of this library, so that whatever it does can be done, and tested, inside one
//! process as well. No rule of Bitcoin is decided here.
//!
//! # A node inside your program
//! [`Node::builder`] starts one, and [`NodeHandle::subscribe`] gives its blocks in order, from any height, reorganizations
//! included: see [`subscribe`], the examples `follow_tip`, `scan_script` and `count_types`, and `docs/library.md`.

mod advice;
mod allocator;
pub mod bench;
mod blocks;
mod builder;
pub mod client;
pub mod commands;
pub mod config;
mod daemon;
pub mod demo;
mod descriptors;
pub mod export;
pub mod generate;
pub mod import;
mod load;
pub mod logging;
pub mod manual;
pub mod net;
mod node;
mod offline;
mod pid_file;
pub mod progress;
pub mod reindex;
mod rpc;
mod run;
pub mod serve;
mod service;
mod signals;
pub mod subscribe;
pub mod top;
pub mod verify;
mod wall_clock;
mod watch;
mod zmq;

pub use bitcoin;
pub use builder::NodeBuilder;
pub use config::NetworkName;
pub use node::{Node, NodeHandle};
pub use subscribe::{BlockEvent, Cursor, StartAt, SubscribeError, Subscription};
pub use tipward_primitives::RawBlock;
