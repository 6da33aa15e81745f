//! What the tests of several rules are made of.

use tipward_primitives::RawBlock;
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::serialize;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{Amount, OutPoint, Transaction, TxIn, TxOut, Txid, transaction};

use crate::ParsedBlock;

/// `txs` as the parser gives them; their block has a header of zeros.
pub(crate) fn parsed(txs: &[Transaction]) -> ParsedBlock {
    let mut bytes = vec![0; 80];
    bytes.push(u8::try_from(txs.len()).unwrap());
    for tx in txs {
        bytes.extend(serialize(tx));
    }
    ParsedBlock::parse(RawBlock::new(bytes.into()).unwrap()).unwrap()
}

/// A transaction with so many inputs that pays these values.
pub(crate) fn spending(inputs: u32, values: &[u64]) -> Transaction {
    let input = (0..inputs).map(|index| TxIn {
        previous_output: OutPoint::new(Txid::from_byte_array([7; 32]), index),
        ..TxIn::default()
    });
    let output = values.iter().map(|value| TxOut {
        value: Amount::from_sat(*value),
        script_pubkey: vec![0x51].into(),
    });
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: input.collect(),
        output: output.collect(),
    }
}
