//! Sockets: how connections come to stand, how bytes become inputs of the peer-to-peer machine, and how its actions are
//! carried out.

pub mod clock;
mod connection;
pub mod dial;
pub mod dns;
pub(crate) mod driver;
pub(crate) mod limit;
pub(crate) mod listen;
pub(crate) mod mailbox;
pub(crate) mod peer_files;

pub use driver::Tip;
