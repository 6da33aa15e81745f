//! The solution of a signet's block (BIP325).
//!
//! On a signet a block must satisfy a script, the network's challenge, beside its proof of work. What satisfies it stands
//! in the coinbase's witness commitment, behind the commitment itself, and must not commit to itself; so two transactions
//! are made up from the block without it, and the second one spends the first:
//!
//! ```text
//!   to_spend: input   OP_0, version | parent | merkle root without the solution | time
//!             output  the challenge
//!                        ▲
//!   to_sign:  input ─────┘  the solution: an input script and a witness
//! ```
//!
//! This is the pure part. Whether the second may spend the first is a question for the script interpreter
//! (`tipward_script::check_signet_solution`).

#[cfg(test)]
mod tests;

use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::deserialize;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::opcodes::all::OP_RETURN;
use tipward_primitives::bitcoin::opcodes::{OP_0, Opcode};
use tipward_primitives::bitcoin::script::{Builder, PushBytes};
use tipward_primitives::bitcoin::{
    Amount, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};

use crate::block::witness_commitment_output;
use crate::merkle::merkle_root;
use crate::parse::Cursor;
use crate::script::Ops;
use crate::view::ParsedBlock;
use crate::{Reject, ScriptFlags};

/// The script rules that a solution is held to.
pub const SOLUTION_FLAGS: ScriptFlags = ScriptFlags::P2SH
    .union(ScriptFlags::WITNESS)
    .union(ScriptFlags::DERSIG)
    .union(ScriptFlags::NULLDUMMY);

/// What a push that holds the solution begins with.
const SOLUTION_PREFIX: [u8; 4] = [0xec, 0xc7, 0xda, 0xa2];

/// The two transactions that stand for a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SolutionTransactions {
    /// Its only output is guarded by the challenge.
    pub to_spend: Transaction,
    /// Its only input spends that with the block's solution.
    pub to_sign: Transaction,
}

/// Makes them for `block` and the network's `challenge`.
///
/// A block without a solution has an empty one, which satisfies challenges like `OP_TRUE`.
///
/// # Errors
/// `bad-signet-blksig`: there is no witness commitment, or what stands in it is no solution.
pub fn solution_transactions(
    block: &ParsedBlock,
    challenge: &Script,
) -> Result<SolutionTransactions, Reject> {
    let index = witness_commitment_output(block)
        .ok_or_else(|| refused("the block has no witness commitment"))?;
    let coinbase = block.transaction(0).map(|first| deserialize(first.bytes()));
    let Some(Ok(mut coinbase)) = coinbase else {
        return Err(refused("the coinbase is not a transaction"));
    };
    let Transaction { output, .. } = &mut coinbase;
    let (script_sig, witness) = match output.get_mut(index).map(|o| &mut o.script_pubkey) {
        Some(script) => take_solution(script)?,
        None => Default::default(),
    };
    let to_spend = to_spend(&block_data(block, &coinbase), challenge);
    let to_sign = single(
        TxIn {
            previous_output: OutPoint::new(to_spend.compute_txid(), 0),
            script_sig,
            sequence: Sequence::ZERO,
            witness,
        },
        Builder::new().push_opcode(OP_RETURN).into_script(),
    );
    Ok(SolutionTransactions { to_spend, to_sign })
}

/// The reject of a block whose solution does not satisfy the challenge, and why.
pub fn refused(why: impl std::fmt::Display) -> Reject {
    Reject::consensus("bad-signet-blksig", format!("signet block solution: {why}"))
}

/// Takes the solution out of a commitment's script; the empty one if there is none.
fn take_solution(script: &mut ScriptBuf) -> Result<(ScriptBuf, Witness), Reject> {
    let Some((solution, without)) = split_solution(script) else {
        return Ok(Default::default());
    };
    let found = parse_solution(&solution)
        .ok_or_else(|| refused("not an input script and a witness, and nothing else"))?;
    *script = without;
    Ok(found)
}

/// The solution in a commitment's script, and the script with nothing but the prefix left in that push.
///
/// It is written anew, in the shortest form, up to a push that runs past its end. Bitcoin Core writes a push of nothing as
/// its opcode alone, whatever the form was, and so must everybody.
fn split_solution(script: &Script) -> Option<(Vec<u8>, ScriptBuf)> {
    let mut solution = None;
    let mut without = ScriptBuf::with_capacity(script.len());
    for op in Ops::new(script.as_bytes()).map_while(Result::ok) {
        match op.pushed.strip_prefix(&SOLUTION_PREFIX) {
            Some(rest) if solution.is_none() && !rest.is_empty() => {
                solution = Some(rest.to_vec());
                without.push_slice(SOLUTION_PREFIX);
            }
            _ if op.pushed.is_empty() => without.push_opcode(Opcode::from(op.opcode)),
            // No push is longer than a block, and so than a script can push.
            _ => without.push_slice(<&PushBytes>::try_from(op.pushed).ok()?),
        }
    }
    Some((solution?, without))
}

/// An input script with its length before it, a witness, and nothing else.
fn parse_solution(bytes: &[u8]) -> Option<(ScriptBuf, Witness)> {
    let mut cursor = Cursor { bytes, at: 0 };
    let next = |cursor: &mut Cursor<'_>| {
        let (start, len) = cursor.variable().ok()?;
        bytes.get(start as usize..)?.get(..len as usize)
    };
    let script_sig = next(&mut cursor)?;
    let items = cursor.compact_size().ok()?;
    let mut witness = Witness::new();
    for _ in 0..items {
        // Ends with the bytes, whatever was promised.
        witness.push(next(&mut cursor)?);
    }
    let all = cursor.at == bytes.len();
    all.then(|| (ScriptBuf::from(script_sig.to_vec()), witness))
}

/// What a solution signs: the header's version, parent and time, and the merkle root with this coinbase instead.
fn block_data(block: &ParsedBlock, coinbase: &Transaction) -> [u8; 72] {
    let others = block.transactions().skip(1).map(|tx| tx.txid_bytes());
    let first = coinbase.compute_txid().to_byte_array();
    let txids: Vec<[u8; 32]> = std::iter::once(first).chain(others).collect();
    let header = block.header();
    let mut data = [0; 72];
    data[..4].copy_from_slice(&header.version.to_consensus().to_le_bytes());
    data[4..36].copy_from_slice(&header.prev_blockhash.to_byte_array());
    data[36..68].copy_from_slice(&merkle_root(&txids).root);
    data[68..].copy_from_slice(&header.time.to_le_bytes());
    data
}

fn to_spend(block_data: &[u8; 72], challenge: &Script) -> Transaction {
    single(
        TxIn {
            previous_output: OutPoint::null(),
            script_sig: Builder::new()
                .push_opcode(OP_0)
                .push_slice(block_data)
                .into_script(),
            sequence: Sequence::ZERO,
            witness: Witness::new(),
        },
        challenge.to_owned(),
    )
}

/// A transaction with one input and one output without value.
fn single(input: TxIn, script_pubkey: ScriptBuf) -> Transaction {
    Transaction {
        version: transaction::Version(0),
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey,
        }],
    }
}
