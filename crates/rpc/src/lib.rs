//! JSON-RPC over HTTP with Bitcoin Core's names, shapes and error codes.
//!
//! ```text
//!  HTTP     server ─▶ auth            bytes, statuses, who may call, how much at a time
//!             │
//!             ├─▶ rest               blocks and headers by GET, if that is on
//!             ▼
//!  JSON     protocol ─▶ params        1.0, 1.1, 2.0, batches; parameters by position or name
//!             │            │
//!  table      │          spec         what a method is: arguments, help ◀── client (command lines)
//!             ▼            │
//!  node     methods ◀──────┘          one file per family
//!             │  ╲
//!             │   decode, verify        scripts and transactions for people; what is on disk against itself
//!             │
//!           Backend                   what a node must offer; the node crate implements it
//! ```
//!
//! Reads are answered from an immutable view of the chain and from the block files; they never wait for validation. Only
//! what is asked about coins waits until no block is being connected, and then goes on over a snapshot. Calls that wait
//! for a block hold no thread. This crate never touches a socket of the peer-to-peer network, a header
//! tree or a store: whatever changes something is a message to the node.
//!
//! A method is one entry of the table in `methods`; positional and named parameters, type errors, `help` and the
//! conversion of command lines in [`client`] follow from it.

mod allow;
mod amount;
mod auth;
mod backend;
mod call;
pub mod client;
mod decode;
mod error;
mod json;
mod methods;
mod params;
mod protocol;
mod rest;
mod rights;
mod scan_slot;
mod serialized_hash;
mod server;
mod spec;
mod state;
#[cfg(test)]
mod testing;
pub mod verify;
mod watch;

pub use allow::{InvalidSubnet, Subnet};
pub use auth::{Cookie, CookieReaders, Credentials, InvalidLogin, SaltedLogin};
pub use backend::{
    AddedNode, AddressCount, Answer, Backend, BanInfo, BlockUndo, CoinRef, CoinSet, CoinValue,
    Command, ConnectionType, FetchRefused, Judgement, LocalAddress, NetworkName, NetworkReach,
    NetworkSnapshot, NodeAddress, PeerInfo, Pruning, Refused, SubmitBlockOutcome, SubmitError,
    TipRef, TransportType, UploadTarget, ZmqNotification,
};
pub use call::{Call, Output};
pub use error::{RpcError, code};
pub use methods::{find as find_method, table as methods};
pub use rights::Whitelist;
pub use server::{Server, ServerConfig, ServerHandle};
pub use spec::{Arg, Category, Kind, Method, Presence};
