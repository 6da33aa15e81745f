//! Counting signature checks in scripts as they stand, before any is run.

use crate::script::{Ops, small_number};
use crate::view::TransactionView;

const OP_CHECKSIG: u8 = 0xac;
const OP_CHECKSIGVERIFY: u8 = 0xad;
const OP_CHECKMULTISIG: u8 = 0xae;
const OP_CHECKMULTISIGVERIFY: u8 = 0xaf;

/// A multisig counts as many checks as it can have keys, unless it is seen how many it has.
const MULTISIG: usize = 20;

/// Signature checks in the input and output scripts of a transaction. Those in P2SH and witness scripts, which need
/// coins, are not among them.
pub fn legacy_sigops(tx: TransactionView<'_>) -> usize {
    let inputs: usize = tx.inputs().map(|i| script_sigops(i.script_sig())).sum();
    let outputs: usize = tx.outputs().map(|o| script_sigops(o.script_pubkey())).sum();
    inputs + outputs
}

/// Signature checks in one script, up to its end or to a push that runs past it.
pub fn script_sigops(script: &[u8]) -> usize {
    Ops::new(script)
        .map_while(Result::ok)
        .map(|op| match op.opcode {
            OP_CHECKSIG | OP_CHECKSIGVERIFY => 1,
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY => MULTISIG,
            _ => 0,
        })
        .sum()
}

/// The same with multisigs at their number of keys, where that is pushed by the opcode right before: as P2SH (BIP16) and
/// witness scripts (BIP141) are counted.
pub(crate) fn accurate_sigops(script: &[u8]) -> usize {
    let mut sigops = 0;
    let mut before = 0;
    for op in Ops::new(script).map_while(Result::ok) {
        sigops += match op.opcode {
            OP_CHECKSIG | OP_CHECKSIGVERIFY => 1,
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY => {
                small_number(before).map_or(MULTISIG, usize::from)
            }
            _ => 0,
        };
        before = op.opcode;
    }
    sigops
}

#[cfg(test)]
mod tests;
