//! Script rules that need no signature.

use bitcoin::opcodes::all::{
    OP_ADD, OP_CAT, OP_CHECKMULTISIG, OP_CHECKSIG, OP_DROP, OP_ENDIF, OP_EQUALVERIFY,
    OP_FROMALTSTACK, OP_IF, OP_NOP, OP_NOP1, OP_NOT, OP_PUSHBYTES_1, OP_PUSHNUM_1, OP_PUSHNUM_2,
    OP_RESERVED, OP_RETURN, OP_VERIF, OP_VERIFY,
};
use bitcoin::opcodes::{OP_FALSE, Opcode};
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::{Amount, ScriptBuf, Witness, WitnessProgram, WitnessVersion};

use super::coins::long_script;
use super::maker::passing_on;
use super::{Case, Verdict};
use crate::generate::keys::script_of;

const FALSE: &str =
    "Script evaluated without error but finished with a false/empty top stack element";
const MISMATCH: &str = "Witness program hash mismatch";
const BAD_OPCODE: &str = "Opcode missing or not understood";
const PUSH_SIZE: &str = "Push value size limit exceeded";

/// An output and what it is spent with.
pub(super) struct Attempt {
    pub(super) guard: ScriptBuf,
    pub(super) script_sig: ScriptBuf,
    pub(super) witness: Vec<Vec<u8>>,
}

/// A coin of the same block is spent as said.
pub(super) fn case(name: &str, error: Option<&str>, attempt: fn() -> Attempt) -> Case {
    let verdict = error.map_or(Verdict::Valid, Verdict::script);
    Case::new(name, verdict, move |maker| {
        let attempt = attempt();
        let mut tx = passing_on(maker.pay_one(attempt.guard)?);
        tx.input[0].script_sig = attempt.script_sig;
        tx.input[0].witness = Witness::from_slice(&attempt.witness);
        maker.block_with(tx, Amount::ZERO)
    })
}

pub(super) fn cases() -> Vec<Case> {
    [
        programs(),
        wrapped(),
        interpreter(),
        limits(),
        signatures_that_fail(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn ops(opcodes: &[Opcode]) -> ScriptBuf {
    let script = Builder::new();
    opcodes
        .iter()
        .fold(script, |script, opcode| script.push_opcode(*opcode))
        .into_script()
}

fn bare(guard: ScriptBuf, script_sig: ScriptBuf) -> Attempt {
    Attempt {
        guard,
        script_sig,
        witness: Vec::new(),
    }
}

/// An output script that is spent with nothing.
fn alone(guard: ScriptBuf) -> Attempt {
    bare(guard, ScriptBuf::new())
}

/// A witness script spent with these items.
fn behind_witness(script: ScriptBuf, items: &[&[u8]]) -> Attempt {
    let mut witness: Vec<Vec<u8>> = items.iter().map(|item| item.to_vec()).collect();
    let guard = script.to_p2wsh();
    witness.push(script.into_bytes());
    Attempt {
        guard,
        script_sig: ScriptBuf::new(),
        witness,
    }
}

fn program(version: WitnessVersion, bytes: &[u8]) -> ScriptBuf {
    let program = WitnessProgram::new(version, bytes);
    ScriptBuf::new_witness_program(&program.expect("2 to 40 bytes, or 20 or 32"))
}

/// Witness programs (BIP141) of every version.
fn programs() -> Vec<Case> {
    vec![
        case("a program of version 2 with any witness", None, || {
            Attempt {
                witness: vec![vec![1], vec![2; 600]],
                ..alone(program(WitnessVersion::V2, &[3; 32]))
            }
        }),
        case("a program of version 2 without witness", None, || {
            alone(program(WitnessVersion::V2, &[3; 32]))
        }),
        case("a program of version 16 of 40 bytes", None, || {
            alone(program(WitnessVersion::V16, &[3; 40]))
        }),
        case("a program of version 1 of 33 bytes", None, || {
            alone(program(WitnessVersion::V1, &[3; 33]))
        }),
        case("a program of version 1 of 2 bytes", None, || {
            alone(program(WitnessVersion::V1, &[0x4e, 0x73]))
        }),
        case(
            "a program of version 16 with an input script",
            Some("Witness requires empty scriptSig"),
            || bare(program(WitnessVersion::V16, &[3; 40]), ops(&[OP_PUSHNUM_1])),
        ),
        case("a nested program of version 1 of 32 bytes", None, || {
            let redeem = program(WitnessVersion::V1, &[3; 32]);
            bare(redeem.to_p2sh(), script_of(&[redeem.as_bytes()]))
        }),
        case(
            "a program of version 0 of 21 bytes",
            Some("Witness program has incorrect length"),
            || Attempt {
                guard: script_of_version_0(&[3; 21]),
                script_sig: ScriptBuf::new(),
                witness: vec![vec![1]],
            },
        ),
        case("a witness script", None, || {
            behind_witness(ops(&[OP_PUSHNUM_1]), &[])
        }),
        case(
            "another witness script than the program's",
            Some(MISMATCH),
            || Attempt {
                guard: ops(&[OP_PUSHNUM_1]).to_p2wsh(),
                script_sig: ScriptBuf::new(),
                witness: vec![ops(&[OP_PUSHNUM_2]).into_bytes()],
            },
        ),
        case(
            "no witness for a witness script",
            Some("Witness program was passed an empty witness"),
            || alone(ops(&[OP_PUSHNUM_1]).to_p2wsh()),
        ),
        case(
            "three items for the hash of a public key",
            Some(MISMATCH),
            || Attempt {
                guard: program(WitnessVersion::V0, &[3; 20]),
                script_sig: ScriptBuf::new(),
                witness: vec![vec![1], vec![2], vec![3]],
            },
        ),
        case(
            "an input script for a witness script",
            Some("Witness requires empty scriptSig"),
            || Attempt {
                script_sig: ops(&[OP_PUSHNUM_1]),
                ..behind_witness(ops(&[OP_PUSHNUM_1]), &[])
            },
        ),
        case(
            "a witness for an old script",
            Some("Witness provided for non-witness script"),
            || Attempt {
                witness: vec![vec![1]],
                ..alone(ops(&[OP_PUSHNUM_1]))
            },
        ),
        case(
            "a witness script that leaves two items",
            Some("Stack size must be exactly one after execution"),
            || behind_witness(ops(&[OP_PUSHNUM_1, OP_PUSHNUM_1]), &[]),
        ),
        case("an old script that leaves two items", None, || {
            alone(ops(&[OP_PUSHNUM_1, OP_PUSHNUM_1]))
        }),
        case("a witness script that leaves zero", Some(FALSE), || {
            behind_witness(ops(&[OP_FALSE]), &[])
        }),
        case(
            "a witness script with an IF that is not minimal",
            None,
            || {
                let script = ops(&[OP_IF, OP_PUSHNUM_1, OP_ENDIF]);
                behind_witness(script, &[&[2]])
            },
        ),
    ]
}

fn script_of_version_0(bytes: &[u8]) -> ScriptBuf {
    script_of(&[&[], bytes])
}

/// Scripts behind a hash (BIP16), and witness programs behind one.
fn wrapped() -> Vec<Case> {
    vec![
        case("a script behind its hash", None, || {
            let redeem = ops(&[OP_PUSHNUM_1]);
            bare(redeem.to_p2sh(), script_of(&[redeem.as_bytes()]))
        }),
        case("another script than the hash's", Some(FALSE), || {
            let other = ops(&[OP_PUSHNUM_2]);
            bare(
                ops(&[OP_PUSHNUM_1]).to_p2sh(),
                script_of(&[other.as_bytes()]),
            )
        }),
        case(
            "a script behind its hash that leaves zero",
            Some(FALSE),
            || {
                let redeem = ops(&[OP_FALSE]);
                bare(redeem.to_p2sh(), script_of(&[redeem.as_bytes()]))
            },
        ),
        case(
            "an input script for a hash that does more than push",
            Some("Only push operators allowed in signatures"),
            || {
                let redeem = ops(&[OP_PUSHNUM_1]);
                let mut bytes = vec![OP_NOP.to_u8()];
                bytes.extend(script_of(&[redeem.as_bytes()]).into_bytes());
                bare(redeem.to_p2sh(), bytes.into())
            },
        ),
        case("a nested witness script", None, || {
            let attempt = behind_witness(ops(&[OP_PUSHNUM_1]), &[]);
            Attempt {
                guard: attempt.guard.to_p2sh(),
                script_sig: script_of(&[attempt.guard.as_bytes()]),
                witness: attempt.witness,
            }
        }),
        case(
            "a nested witness script after another push",
            Some("Witness requires only-redeemscript scriptSig"),
            || {
                let attempt = behind_witness(ops(&[OP_PUSHNUM_1]), &[]);
                Attempt {
                    guard: attempt.guard.to_p2sh(),
                    script_sig: script_of(&[&[1], attempt.guard.as_bytes()]),
                    witness: attempt.witness,
                }
            },
        ),
    ]
}

/// What the interpreter makes of opcodes.
fn interpreter() -> Vec<Case> {
    vec![
        case("opcodes that do nothing yet", None, || {
            ops_alone(&[OP_NOP1, OP_NOP, OP_PUSHNUM_1])
        }),
        case("an empty script and a push", None, || {
            bare(ScriptBuf::new(), ops(&[OP_PUSHNUM_1]))
        }),
        case("an empty script and no push", Some(FALSE), || {
            alone(ScriptBuf::new())
        }),
        case("a zero below zero is false", Some(FALSE), || {
            alone(ScriptBuf::from_bytes(vec![OP_PUSHBYTES_1.to_u8(), 0x80]))
        }),
        case(
            "OP_RETURN within a script",
            Some("OP_RETURN was encountered"),
            || ops_alone(&[OP_PUSHNUM_1, OP_RETURN]),
        ),
        case(
            "a disabled opcode that is not run",
            Some("Attempted to use a disabled opcode"),
            || ops_alone(&[OP_PUSHNUM_1, OP_FALSE, OP_IF, OP_CAT, OP_ENDIF]),
        ),
        case("OP_VERIF that is not run", Some(BAD_OPCODE), || {
            ops_alone(&[OP_PUSHNUM_1, OP_FALSE, OP_IF, OP_VERIF, OP_ENDIF])
        }),
        case("a reserved opcode that is not run", None, || {
            ops_alone(&[OP_PUSHNUM_1, OP_FALSE, OP_IF, OP_RESERVED, OP_ENDIF])
        }),
        case("a reserved opcode that is run", Some(BAD_OPCODE), || {
            ops_alone(&[OP_PUSHNUM_1, OP_RESERVED])
        }),
        case(
            "an IF without end",
            Some("Invalid OP_IF construction"),
            || ops_alone(&[OP_PUSHNUM_1, OP_PUSHNUM_1, OP_IF]),
        ),
        case(
            "a VERIFY that fails",
            Some("Script failed an OP_VERIFY operation"),
            || ops_alone(&[OP_PUSHNUM_1, OP_FALSE, OP_VERIFY]),
        ),
        case(
            "an EQUALVERIFY that fails",
            Some("Script failed an OP_EQUALVERIFY operation"),
            || ops_alone(&[OP_PUSHNUM_1, OP_PUSHNUM_1, OP_PUSHNUM_2, OP_EQUALVERIFY]),
        ),
        case(
            "an operation without operands",
            Some("Operation not valid with the current stack size"),
            || ops_alone(&[OP_PUSHNUM_1, OP_ADD]),
        ),
        case(
            "an empty second stack",
            Some("Operation not valid with the current altstack size"),
            || ops_alone(&[OP_FROMALTSTACK]),
        ),
        case("a number of four bytes", None, || number(4)),
        case(
            "a number of five bytes",
            Some("Script number overflowed or is non-minimally encoded"),
            || number(5),
        ),
        case("a push that runs past the end", Some(BAD_OPCODE), || {
            alone(ScriptBuf::from_bytes(vec![OP_PUSHNUM_1.to_u8(), 5, 1]))
        }),
    ]
}

fn ops_alone(opcodes: &[Opcode]) -> Attempt {
    alone(ops(opcodes))
}

/// One is added to a number of so many bytes.
fn number(bytes: usize) -> Attempt {
    let number = PushBytesBuf::try_from(vec![1; bytes]).expect("a short push");
    let script = Builder::new().push_slice(number);
    alone(script.push_int(1).push_opcode(OP_ADD).into_script())
}

/// Sizes and counts.
fn limits() -> Vec<Case> {
    const OPERATIONS: &str = "Operation limit exceeded";
    vec![
        case("a witness item of 520 bytes", None, || dropped_item(520)),
        case("a witness item of 521 bytes", Some(PUSH_SIZE), || {
            dropped_item(521)
        }),
        case("a push of 520 bytes", None, || pushed(520)),
        case("a push of 521 bytes", Some(PUSH_SIZE), || pushed(521)),
        case("a witness script of 10,000 bytes", None, || {
            behind_witness(long_script(10_000), &[])
        }),
        case(
            "a witness script of 10,001 bytes",
            Some("Script is too big"),
            || behind_witness(long_script(10_001), &[]),
        ),
        case("201 operations", None, || operations(201)),
        case("202 operations", Some(OPERATIONS), || operations(202)),
        case("201 operations in a witness script", None, || {
            behind_witness(operations(201).guard, &[])
        }),
        case(
            "202 operations in a witness script",
            Some(OPERATIONS),
            || behind_witness(operations(202).guard, &[]),
        ),
        case("1,000 items on the stack", None, || {
            ops_alone(&[OP_PUSHNUM_1; 1000])
        }),
        case(
            "1,001 items on the stack",
            Some("Stack size limit exceeded"),
            || ops_alone(&[OP_PUSHNUM_1; 1001]),
        ),
    ]
}

fn dropped_item(bytes: usize) -> Attempt {
    behind_witness(ops(&[OP_DROP, OP_PUSHNUM_1]), &[&vec![1; bytes]])
}

fn pushed(bytes: usize) -> Attempt {
    let data = PushBytesBuf::try_from(vec![1; bytes]).expect("a short push");
    alone(Builder::new().push_slice(data).into_script())
}

fn operations(count: usize) -> Attempt {
    let mut opcodes = vec![OP_NOP; count];
    opcodes.push(OP_PUSHNUM_1);
    alone(ops(&opcodes))
}

/// Signature checks that fail before, or for want of, a signature.
fn signatures_that_fail() -> Vec<Case> {
    /// Whatever is pushed as a signature must not be one.
    fn unsigned(signature: &[u8]) -> Attempt {
        let guard = Builder::new()
            .push_slice([2; 33])
            .push_opcode(OP_CHECKSIG)
            .push_opcode(OP_NOT);
        bare(guard.into_script(), script_of(&[signature]))
    }
    /// No key and no signature, and what a bug takes off the stack besides.
    fn multisig(dummy: Opcode) -> Attempt {
        bare(ops(&[OP_FALSE, OP_FALSE, OP_CHECKMULTISIG]), ops(&[dummy]))
    }
    vec![
        case("an empty signature is wrong and no more", None, || {
            unsigned(&[])
        }),
        case(
            "bytes as a signature",
            Some("Non-canonical DER signature"),
            || unsigned(&[1, 2, 3]),
        ),
        case("a multisig's dummy that is zero", None, || {
            multisig(OP_FALSE)
        }),
        case(
            "a multisig's dummy that is one",
            Some("Dummy CHECKMULTISIG argument must be zero"),
            || multisig(OP_PUSHNUM_1),
        ),
        case(
            "a multisig of 21 keys",
            Some("Pubkey count negative or limit exceeded"),
            || {
                let script = Builder::new().push_int(0).push_int(0);
                let script = script.push_int(21).push_opcode(OP_CHECKMULTISIG);
                alone(script.into_script())
            },
        ),
        case(
            "a multisig of more signatures than keys",
            Some("Signature count negative or greater than pubkey count"),
            || ops_alone(&[OP_FALSE, OP_FALSE, OP_PUSHNUM_1, OP_FALSE, OP_CHECKMULTISIG]),
        ),
    ]
}
