#[cfg(test)]
mod tests;

use bitcoinkernel::prelude::*;
use bitcoinkernel::{
    KernelError, PrecomputedTransactionData, ScriptPubkey, ScriptVerificationFlags,
    ScriptVerifyError, Transaction, TxOut, VERIFY_CHECKLOCKTIMEVERIFY, VERIFY_CHECKSEQUENCEVERIFY,
    VERIFY_DERSIG, VERIFY_NONE, VERIFY_NULLDUMMY, VERIFY_P2SH, VERIFY_TAPROOT, VERIFY_WITNESS,
};
use tipward_consensus::ScriptFlags;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{OutPoint, consensus::encode};
use tipward_primitives::{Transaction as BitcoinTransaction, Txid};

use crate::{ScriptError, ScriptFault, ScriptReject, name};

/// An output that an input spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentOutput<'a> {
    /// Its value, in satoshis.
    pub value: i64,
    /// Its script.
    pub script_pubkey: &'a [u8],
}

/// A transaction that libbitcoinkernel has read, with the outputs that it spends and the hashes that its inputs share.
///
/// Made once per transaction; then any thread can check any input (`Send` and `Sync`).
pub struct PreparedTx {
    tx: Transaction,
    spent: Vec<TxOut>,
    shared: PrecomputedTransactionData,
}

impl PreparedTx {
    /// Prepares the transaction whose serialization, witness included, is `raw` (and nothing more), and which spends
    /// `spent`, in the order of its inputs.
    ///
    /// The outputs are needed even where no script looks at them, because a taproot signature commits to all of them.
    ///
    /// # Errors
    /// Only faults of ours: the block was parsed, and its coins were found, before this is called.
    pub fn new<'a>(
        raw: &[u8],
        spent: impl IntoIterator<Item = SpentOutput<'a>>,
    ) -> Result<Self, ScriptFault> {
        let tx = Transaction::new(raw).map_err(|error| ScriptFault::Undecodable {
            size: raw.len(),
            error: error.to_string(),
        })?;
        let inputs = tx.input_count();
        let mut outputs = Vec::with_capacity(inputs);
        for SpentOutput {
            value,
            script_pubkey,
        } in spent
        {
            let script = ScriptPubkey::new(script_pubkey).map_err(kernel_fault)?;
            outputs.push(TxOut::new(&script, value));
        }
        if outputs.len() != inputs {
            return Err(ScriptFault::SpentOutputs {
                inputs,
                spent: outputs.len(),
            });
        }
        let shared = PrecomputedTransactionData::new(&tx, &outputs).map_err(kernel_fault)?;
        Ok(Self {
            tx,
            spent: outputs,
            shared,
        })
    }

    /// How many inputs there are to check.
    pub fn input_count(&self) -> usize {
        self.spent.len()
    }

    /// Whether input `index` satisfies the output that it spends, under the rules of `flags`.
    ///
    /// # Errors
    /// [`ScriptError::Reject`] if it does not: a block with this transaction is invalid. [`ScriptError::Fault`] if the
    /// question was wrong (no such input, or flags that make no sense together, like witness without P2SH).
    pub fn verify_input(&self, index: usize, flags: ScriptFlags) -> Result<(), ScriptError> {
        let Some(spent) = self.spent.get(index) else {
            return Err(ScriptError::Fault(ScriptFault::NoSuchInput {
                input: index,
                inputs: self.spent.len(),
            }));
        };
        let verdict = bitcoinkernel::verify(
            &spent.script_pubkey(),
            Some(spent.value()),
            &self.tx,
            index,
            Some(kernel_flags(flags)),
            &self.shared,
        );
        match verdict {
            Ok(()) => Ok(()),
            Err(KernelError::ScriptVerify(ScriptVerifyError::Invalid)) => {
                Err(Box::new(self.describe(index, flags)?).into())
            }
            Err(error) => Err(kernel_fault(error).into()),
        }
    }

    /// Tells what is known of an input that was refused.
    #[cold]
    fn describe(&self, index: usize, flags: ScriptFlags) -> Result<ScriptReject, ScriptFault> {
        let raw = self.tx.consensus_encode().map_err(kernel_fault)?;
        let decoded: BitcoinTransaction =
            encode::deserialize(&raw).map_err(|error| ScriptFault::Undecodable {
                size: raw.len(),
                error: error.to_string(),
            })?;
        let scripts: Vec<_> = self.spent.iter().map(TxOut::script_pubkey).collect();
        let spent: Vec<SpentOutput<'_>> = self
            .spent
            .iter()
            .zip(&scripts)
            .map(|(output, script)| SpentOutput {
                value: output.value(),
                script_pubkey: script.as_bytes(),
            })
            .collect();
        let spends = decoded
            .input
            .get(index)
            .map_or_else(OutPoint::null, |input| input.previous_output);
        Ok(ScriptReject {
            error: name::script_error(&raw, &spent, index, kernel_flags(flags).into())
                .unwrap_or(name::UNKNOWN),
            input: index,
            txid: Txid::from_byte_array(self.tx.txid().to_bytes()),
            wtxid: decoded.compute_wtxid(),
            spends,
        })
    }
}

impl std::fmt::Debug for PreparedTx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let txid = Txid::from_byte_array(self.tx.txid().to_bytes());
        write!(f, "PreparedTx({txid}, {} inputs)", self.spent.len())
    }
}

/// Our flags as libbitcoinkernel's.
fn kernel_flags(flags: ScriptFlags) -> ScriptVerificationFlags {
    [
        (ScriptFlags::P2SH, VERIFY_P2SH),
        (ScriptFlags::DERSIG, VERIFY_DERSIG),
        (ScriptFlags::CHECKLOCKTIMEVERIFY, VERIFY_CHECKLOCKTIMEVERIFY),
        (ScriptFlags::CHECKSEQUENCEVERIFY, VERIFY_CHECKSEQUENCEVERIFY),
        (ScriptFlags::WITNESS, VERIFY_WITNESS),
        (ScriptFlags::NULLDUMMY, VERIFY_NULLDUMMY),
        (ScriptFlags::TAPROOT, VERIFY_TAPROOT),
    ]
    .into_iter()
    .filter(|(ours, _)| flags.contains(*ours))
    .fold(VERIFY_NONE, |all, (_, theirs)| all | theirs)
}

fn kernel_fault(error: KernelError) -> ScriptFault {
    ScriptFault::Kernel(error.to_string())
}
