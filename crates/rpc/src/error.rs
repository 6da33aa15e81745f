use serde_json::{Value, json};

/// Error codes of JSON-RPC and of Bitcoin Core's `rpc/protocol.h`; people and programs tell errors apart by them.
pub mod code {
    /// The request is no JSON-RPC request.
    pub const INVALID_REQUEST: i32 = -32600;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i32 = -32601;
    /// The arguments contradict each other.
    pub const INVALID_PARAMS: i32 = -32602;
    /// Our own failure.
    pub const INTERNAL_ERROR: i32 = -32603;
    /// The body is not JSON.
    pub const PARSE_ERROR: i32 = -32700;

    /// Whatever has no code of its own; with the method's help text if the number of arguments is wrong.
    pub const MISC_ERROR: i32 = -1;
    /// An argument is of the wrong JSON type.
    pub const TYPE_ERROR: i32 = -3;
    /// There is no such block or transaction, or this is not an address.
    pub const INVALID_ADDRESS_OR_KEY: i32 = -5;
    /// An argument is out of range or malformed.
    pub const INVALID_PARAMETER: i32 = -8;
    /// The coins, or the marks of invalid blocks, cannot be read or written.
    pub const DATABASE_ERROR: i32 = -20;
    /// The node is shutting down, or not connected.
    pub const CLIENT_NOT_CONNECTED: i32 = -9;
    /// There is no such wallet: tipward has none at all.
    pub const WALLET_NOT_FOUND: i32 = -18;
    /// Hexadecimal data does not decode to what it should be.
    pub const DESERIALIZATION_ERROR: i32 = -22;
    /// The node was added before.
    pub const CLIENT_NODE_ALREADY_ADDED: i32 = -23;
    /// The node was not added before.
    pub const CLIENT_NODE_NOT_ADDED: i32 = -24;
    /// A submitted header or block was not accepted.
    pub const VERIFY_ERROR: i32 = -25;
    /// The node is still starting.
    pub const IN_WARMUP: i32 = -28;
    /// There is no such connection.
    pub const CLIENT_NODE_NOT_CONNECTED: i32 = -29;
    /// This is not an IP address.
    pub const CLIENT_INVALID_IP_OR_SUBNET: i32 = -30;
    /// There is no room for another connection.
    pub const CLIENT_NODE_CAPACITY_REACHED: i32 = -34;
}

/// What a call answers instead of a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// One of [`code`].
    pub code: i32,
    /// For people; where Core has a text that programs look for, that text.
    pub message: String,
}

impl RpcError {
    /// An error.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// An error that has no code of its own.
    pub fn misc(message: impl Into<String>) -> Self {
        Self::new(code::MISC_ERROR, message)
    }

    /// An argument that is out of range or malformed.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMETER, message)
    }

    /// The `error` member of a reply.
    pub fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

impl From<tipward_chain::Fault> for RpcError {
    fn from(fault: tipward_chain::Fault) -> Self {
        Self::new(code::INTERNAL_ERROR, fault.what)
    }
}
