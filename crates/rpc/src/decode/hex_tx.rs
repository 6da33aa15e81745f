//! Transactions that somebody hands in, finished or not, from hexadecimal and back.
//!
//! A transaction without inputs cannot be told from the marker of the extended format (BIP144): the bytes `00 01` may mean
//! "no inputs, one output" or "witnesses follow". As Bitcoin Core does, both readings are tried, and the one whose scripts
//! make sense is taken.

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::{Decodable as _, Error, serialize};
use bitcoin::hex::FromHex as _;
use bitcoin::{Script, Transaction, TxIn, TxOut, Witness, transaction};

use super::asm::{self, Op};

#[cfg(test)]
mod tests;

/// Which formats are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// With witnesses where the bytes say so.
    Extended,
    /// Without.
    Legacy,
    /// Both.
    Either,
}

/// A transaction in hexadecimal; `None` if it is none, or if bytes are left over.
pub(crate) fn decode_transaction(text: &str, format: Format) -> Option<Transaction> {
    let bytes = Vec::<u8>::from_hex(text).ok()?;
    let extended = match format {
        Format::Legacy => None,
        Format::Extended | Format::Either => whole(&bytes, extended),
    };
    if extended.as_ref().is_some_and(is_sane) || format == Format::Extended {
        return extended;
    }
    match whole(&bytes, legacy) {
        Some(legacy) if extended.is_none() || is_sane(&legacy) => Some(legacy),
        _ => extended,
    }
}

/// The bytes of a transaction as Bitcoin Core writes them: in the extended format if there is a witness, and only then.
pub(crate) fn encode_transaction(tx: &Transaction) -> Vec<u8> {
    if !tx.input.is_empty() {
        return serialize(tx);
    }
    let mut bytes = serialize(&tx.version);
    // No inputs.
    bytes.push(0);
    bytes.extend(serialize(&tx.output));
    bytes.extend(serialize(&tx.lock_time));
    bytes
}

/// What `read` makes of all the bytes.
fn whole(
    bytes: &[u8],
    read: impl FnOnce(&mut &[u8]) -> Result<Transaction, Error>,
) -> Option<Transaction> {
    let mut rest = bytes;
    let tx = read(&mut rest).ok()?;
    rest.is_empty().then_some(tx)
}

fn extended(bytes: &mut &[u8]) -> Result<Transaction, Error> {
    let mut tx = unfinished(bytes)?;
    let mut flags = 0;
    if tx.input.is_empty() {
        flags = u8::consensus_decode(bytes)?;
        // No flags: the byte was the number of outputs.
        if flags != 0 {
            tx.input = Vec::<TxIn>::consensus_decode(bytes)?;
            tx.output = Vec::<TxOut>::consensus_decode(bytes)?;
        }
    } else {
        tx.output = Vec::<TxOut>::consensus_decode(bytes)?;
    }
    if flags & 1 != 0 {
        for input in &mut tx.input {
            input.witness = Witness::consensus_decode(bytes)?;
        }
        if tx.input.iter().all(|input| input.witness.is_empty()) {
            return Err(Error::ParseFailed("Superfluous witness record"));
        }
    }
    if flags & !1 != 0 {
        return Err(Error::ParseFailed("Unknown transaction optional data"));
    }
    tx.lock_time = LockTime::consensus_decode(bytes)?;
    Ok(tx)
}

fn legacy(bytes: &mut &[u8]) -> Result<Transaction, Error> {
    let mut tx = unfinished(bytes)?;
    tx.output = Vec::<TxOut>::consensus_decode(bytes)?;
    tx.lock_time = LockTime::consensus_decode(bytes)?;
    Ok(tx)
}

/// As far as both formats are the same.
fn unfinished(bytes: &mut &[u8]) -> Result<Transaction, Error> {
    Ok(Transaction {
        version: transaction::Version::consensus_decode(bytes)?,
        input: Vec::<TxIn>::consensus_decode(bytes)?,
        output: Vec::new(),
        lock_time: LockTime::ZERO,
    })
}

/// Whether the scripts look like scripts, and not like bytes that were read in the wrong format.
fn is_sane(tx: &Transaction) -> bool {
    const MAX_SCRIPT_SIZE: usize = 10_000;
    let sane = |script: &Script| has_valid_ops(script) && script.len() <= MAX_SCRIPT_SIZE;
    let mut outputs = tx.output.iter();
    (tx.is_coinbase() || tx.input.iter().all(|input| sane(&input.script_sig)))
        && outputs.all(|output| sane(&output.script_pubkey))
}

/// The script can be taken apart to its end, and has neither opcodes that were never given out nor data that is too long to
/// be put on the stack.
pub(super) fn has_valid_ops(script: &Script) -> bool {
    const MAX_OPCODE: u8 = 0xb9;
    const MAX_ELEMENT_SIZE: usize = 520;
    asm::operations(script.as_bytes()).all(|op| match op {
        Op::Push(_, data) => data.len() <= MAX_ELEMENT_SIZE,
        Op::Code(code) => code <= MAX_OPCODE,
        Op::Cut => false,
    })
}
