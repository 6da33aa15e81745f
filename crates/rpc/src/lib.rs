//! JSON-RPC over HTTP with Bitcoin Core's names and shapes, over read-only views.

mod backend;
mod error;

pub use backend::{
    AddedNode, Answer, Backend, Command, ConnectionType, LocalAddress, NetworkName, NetworkReach,
    NetworkSnapshot, NodeAddress, PeerInfo, Refused, SubmitBlockOutcome, SubmitHeaderError, TipRef,
    TransportType, UploadTarget,
};
pub use error::{RpcError, code};
