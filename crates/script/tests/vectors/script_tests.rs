//! `script_tests.json`: pairs of scripts with the error that running them ends in.

use serde_json::Value;
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::serialize;
use tipward_primitives::bitcoin::key::{Secp256k1, UntweakedPublicKey};
use tipward_primitives::bitcoin::secp256k1::{SecretKey, XOnlyPublicKey};
use tipward_primitives::bitcoin::taproot::{LeafVersion, TaprootBuilder, TaprootSpendInfo};
use tipward_primitives::bitcoin::transaction::{
    OutPoint, Sequence, Transaction, TxIn, TxOut, Version,
};
use tipward_primitives::bitcoin::{Amount, ScriptBuf, Witness};
use tipward_script::name;
use tipward_script::{PreparedTx, ScriptError, ScriptFlags, SpentOutput};

use crate::flags::Flags;
use crate::{asm, hex, text, vectors};

struct Vector {
    spending: Transaction,
    spent: TxOut,
    flags: Flags,
    /// In the words of Bitcoin Core's source; `OK` if the input passes.
    expected: String,
}

/// `[[witness..., amount]?, scriptSig, scriptPubKey, flags, error, comment?]`
fn read(vector: &[Value]) -> Vector {
    let (witness, rest) = match vector[0].as_array() {
        Some(witness) => (Some(witness), &vector[1..]),
        None => (None, vector),
    };
    let (stack, amount, taproot) = witness.map_or_else(Default::default, |w| read_witness(w));
    let script_pubkey = match (text(&rest[1]), &taproot) {
        ("0x51 0x20 #TAPROOTOUTPUT#", Some(info)) => ScriptBuf::new_p2tr_tweaked(info.output_key()),
        (script, _) => asm::parse(script),
    };
    let spent = TxOut {
        value: amount,
        script_pubkey,
    };
    Vector {
        spending: spend(
            &spent,
            asm::parse(text(&rest[0])),
            Witness::from_slice(&stack),
        ),
        spent,
        flags: Flags::parse(text(&rest[2])),
        expected: text(&rest[3]).to_owned(),
    }
}

/// The stack, the amount of the spent output, and the taproot tree if there is one.
fn read_witness(witness: &[Value]) -> (Vec<Vec<u8>>, Amount, Option<TaprootSpendInfo>) {
    let (amount, items) = witness.split_last().unwrap();
    let amount = Amount::from_btc(amount.as_f64().unwrap()).unwrap();
    let mut stack: Vec<Vec<u8>> = Vec::new();
    let mut taproot = None;
    for item in items {
        if let Some(script) = text(item).strip_prefix("#SCRIPT#") {
            stack.push(asm::parse(script).into_bytes());
        } else if text(item) == "#CONTROLBLOCK#" {
            let leaf = ScriptBuf::from_bytes(stack.last().unwrap().clone());
            let info = TaprootBuilder::new()
                .add_leaf(0, leaf.clone())
                .unwrap()
                .finalize(&Secp256k1::new(), internal_key())
                .unwrap();
            let control = info.control_block(&(leaf, LeafVersion::TapScript)).unwrap();
            stack.push(control.serialize());
            taproot = Some(info);
        } else {
            stack.push(hex(item));
        }
    }
    (stack, amount, taproot)
}

/// Any key will do: only the script path is taken.
fn internal_key() -> UntweakedPublicKey {
    let secret = SecretKey::from_slice(&[1; 32]).unwrap();
    let (key, _parity): (XOnlyPublicKey, _) = secret.x_only_public_key(&Secp256k1::new());
    key
}

/// The transaction whose only input spends `spent`, the only output of another made for it.
fn spend(spent: &TxOut, script_sig: ScriptBuf, witness: Witness) -> Transaction {
    let transaction = |input: TxIn, output: TxOut| Transaction {
        version: Version::ONE,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    };
    let crediting = transaction(
        TxIn {
            previous_output: OutPoint::null(),
            script_sig: asm::parse("0 0"),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        },
        spent.clone(),
    );
    transaction(
        TxIn {
            previous_output: OutPoint::new(crediting.compute_txid(), 0),
            script_sig,
            sequence: Sequence::MAX,
            witness,
        },
        TxOut {
            value: spent.value,
            script_pubkey: ScriptBuf::new(),
        },
    )
}

impl Vector {
    fn spent_output(&self) -> SpentOutput<'_> {
        SpentOutput {
            value: self.spent.value.to_sat().try_into().unwrap(),
            script_pubkey: self.spent.script_pubkey.as_bytes(),
        }
    }

    /// Through the face that the node uses; the words of the error if it fails.
    fn judge(&self, flags: ScriptFlags) -> Result<(), &'static str> {
        let raw = serialize(&self.spending);
        let prepared = PreparedTx::new(&raw, [self.spent_output()]).unwrap();
        match prepared.verify_input(0, flags) {
            Ok(()) => Ok(()),
            Err(ScriptError::Reject(reject)) => Err(reject.error),
            Err(ScriptError::Fault(fault)) => panic!("{fault}"),
        }
    }

    /// Through the interpreter's internal face, which takes every flag.
    fn judge_with_policy(&self) -> Result<(), &'static str> {
        let raw = serialize(&self.spending);
        name::script_error(&raw, &[self.spent_output()], 0, self.filled().0).map_or(Ok(()), Err)
    }

    /// A vector that asks for a clean stack means P2SH and witness as well.
    fn filled(&self) -> Flags {
        if self.flags == self.flags.trimmed() {
            self.flags
        } else {
            Flags(self.flags.0 | Flags::parse("P2SH,WITNESS").0)
        }
    }
}

#[test]
fn every_vector_ends_in_the_error_that_it_names() {
    let Some(vectors) = vectors("script_tests.json") else {
        return;
    };
    let mut through_public_face = 0;
    for json in &vectors {
        let vector = read(json);
        let expected = match vector.expected.as_str() {
            "OK" => Ok(()),
            error => Err(words(error)),
        };
        assert_eq!(vector.judge_with_policy(), expected, "{json:?}");
        if vector.flags.is_consensus() {
            through_public_face += 1;
            assert_eq!(
                vector.judge(vector.filled().consensus()),
                expected,
                "{json:?}"
            );
        }
    }
    assert_eq!((vectors.len(), through_public_face), (1222, 240));
}

#[test]
fn what_passes_with_policy_passes_without_it() {
    let Some(vectors) = vectors("script_tests.json") else {
        return;
    };
    let mut valid = 0;
    for json in &vectors {
        let vector = read(json);
        let without = vector.judge(vector.filled().consensus());
        if vector.expected == "OK" {
            valid += 1;
            assert_eq!(without, Ok(()), "{json:?}");
        }
    }
    assert_eq!(valid, 675);
}

#[test]
fn without_policy_a_script_ends_as_consensus_has_it() {
    let Some(vectors) = vectors("script_tests.json") else {
        return;
    };
    // How many are valid without policy, and how many are not.
    let mut counts = (0, 0);
    for json in &vectors {
        let vector = read(json);
        if vector.flags.is_consensus() || vector.expected == "OK" {
            continue;
        }
        // A policy rule stops a script early; without it the script runs on, to whatever end it has.
        match vector.judge(vector.filled().consensus()) {
            Ok(()) => {
                counts.0 += 1;
                assert!(
                    POLICY_ERRORS.contains(&vector.expected.as_str()),
                    "{json:?}"
                );
            }
            Err(words_of_error) => {
                counts.1 += 1;
                let same = words_of_error == words(&vector.expected);
                assert!(
                    same || POLICY_ERRORS.contains(&vector.expected.as_str()),
                    "{json:?}"
                );
            }
        }
    }
    assert_eq!(counts, (117, 344));
}

/// Errors that flags of relay policy lead to; some of them have a consensus rule beside.
const POLICY_ERRORS: [&str; 13] = [
    "CLEANSTACK",
    "DISCOURAGE_UPGRADABLE_NOPS",
    "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM",
    "MINIMALDATA",
    "MINIMALIF",
    "NULLFAIL",
    "PUBKEYTYPE",
    "SCRIPTNUM",
    "SIG_DER",
    "SIG_HASHTYPE",
    "SIG_HIGH_S",
    "SIG_PUSHONLY",
    "WITNESS_PUBKEYTYPE",
];

/// Bitcoin Core's words for an error that the vectors name.
fn words(error: &str) -> &'static str {
    match error {
        "EVAL_FALSE" => {
            "Script evaluated without error but finished with a false/empty top stack element"
        }
        "OP_RETURN" => "OP_RETURN was encountered",
        "SCRIPT_SIZE" => "Script is too big",
        "PUSH_SIZE" => "Push value size limit exceeded",
        "OP_COUNT" => "Operation limit exceeded",
        "STACK_SIZE" => "Stack size limit exceeded",
        "SIG_COUNT" => "Signature count negative or greater than pubkey count",
        "PUBKEY_COUNT" => "Pubkey count negative or limit exceeded",
        "VERIFY" => "Script failed an OP_VERIFY operation",
        "EQUALVERIFY" => "Script failed an OP_EQUALVERIFY operation",
        "NUMEQUALVERIFY" => "Script failed an OP_NUMEQUALVERIFY operation",
        "BAD_OPCODE" => "Opcode missing or not understood",
        "DISABLED_OPCODE" => "Attempted to use a disabled opcode",
        "INVALID_STACK_OPERATION" => "Operation not valid with the current stack size",
        "INVALID_ALTSTACK_OPERATION" => "Operation not valid with the current altstack size",
        "UNBALANCED_CONDITIONAL" => "Invalid OP_IF construction",
        "NEGATIVE_LOCKTIME" => "Negative locktime",
        "UNSATISFIED_LOCKTIME" => "Locktime requirement not satisfied",
        "SIG_HASHTYPE" => "Signature hash type missing or not understood",
        "SIG_DER" => "Non-canonical DER signature",
        "MINIMALDATA" => "Data push larger than necessary",
        "SIG_PUSHONLY" => "Only push operators allowed in signatures",
        "SIG_HIGH_S" => "Non-canonical signature: S value is unnecessarily high",
        "SIG_NULLDUMMY" => "Dummy CHECKMULTISIG argument must be zero",
        "PUBKEYTYPE" => "Public key is neither compressed or uncompressed",
        "CLEANSTACK" => "Stack size must be exactly one after execution",
        "MINIMALIF" => "OP_IF/NOTIF argument must be minimal",
        "NULLFAIL" => "Signature must be zero for failed CHECK(MULTI)SIG operation",
        "DISCOURAGE_UPGRADABLE_NOPS" => "NOPx reserved for soft-fork upgrades",
        "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM" => {
            "Witness version reserved for soft-fork upgrades"
        }
        "WITNESS_PROGRAM_WRONG_LENGTH" => "Witness program has incorrect length",
        "WITNESS_PROGRAM_WITNESS_EMPTY" => "Witness program was passed an empty witness",
        "WITNESS_PROGRAM_MISMATCH" => "Witness program hash mismatch",
        "WITNESS_MALLEATED" => "Witness requires empty scriptSig",
        "WITNESS_MALLEATED_P2SH" => "Witness requires only-redeemscript scriptSig",
        "WITNESS_UNEXPECTED" => "Witness provided for non-witness script",
        "WITNESS_PUBKEYTYPE" => "Using non-compressed keys in segwit",
        "TAPSCRIPT_EMPTY_PUBKEY" => "Empty public key in tapscript",
        "SCRIPTNUM" => "Script number overflowed or is non-minimally encoded",
        error => panic!("unknown error {error:?}"),
    }
}
