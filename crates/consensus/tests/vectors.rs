//! Bitcoin Core's transaction vectors, as far as they need neither coins nor scripts.

#![allow(clippy::unwrap_used)]

mod common;

use serde_json::Value;
use tipward_consensus::{DecodeError, ParsedBlock, Reject, check_transaction};
use tipward_primitives::RawBlock;
use tipward_primitives::bitcoin::hex::FromHex as _;

/// What the rules of a lone transaction say of a vector's.
fn judge(tx: &str) -> Result<Result<(), Reject>, DecodeError> {
    // Parsed as the only one of a block with a header of zeros.
    let mut bytes = vec![0; 80];
    bytes.push(1);
    bytes.extend(Vec::from_hex(tx).unwrap());
    let block = ParsedBlock::parse(RawBlock::new(bytes.into()).unwrap())?;
    Ok(check_transaction(block.transaction(0).unwrap()))
}

/// Transaction and flags of every vector in a file; comments are lists of one string.
fn vectors(name: &str) -> Option<Vec<(String, String)>> {
    let list: Vec<Vec<Value>> = serde_json::from_slice(&common::data(name)?).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let vectors = list.iter().filter(|vector| vector.len() == 3);
    Some(vectors.map(|v| (text(&v[1]), text(&v[2]))).collect())
}

#[test]
fn valid_transactions_keep_the_rules() {
    let Some(vectors) = vectors("vectors/tx_valid.json") else {
        return;
    };
    assert!(vectors.len() > 100);
    for (tx, _) in vectors {
        assert_eq!(judge(&tx), Ok(Ok(())), "{tx}");
    }
}

#[test]
fn bad_transactions_break_a_rule_and_those_with_bad_scripts_break_none() {
    let Some(vectors) = vectors("vectors/tx_invalid.json") else {
        return;
    };
    assert!(vectors.len() > 80);
    let mut bad = 0;
    for (tx, flags) in vectors {
        let verdict = judge(&tx);
        if flags == "BADTX" {
            bad += 1;
            assert!(matches!(verdict, Ok(Err(_)) | Err(_)), "{tx}: {verdict:?}");
        } else {
            assert_eq!(verdict, Ok(Ok(())), "{tx}");
        }
    }
    assert_eq!(bad, 9, "all that the file has were seen");
}
