//! What a block's signature checks cost (BIP141).

use super::inputs::refused;
use crate::block::MAX_BLOCK_SIGOPS_COST;
use crate::script::{WitnessProgram, is_p2sh, last_push};
use crate::sigops::{accurate_sigops, legacy_sigops};
use crate::transaction::WITNESS_SCALE_FACTOR;
use crate::view::{InputView, TransactionView};
use crate::{Reject, ScriptFlags};

/// What the signature checks of `tx` cost: four for each in its scripts and in P2SH scripts, one for each in a witness.
///
/// `spent_scripts` are the scripts of the coins that it spends, one for each input, in order; those of a coinbase, which
/// spends none, are not looked at.
pub fn sigops_cost<'a>(
    tx: TransactionView<'_>,
    spent_scripts: impl IntoIterator<Item = &'a [u8]>,
    flags: ScriptFlags,
) -> usize {
    let legacy = legacy_sigops(tx) * WITNESS_SCALE_FACTOR;
    if tx.is_coinbase() {
        return legacy;
    }
    let inputs: usize = tx
        .inputs()
        .zip(spent_scripts)
        .map(|(input, script)| input_cost(input, script, flags))
        .sum();
    legacy + inputs
}

/// The cost of a block's transactions so far and of one more, `tx`: `bad-blk-sigops`.
pub fn add_sigops(so_far: usize, tx: TransactionView<'_>, cost: usize) -> Result<usize, Reject> {
    let sum = so_far + cost;
    if sum <= MAX_BLOCK_SIGOPS_COST {
        return Ok(sum);
    }
    Err(refused(
        tx,
        "bad-blk-sigops",
        format!("signature checks cost {sum} up to here, at most {MAX_BLOCK_SIGOPS_COST} allowed"),
    ))
}

/// What the script that an input was told to satisfy adds to those that stand in the transaction.
fn input_cost(input: InputView<'_>, spent_script: &[u8], flags: ScriptFlags) -> usize {
    if let Some(program) = WitnessProgram::of(spent_script) {
        return witness_cost(program, input, flags);
    }
    if !flags.contains(ScriptFlags::P2SH) || !is_p2sh(spent_script) {
        return 0;
    }
    // An input script that does more than push leaves nothing to count; it fails when it is run.
    let Some(redeem_script) = last_push(input.script_sig()) else {
        return 0;
    };
    let in_witness =
        WitnessProgram::of(redeem_script).map_or(0, |program| witness_cost(program, input, flags));
    accurate_sigops(redeem_script) * WITNESS_SCALE_FACTOR + in_witness
}

/// Only version 0 is counted: a tapscript's signature checks are bounded by the weight of its own witness (BIP342).
fn witness_cost(program: WitnessProgram<'_>, input: InputView<'_>, flags: ScriptFlags) -> usize {
    if !flags.contains(ScriptFlags::WITNESS) {
        return 0;
    }
    match (program.version, program.program.len()) {
        (0, 20) => 1,
        (0, 32) => input.witness().last().map_or(0, accurate_sigops),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
