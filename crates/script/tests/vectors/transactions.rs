//! `tx_valid.json` and `tx_invalid.json`: whole transactions with the outputs that they spend.

use std::collections::HashMap;

use serde_json::Value;
use tipward_primitives::bitcoin::consensus::deserialize;
use tipward_primitives::bitcoin::{Amount, OutPoint, Transaction, TxOut};
use tipward_script::name;
use tipward_script::{PreparedTx, ScriptError, ScriptFlags, SpentOutput};

use crate::flags::Flags;
use crate::{asm, hex, text, vectors};

struct Vector {
    raw: Vec<u8>,
    spent: Vec<TxOut>,
    prepared: PreparedTx,
}

/// `[[[txid, index, scriptPubKey, amount?]...], transaction, flags]`
fn read(vector: &[Value]) -> Vector {
    let outputs: HashMap<OutPoint, TxOut> = vector[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| {
            // An index of -1 is that of a coinbase.
            let vout = output[1].as_i64().unwrap() as u32;
            let outpoint = OutPoint::new(text(&output[0]).parse().unwrap(), vout);
            let spent = TxOut {
                value: Amount::from_sat(output.get(3).map_or(0, |v| v.as_u64().unwrap())),
                script_pubkey: asm::parse(text(&output[2])),
            };
            (outpoint, spent)
        })
        .collect();
    let raw = hex(&vector[1]);
    let tx: Transaction = deserialize(&raw).unwrap();
    let spent: Vec<TxOut> = tx
        .input
        .iter()
        .map(|input| outputs[&input.previous_output].clone())
        .collect();
    let prepared = PreparedTx::new(&raw, spent.iter().map(spent_output)).unwrap();
    Vector {
        raw,
        spent,
        prepared,
    }
}

fn spent_output(output: &TxOut) -> SpentOutput<'_> {
    SpentOutput {
        value: output.value.to_sat().try_into().unwrap(),
        script_pubkey: output.script_pubkey.as_bytes(),
    }
}

impl Vector {
    /// Whether every input passes through the face that the node uses.
    fn passes(&self, flags: ScriptFlags) -> bool {
        (0..self.prepared.input_count()).all(|i| match self.prepared.verify_input(i, flags) {
            Ok(()) => true,
            Err(ScriptError::Reject(_)) => false,
            Err(ScriptError::Fault(fault)) => panic!("{fault}"),
        })
    }

    /// Whether every input passes through the interpreter's internal face, which takes every flag.
    fn passes_with_policy(&self, flags: Flags) -> bool {
        let spent: Vec<_> = self.spent.iter().map(spent_output).collect();
        (0..spent.len()).all(|i| name::script_error(&self.raw, &spent, i, flags.0).is_none())
    }
}

#[test]
fn every_valid_transaction_passes_with_all_flags_but_those_it_excludes() {
    let Some(vectors) = vectors("tx_valid.json") else {
        return;
    };
    for json in &vectors {
        let vector = read(json);
        let flags = Flags::ALL.without(Flags::parse(text(&json[2]))).trimmed();
        assert!(vector.passes_with_policy(flags), "{json:?}");
        assert!(vector.passes(flags.consensus()), "{json:?}");
        for one in Flags::each() {
            let fewer = flags.without(one).trimmed();
            assert!(vector.passes(fewer.consensus()), "{json:?} without {one:?}");
        }
    }
    assert_eq!(vectors.len(), 121);
}

#[test]
fn a_flag_that_a_valid_transaction_excludes_would_fail_it() {
    let Some(vectors) = vectors("tx_valid.json") else {
        return;
    };
    let mut through_public_face = 0;
    for json in &vectors {
        let vector = read(json);
        let excluded = Flags::parse(text(&json[2]));
        let flags = Flags::ALL.without(excluded).trimmed();
        for one in Flags::each().filter(|one| one.0 & excluded.0 != 0) {
            let more = Flags(flags.0 | one.0);
            if more != more.trimmed() {
                continue;
            }
            assert!(!vector.passes_with_policy(more), "{json:?} with {one:?}");
            if one.is_consensus() {
                through_public_face += 1;
                assert!(!vector.passes(more.consensus()), "{json:?} with {one:?}");
            }
        }
    }
    assert_eq!(through_public_face, 10);
}

#[test]
fn every_invalid_transaction_fails_with_its_flags_and_passes_without_any_one_of_them() {
    let Some(vectors) = vectors("tx_invalid.json") else {
        return;
    };
    let (mut not_scripts, mut through_public_face, mut policy) = (0, 0, 0);
    for json in &vectors {
        if text(&json[2]) == "BADTX" {
            // Broken before any script runs: `consensus::check_transaction` refuses it.
            not_scripts += 1;
            continue;
        }
        let vector = read(json);
        let flags = Flags::parse(text(&json[2]));
        assert!(!vector.passes_with_policy(flags), "{json:?}");
        for one in Flags::each().filter(|one| one.0 & flags.0 != 0) {
            assert!(
                vector.passes(flags.without(one).trimmed().consensus()),
                "{json:?}"
            );
        }
        if flags.is_consensus() {
            through_public_face += 1;
            assert!(!vector.passes(flags.consensus()), "{json:?}");
            assert!(!vector.passes(ScriptFlags::ALL), "{json:?}");
        } else {
            policy += 1;
            assert!(vector.passes(flags.consensus()), "{json:?}");
        }
    }
    assert_eq!(vectors.len(), 93);
    assert_eq!((not_scripts, through_public_face, policy), (9, 70, 14));
}
