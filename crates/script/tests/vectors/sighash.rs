//! `sighash.json`: what a signature of before segregated witness commits to.
//!
//! libbitcoinkernel keeps the hash to itself, and nothing in the node computes one: only what signs transactions for
//! tests does, through rust-bitcoin. So it is rust-bitcoin's hash that is compared here, because a wrong one there would
//! make a wrong test elsewhere.

use tipward_primitives::bitcoin::Transaction;
use tipward_primitives::bitcoin::consensus::deserialize;
use tipward_primitives::bitcoin::opcodes::all::OP_CODESEPARATOR;
use tipward_primitives::bitcoin::script::{Instruction, Script, ScriptBuf};
use tipward_primitives::bitcoin::sighash::SighashCache;

use crate::{hex, text, vectors};

/// The script without OP_CODESEPARATOR, as a signature commits to it; what cannot be parsed stays as it is.
fn without_separators(script: &Script) -> ScriptBuf {
    let mut kept = Vec::new();
    let mut from = 0;
    for step in script.instruction_indices() {
        let Ok((at, instruction)) = step else {
            break;
        };
        if matches!(instruction, Instruction::Op(op) if op == OP_CODESEPARATOR) {
            kept.extend(&script.as_bytes()[from..at]);
            from = at + 1;
        }
    }
    kept.extend(&script.as_bytes()[from..]);
    ScriptBuf::from_bytes(kept)
}

/// `[transaction, script, input, hash type, hash]`
#[test]
fn every_signature_hash_is_the_one_that_the_vector_names() {
    let Some(vectors) = vectors("sighash.json") else {
        return;
    };
    for json in &vectors {
        let tx: Transaction = deserialize(&hex(&json[0])).unwrap();
        let script = without_separators(&ScriptBuf::from_bytes(hex(&json[1])));
        let input = json[2].as_u64().unwrap() as usize;
        // The vectors write a 32-bit word as a signed number.
        let hash_type = json[3].as_i64().unwrap() as u32;
        let hash = SighashCache::new(&tx)
            .legacy_signature_hash(input, &script, hash_type)
            .unwrap();
        assert_eq!(hash.to_string(), reversed(text(&json[4])), "{json:?}");
    }
    assert_eq!(vectors.len(), 500);
}

/// The vectors write hashes as block explorers do, last byte first.
fn reversed(hash: &str) -> String {
    hash.as_bytes()
        .chunks(2)
        .rev()
        .flat_map(|pair| pair.iter().map(|b| char::from(*b)))
        .collect()
}
