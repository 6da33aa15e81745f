use tipward_consensus::{Reject, RejectKind};
use tipward_primitives::Txid;
use tipward_primitives::bitcoin::{OutPoint, Wtxid};

/// Why an input did not pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The input does not satisfy the output that it spends.
    #[error(transparent)]
    Reject(#[from] Box<ScriptReject>),
    /// We asked wrongly, or could not ask: this says nothing about the block.
    #[error(transparent)]
    Fault(#[from] ScriptFault),
}

/// An input that does not satisfy the output that it spends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block-script-verify-flag-failed ({error}), {}", self.detail())]
pub struct ScriptReject {
    /// The error that the script stopped at, in Bitcoin Core's words.
    pub error: &'static str,
    /// Index of the input.
    pub input: usize,
    /// The transaction.
    pub txid: Txid,
    /// The same, witness included.
    pub wtxid: Wtxid,
    /// The output that the input spends.
    pub spends: OutPoint,
}

impl ScriptReject {
    /// Bitcoin Core's reject reason for a block with this input.
    pub fn reason(&self) -> String {
        format!("block-script-verify-flag-failed ({})", self.error)
    }

    fn detail(&self) -> String {
        let Self {
            input,
            txid,
            wtxid,
            spends,
            ..
        } = self;
        format!("input {input} of {txid} (wtxid {wtxid}), spending {spends}")
    }
}

impl From<ScriptReject> for Reject {
    fn from(reject: ScriptReject) -> Self {
        Self::new(RejectKind::Consensus, reject.reason(), reject.detail())
    }
}

/// A question that libbitcoinkernel could not answer: a mistake of ours, or no memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptFault {
    /// The library cannot read the transaction that the block's parser read.
    #[error("libbitcoinkernel cannot read a transaction of {size} bytes: {error}")]
    Undecodable {
        /// Bytes of the transaction.
        size: usize,
        /// The library's words.
        error: String,
    },
    /// Not one spent output for each input.
    #[error("{spent} spent outputs for {inputs} inputs")]
    SpentOutputs {
        /// How many inputs there are.
        inputs: usize,
        /// How many spent outputs were given.
        spent: usize,
    },
    /// There is no such input.
    #[error("input {input} of a transaction with {inputs} inputs")]
    NoSuchInput {
        /// The index asked for.
        input: usize,
        /// How many inputs there are.
        inputs: usize,
    },
    /// The library refused the question itself.
    #[error("libbitcoinkernel refused to verify: {0}")]
    Kernel(String),
}
