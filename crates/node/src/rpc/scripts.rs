//! Every script of one block, for `verifychain`.

use tipward_chain::Fault;
use tipward_consensus::{CheckError, ParsedBlock, ScriptFlags};
use tipward_primitives::{Params, RawBlock};
use tipward_rpc::{BlockUndo, SubmitError};
use tipward_script::{PreparedTx, ScriptError, SpentOutput, check_signet_solution};

/// Runs all scripts of a block with the coins that it spends, and checks a signet's block solution.
pub(crate) fn check_scripts(
    params: &Params,
    block: &RawBlock,
    spent: &BlockUndo,
    flags: ScriptFlags,
) -> Result<(), SubmitError> {
    let block = ParsedBlock::parse(block.clone()).map_err(fault)?;
    if let Some(challenge) = &params.signet_challenge {
        check_signet_solution(challenge, &block).map_err(|error| match error {
            CheckError::Reject(reject) => reject.into(),
            CheckError::Fault(error) => fault(error),
        })?;
    }
    for (tx, coins) in block.transactions().skip(1).zip(spent) {
        let outputs = coins.iter().map(|coin| SpentOutput {
            value: coin.value.cast_signed(),
            script_pubkey: coin.script.as_bytes(),
        });
        let prepared = PreparedTx::new(tx.bytes(), outputs).map_err(fault)?;
        for input in 0..prepared.input_count() {
            prepared
                .verify_input(input, flags)
                .map_err(|error| match error {
                    ScriptError::Reject(reject) => SubmitError::Refused((*reject).into()),
                    ScriptError::Fault(error) => fault(error),
                })?;
        }
    }
    Ok(())
}

fn fault(error: impl std::fmt::Display) -> SubmitError {
    SubmitError::Failed(Fault {
        what: error.to_string(),
        may_pass: false,
    })
}
