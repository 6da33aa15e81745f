//! Counting signature checks the old way: in the scripts as they stand, before any is run.

use crate::view::TransactionView;

const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;
const OP_CHECKSIG: u8 = 0xac;
const OP_CHECKSIGVERIFY: u8 = 0xad;
const OP_CHECKMULTISIG: u8 = 0xae;
const OP_CHECKMULTISIGVERIFY: u8 = 0xaf;

/// A multisig counts as many checks as it can have keys, however many it has.
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
    let mut sigops = 0;
    let mut rest = script;
    while let Some((&opcode, after)) = rest.split_first() {
        rest = after;
        let pushed = match opcode {
            0..OP_PUSHDATA1 => Some(usize::from(opcode)),
            OP_PUSHDATA1 => length(&mut rest, 1),
            OP_PUSHDATA2 => length(&mut rest, 2),
            OP_PUSHDATA4 => length(&mut rest, 4),
            OP_CHECKSIG | OP_CHECKSIGVERIFY => {
                sigops += 1;
                continue;
            }
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY => {
                sigops += MULTISIG;
                continue;
            }
            _ => continue,
        };
        match pushed.and_then(|len| rest.get(len..)) {
            Some(after) => rest = after,
            None => break,
        }
    }
    sigops
}

/// Reads a push's length of `bytes` bytes, least significant first.
fn length(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    let (digits, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(
        digits
            .iter()
            .rev()
            .fold(0, |len, digit| (len << 8) | usize::from(*digit)),
    )
}

#[cfg(test)]
mod tests;
