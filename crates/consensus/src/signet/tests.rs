use tipward_primitives::bitcoin::consensus::serialize;

use super::*;
use crate::testing::{parsed, spending};

/// Adds a push in the shortest form: a byte of length up to 75, else 0x4c before it.
fn push(script: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > 75 {
        script.push(0x4c);
    }
    script.push(u8::try_from(bytes.len()).unwrap());
    script.extend(bytes);
}

/// A witness commitment and then, each as a push of its own, what else stands in its script.
fn commitment(pushes: &[&[u8]]) -> ScriptBuf {
    let mut script = vec![0x6a];
    push(
        &mut script,
        &[&[0xaa, 0x21, 0xa9, 0xed][..], &[0xff; 32]].concat(),
    );
    for bytes in pushes {
        push(&mut script, bytes);
    }
    script.into()
}

fn solution(bytes: &[u8]) -> Vec<u8> {
    [&SOLUTION_PREFIX[..], bytes].concat()
}

fn coinbase(script: ScriptBuf) -> Transaction {
    let mut tx = spending(1, &[0, 0]);
    tx.input[0].previous_output = OutPoint::null();
    tx.output[1].script_pubkey = script;
    tx
}

fn challenge() -> ScriptBuf {
    vec![0x51].into()
}

fn transactions(script: ScriptBuf) -> Result<SolutionTransactions, Reject> {
    let block = parsed(&[coinbase(script), spending(1, &[1])]);
    solution_transactions(&block, &challenge())
}

#[track_caller]
fn solved_by(script: ScriptBuf, script_sig: &[u8], witness: &[&[u8]]) {
    let SolutionTransactions { to_spend, to_sign } = transactions(script).unwrap();
    assert_eq!(to_spend.output[0].script_pubkey, challenge());
    assert_eq!(
        to_sign.input[0].previous_output.txid,
        to_spend.compute_txid()
    );
    assert_eq!(to_sign.input[0].script_sig.as_bytes(), script_sig);
    assert_eq!(to_sign.input[0].witness, Witness::from_slice(witness));
}

#[track_caller]
fn not_solved(script: ScriptBuf) {
    let reject = transactions(script).unwrap_err();
    assert_eq!(reject.reason, "bad-signet-blksig");
    assert_eq!(reject.kind, crate::RejectKind::Consensus);
}

#[test]
fn a_block_without_a_witness_commitment_has_no_solution() {
    not_solved(ScriptBuf::new());
    let empty = solution_transactions(&parsed(&[]), &challenge());
    assert_eq!(empty.unwrap_err().reason, "bad-signet-blksig");
}

#[test]
fn without_a_solution_there_is_an_empty_one() {
    solved_by(commitment(&[]), &[], &[]);
    // The prefix alone is none either, nor is one in another place.
    solved_by(commitment(&[&SOLUTION_PREFIX]), &[], &[]);
    solved_by(
        commitment(&[&[&[1], &solution(&[0, 0])[..]].concat()]),
        &[],
        &[],
    );
}

#[test]
fn a_solution_is_an_input_script_a_witness_and_nothing_else() {
    solved_by(commitment(&[&solution(&[0, 0])]), &[], &[]);
    solved_by(commitment(&[&solution(&[1, 0x51, 0])]), &[0x51], &[]);
    solved_by(
        commitment(&[&solution(&[0, 2, 1, 7, 0])]),
        &[],
        &[&[7], &[]],
    );
    for bad in [
        // Cut off in the script, behind it, in the witness; too much; a promise of more than there is.
        &[1][..],
        &[1, 0x51],
        &[0, 2, 1, 7],
        &[0, 0, 0],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        // A length that has a shorter form.
        &[0xfd, 1, 0, 0x51, 0],
    ] {
        not_solved(commitment(&[&solution(bad)]));
    }
}

#[test]
fn the_first_of_several_solutions_counts_and_only_it_is_left_out() {
    let script = commitment(&[&[1], &solution(&[1, 2, 0]), &solution(&[1, 3, 0]), &[4; 80]]);
    solved_by(script.clone(), &[2], &[]);
    let (_, without) = split_solution(&script).unwrap();
    assert_eq!(
        without,
        commitment(&[&[1], &SOLUTION_PREFIX, &solution(&[1, 3, 0]), &[4; 80]])
    );
}

#[test]
fn what_is_left_is_written_in_the_shortest_form_up_to_a_push_past_the_end() {
    let mut bytes = commitment(&[]).into_bytes();
    // A push of two bytes in the longest form, a push of nothing with a length, the solution, a number, a cut push.
    bytes.extend([0x4e, 2, 0, 0, 0, 8, 9, 0x4c, 0]);
    push(&mut bytes, &solution(&[0, 0]));
    bytes.extend([0x55, 0x05, 1]);
    let (found, without) = split_solution(Script::from_bytes(&bytes)).unwrap();
    assert_eq!(found, [0, 0]);
    let mut expected = commitment(&[&[8, 9]]).into_bytes();
    expected.push(0x4c);
    push(&mut expected, &SOLUTION_PREFIX);
    expected.push(0x55);
    assert_eq!(without.as_bytes(), expected);
}

#[test]
fn what_is_signed_is_the_block_without_its_solution() {
    let to_spend = |bytes: &[u8]| {
        transactions(commitment(&[&solution(bytes)]))
            .unwrap()
            .to_spend
    };
    assert_eq!(to_spend(&[0, 0]), to_spend(&[1, 0x51, 0]));
    let other = transactions(commitment(&[&[3]])).unwrap().to_spend;
    assert_ne!(to_spend(&[0, 0]), other);

    // Version, parent, merkle root, time: of a header of zeros three of them are zero.
    let script = to_spend(&[0, 0]).input.remove(0).script_sig;
    let without = [coinbase(commitment(&[&SOLUTION_PREFIX])), spending(1, &[1])];
    let txids: Vec<[u8; 32]> = without
        .iter()
        .map(|tx| tx.compute_txid().to_byte_array())
        .collect();
    let mut expected = vec![0x00, 72];
    expected.extend([0; 36]);
    expected.extend(merkle_root(&txids).root);
    expected.extend([0; 4]);
    assert_eq!(script.as_bytes(), expected);
}

#[test]
fn the_witness_of_the_coinbase_is_not_signed() {
    let mut with = coinbase(commitment(&[]));
    with.input[0].witness.push([0; 32]);
    assert_ne!(serialize(&with), serialize(&coinbase(commitment(&[]))));
    let made = solution_transactions(&parsed(&[with, spending(1, &[1])]), &challenge());
    assert_eq!(made, transactions(commitment(&[])));
}
