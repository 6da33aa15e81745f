use tipward_consensus::ScriptFlags;
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::serialize;
use tipward_primitives::bitcoin::transaction::{Transaction, TxIn, TxOut, Version};
use tipward_primitives::bitcoin::{Amount, ScriptBuf};

use super::{PreparedTx, SpentOutput, kernel_flags};
use crate::{ScriptError, ScriptFault, name};

const OP_TRUE: &[u8] = &[0x51];
const OP_RETURN: &[u8] = &[0x6a];

fn spending(inputs: usize) -> Vec<u8> {
    serialize(&Transaction {
        version: Version::ONE,
        lock_time: LockTime::ZERO,
        input: vec![TxIn::default(); inputs],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::new(),
        }],
    })
}

fn spent(script_pubkey: &[u8]) -> SpentOutput<'_> {
    SpentOutput {
        value: 1,
        script_pubkey,
    }
}

#[test]
fn each_input_is_judged_against_its_own_output() {
    let tx = PreparedTx::new(&spending(2), [spent(OP_TRUE), spent(OP_RETURN)]).unwrap();
    assert_eq!(tx.input_count(), 2);
    assert_eq!(tx.verify_input(0, ScriptFlags::ALL), Ok(()));
    let Err(ScriptError::Reject(reject)) = tx.verify_input(1, ScriptFlags::ALL) else {
        panic!("OP_RETURN can be spent");
    };
    assert_eq!(
        reject.reason(),
        "block-script-verify-flag-failed (OP_RETURN was encountered)"
    );
}

#[test]
fn bytes_that_are_no_transaction_are_our_fault() {
    for raw in [&b""[..], &b"\0"[..], &spending(1)[..20]] {
        let fault = PreparedTx::new(raw, [spent(OP_TRUE)]).unwrap_err();
        assert!(matches!(fault, ScriptFault::Undecodable { size, .. } if size == raw.len()));
    }
}

#[test]
fn one_output_is_needed_for_each_input() {
    for given in [0, 1, 3] {
        let outputs = vec![spent(OP_TRUE); given];
        assert_eq!(
            PreparedTx::new(&spending(2), outputs).unwrap_err(),
            ScriptFault::SpentOutputs {
                inputs: 2,
                spent: given
            }
        );
    }
}

#[test]
fn an_input_that_is_not_there_is_our_fault() {
    let tx = PreparedTx::new(&spending(1), [spent(OP_TRUE)]).unwrap();
    assert_eq!(
        tx.verify_input(1, ScriptFlags::ALL),
        Err(ScriptFault::NoSuchInput {
            input: 1,
            inputs: 1
        }
        .into())
    );
}

#[test]
fn flags_that_contradict_each_other_are_our_fault() {
    let tx = PreparedTx::new(&spending(1), [spent(OP_TRUE)]).unwrap();
    let fault = tx.verify_input(0, ScriptFlags::WITNESS).unwrap_err();
    assert!(matches!(fault, ScriptError::Fault(ScriptFault::Kernel(_))));
}

#[test]
fn all_our_flags_are_all_of_the_kernels() {
    assert_eq!(kernel_flags(ScriptFlags::ALL), bitcoinkernel::VERIFY_ALL);
    assert_eq!(kernel_flags(ScriptFlags::NONE), bitcoinkernel::VERIFY_NONE);
}

#[test]
fn what_has_no_error_has_no_name() {
    let raw = spending(1);
    let all = u64::from(bitcoinkernel::VERIFY_ALL);
    let witness = u64::from(bitcoinkernel::VERIFY_WITNESS);
    let named =
        |raw: &[u8], script, index, flags| name::script_error(raw, &[spent(script)], index, flags);
    assert!(named(&raw, OP_RETURN, 0, all).is_some());
    assert_eq!(named(&raw, OP_TRUE, 0, all), None, "it passes");
    assert_eq!(named(&raw, OP_RETURN, 1, all), None, "no such input");
    assert_eq!(named(&raw[..20], OP_RETURN, 0, all), None, "cut off");
    assert_eq!(named(&raw, OP_RETURN, 0, witness), None, "no P2SH");
    assert_eq!(name::script_error(&raw, &[], 0, all), None, "no output");
}

#[test]
fn many_threads_may_check_the_same_transaction() {
    fn shared<T: Send + Sync>(_: &T) {}
    let tx = PreparedTx::new(&spending(8), vec![spent(OP_TRUE); 8]).unwrap();
    shared(&tx);
    std::thread::scope(|scope| {
        for input in 0..8 {
            let tx = &tx;
            scope.spawn(move || tx.verify_input(input, ScriptFlags::ALL).unwrap());
        }
    });
}
