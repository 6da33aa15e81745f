use proptest::prelude::*;
use tipward_primitives::bitcoin::Script;

use super::*;

#[test]
fn an_output_that_begins_with_op_return_or_is_too_long_is_unspendable() {
    assert!(!is_unspendable(&[]));
    assert!(is_unspendable(&[OP_RETURN]));
    assert!(is_unspendable(&[OP_RETURN, 1, 2]));
    assert!(!is_unspendable(&[OP_1, OP_RETURN]));
    assert!(!is_unspendable(&[OP_1; MAX_SCRIPT_SIZE]));
    assert!(is_unspendable(&[OP_1; MAX_SCRIPT_SIZE + 1]));
}

#[test]
fn a_script_of_pushes_leaves_its_last_one() {
    let empty: &[u8] = &[];
    assert_eq!(last_push(&[]), Some(empty));
    assert_eq!(last_push(&[1, 7, 2, 8, 9]), Some(&[8, 9][..]));
    assert_eq!(last_push(&[OP_PUSHDATA1, 1, 7]), Some(&[7][..]));
    assert_eq!(last_push(&[1, 7, OP_16]), Some(empty));
    assert_eq!(last_push(&[OP_16 + 1, 1, 7]), None);
    assert_eq!(last_push(&[1, 7, 2, 8]), None);
}

#[test]
fn a_push_past_the_end_is_the_last_step() {
    let mut ops = Ops::new(&[OP_1, OP_PUSHDATA2, 2, 0, 5]);
    assert!(ops.next().unwrap().is_ok());
    assert_eq!(ops.next(), Some(Err(Truncated)));
    assert_eq!(ops.next(), None);
}

#[test]
fn a_witness_program_has_two_to_forty_bytes_in_one_push() {
    let script = |version: u8, len: u8| {
        let mut script = vec![version, len];
        script.resize(2 + usize::from(len), 3);
        script
    };
    for (len, is) in [(1, false), (2, true), (40, true), (41, false)] {
        assert_eq!(
            WitnessProgram::of(&script(OP_0, len)).is_some(),
            is,
            "{len}"
        );
    }
    for (opcode, version) in [
        (OP_0, Some(0)),
        (OP_1, Some(1)),
        (OP_16, Some(16)),
        (0x4f, None),
    ] {
        let found = WitnessProgram::of(&script(opcode, 20)).map(|p| p.version);
        assert_eq!(found, version, "{opcode:#x}");
    }
    let mut longer = script(OP_0, 20);
    longer.push(0);
    assert_eq!(WitnessProgram::of(&longer), None);
}

fn script_like() -> impl Strategy<Value = Vec<u8>> {
    let p2sh = proptest::collection::vec(any::<u8>(), 19..22).prop_map(|hash| {
        let mut script = vec![OP_HASH160, 20];
        script.extend(hash);
        script.push(OP_EQUAL);
        script
    });
    let program =
        (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..45)).prop_map(|(v, p)| {
            let mut script = vec![v % 0x64, p.len() as u8];
            script.extend(p);
            script
        });
    let any_script = proptest::collection::vec(any::<u8>(), 0..60);
    prop_oneof![p2sh, program, any_script]
}

proptest! {
    #[test]
    fn the_forms_are_those_that_rust_bitcoin_sees(script in script_like()) {
        let theirs = Script::from_bytes(&script);
        prop_assert_eq!(is_p2sh(&script), theirs.is_p2sh());
        prop_assert_eq!(WitnessProgram::of(&script).is_some(), theirs.is_witness_program());
        prop_assert_eq!(last_push(&script).is_some(), theirs.is_push_only());
    }
}
