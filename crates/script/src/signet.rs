use tipward_consensus::signet::{SOLUTION_FLAGS, refused, solution_transactions};
use tipward_consensus::{CheckError, ParsedBlock};
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::Script;
use tipward_primitives::bitcoin::consensus::serialize;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::{PreparedTx, ScriptError, ScriptFault, SpentOutput};

/// Whether `block` satisfies its signet's `challenge` (BIP325): `bad-signet-blksig` if not.
///
/// Made to be handed to [`tipward_consensus::check_block_with`]. The genesis block, which has no parent, satisfies every
/// challenge.
///
/// # Errors
/// [`CheckError::Fault`] if libbitcoinkernel cannot be asked: that says nothing about the block.
pub fn check_signet_solution(
    challenge: &Script,
    block: &ParsedBlock,
) -> Result<(), CheckError<ScriptFault>> {
    if block.header().prev_blockhash == BlockHash::all_zeros() {
        return Ok(());
    }
    let to_sign = serialize(&solution_transactions(block, challenge)?.to_sign);
    let spent = SpentOutput {
        value: 0,
        script_pubkey: challenge.as_bytes(),
    };
    let prepared = PreparedTx::new(&to_sign, [spent]).map_err(CheckError::Fault)?;
    prepared
        .verify_input(0, SOLUTION_FLAGS)
        .map_err(|error| match error {
            ScriptError::Reject(reject) => refused(reject.error).into(),
            ScriptError::Fault(fault) => CheckError::Fault(fault),
        })
}
