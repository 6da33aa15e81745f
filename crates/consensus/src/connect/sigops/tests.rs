use tipward_primitives::bitcoin::{OutPoint, Witness};

use super::*;
use crate::testing::{parsed, spending};

const CHECKSIG: u8 = 0xac;
/// Two of three.
const MULTISIG: [u8; 3] = [0x52, 0x53, 0xae];

fn p2sh() -> Vec<u8> {
    let mut script = vec![0xa9, 20];
    script.extend([1; 20]);
    script.push(0x87);
    script
}

fn program(version: u8, len: u8) -> Vec<u8> {
    let mut script = vec![version, len];
    script.resize(2 + usize::from(len), 9);
    script
}

fn push(script: &[u8]) -> Vec<u8> {
    let mut push = vec![script.len() as u8];
    push.extend(script);
    push
}

/// The cost of spending `spent` with this input script and witness.
fn cost_with(flags: ScriptFlags, spent: &[u8], script_sig: &[u8], witness: &[&[u8]]) -> usize {
    let mut tx = spending(1, &[1]);
    tx.input[0].script_sig = script_sig.to_vec().into();
    tx.input[0].witness = Witness::from_slice(witness);
    let block = parsed(&[tx]);
    sigops_cost(block.transaction(0).unwrap(), [spent], flags)
}

fn cost(spent: &[u8], script_sig: &[u8], witness: &[&[u8]]) -> usize {
    cost_with(ScriptFlags::ALL, spent, script_sig, witness)
}

#[test]
fn a_check_in_the_transactions_own_scripts_costs_four_and_in_the_spent_one_nothing() {
    assert_eq!(cost(&[CHECKSIG], &[], &[]), 0);
    assert_eq!(cost(&[], &[CHECKSIG], &[]), 4);
    let mut tx = spending(1, &[1, 1]);
    tx.output[1].script_pubkey = MULTISIG.to_vec().into();
    let block = parsed(&[tx]);
    let tx = block.transaction(0).unwrap();
    assert_eq!(sigops_cost(tx, [&[][..]], ScriptFlags::ALL), 80);
}

#[test]
fn a_check_in_a_p2sh_script_costs_four_and_keys_are_counted() {
    assert_eq!(cost(&p2sh(), &push(&MULTISIG), &[]), 12);
    let before_bip16 = ScriptFlags::NONE;
    assert_eq!(cost_with(before_bip16, &p2sh(), &push(&MULTISIG), &[]), 0);
    // The last push is the script.
    let two = [push(&[CHECKSIG; 5]), push(&MULTISIG)].concat();
    assert_eq!(cost(&p2sh(), &two, &[]), 12);
    // What does more than push, or is cut off, is not looked into.
    assert_eq!(
        cost(&p2sh(), &[&push(&MULTISIG)[..], &[0x61]].concat(), &[]),
        0
    );
    assert_eq!(cost(&p2sh(), &[2, CHECKSIG], &[]), 0);
    assert_eq!(cost(&p2sh(), &[], &[]), 0);
}

#[test]
fn a_check_in_a_witness_costs_one() {
    assert_eq!(cost(&program(0, 20), &[], &[&[1], &[2]]), 1);
    assert_eq!(cost(&program(0, 32), &[], &[&[1], &MULTISIG]), 3);
    assert_eq!(cost(&program(0, 32), &[], &[&[CHECKSIG; 7], &[0xae]]), 20);
    assert_eq!(cost(&program(0, 32), &[], &[]), 0);
    let before_bip141 = ScriptFlags::ALL.without(ScriptFlags::WITNESS);
    assert_eq!(cost_with(before_bip141, &program(0, 20), &[], &[&[1]]), 0);
}

#[test]
fn a_witness_program_inside_p2sh_counts_like_one_outside() {
    assert_eq!(cost(&p2sh(), &push(&program(0, 20)), &[&[1], &[2]]), 1);
    assert_eq!(cost(&p2sh(), &push(&program(0, 32)), &[&MULTISIG]), 3);
    let without_p2sh = ScriptFlags::NONE;
    let script_sig = push(&program(0, 32));
    assert_eq!(
        cost_with(without_p2sh, &p2sh(), &script_sig, &[&MULTISIG]),
        0
    );
}

#[test]
fn taproot_and_later_versions_cost_nothing_here() {
    assert_eq!(cost(&program(0x51, 32), &[], &[&[CHECKSIG; 9]]), 0);
    assert_eq!(cost(&program(0x60, 20), &[], &[&[CHECKSIG; 9]]), 0);
    // Version 0 with another length fails when it is run.
    assert_eq!(cost(&program(0, 21), &[], &[&[CHECKSIG; 9]]), 0);
}

#[test]
fn a_coinbase_has_only_its_own_scripts() {
    let mut tx = spending(1, &[1]);
    tx.input[0].previous_output = OutPoint::null();
    tx.input[0].script_sig = vec![CHECKSIG].into();
    let block = parsed(&[tx]);
    let coinbase = block.transaction(0).unwrap();
    assert_eq!(sigops_cost(coinbase, [], ScriptFlags::ALL), 4);
}

#[test]
fn every_input_is_looked_at() {
    let mut tx = spending(2, &[1]);
    tx.input[1].script_sig = push(&MULTISIG).into();
    let block = parsed(&[tx]);
    let (first, second) = (program(0, 20), p2sh());
    let spent = [&first[..], &second[..]];
    let tx = block.transaction(0).unwrap();
    assert_eq!(sigops_cost(tx, spent, ScriptFlags::ALL), 13);
}

#[test]
fn a_block_can_hold_eighty_thousand() {
    let block = parsed(&[spending(1, &[1])]);
    let tx = block.transaction(0).unwrap();
    assert_eq!(add_sigops(79_000, tx, 999), Ok(79_999));
    assert_eq!(add_sigops(79_000, tx, 1_000), Ok(80_000));
    let reject = add_sigops(79_000, tx, 1_001).unwrap_err();
    assert_eq!(reject.reason, "bad-blk-sigops");
}
