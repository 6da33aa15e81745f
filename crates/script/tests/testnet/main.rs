//! Real blocks, input by input.

#![allow(clippy::unwrap_used)]

mod blocks;

use blocks::{HEIGHTS, TestBlock, prepare};
use tipward_primitives::bitcoin::TxOut;
use tipward_script::{ScriptError, ScriptFlags};

#[test]
fn every_input_of_two_real_blocks_is_valid() {
    let mut inputs = 0;
    for height in HEIGHTS {
        let Some(block) = TestBlock::read(height) else {
            return;
        };
        assert_eq!(block.flags, ScriptFlags::ALL);
        for (raw, spent) in block.spending() {
            let tx = prepare(raw, spent);
            for input in 0..tx.input_count() {
                tx.verify_input(input, block.flags).unwrap();
                inputs += 1;
            }
        }
    }
    assert_eq!(inputs, 19_907);
}

/// Which inputs of the transaction fail.
fn failing(raw: &[u8], spent: &[TxOut], flags: ScriptFlags) -> Vec<usize> {
    let tx = prepare(raw, spent);
    (0..tx.input_count())
        .filter(|input| match tx.verify_input(*input, flags) {
            Ok(()) => false,
            Err(ScriptError::Reject(reject)) => {
                assert_eq!(reject.input, *input);
                true
            }
            Err(ScriptError::Fault(fault)) => panic!("{fault}"),
        })
        .collect()
}

/// One witness item of so many has a byte flipped. It shares no factor with the two items that most inputs have.
const EVERY: usize = 41;

#[test]
fn a_flipped_byte_of_a_witness_fails_exactly_that_input() {
    let (mut items, mut flipped) = (0_usize, 0);
    for height in HEIGHTS {
        let Some(block) = TestBlock::read(height) else {
            return;
        };
        let transactions = block.block.transactions().skip(1);
        for (tx, spent) in transactions.zip(&block.spent) {
            for (input, view) in tx.inputs().enumerate() {
                for item in view.witness() {
                    items += 1;
                    if items % EVERY != 0 || item.is_empty() {
                        continue;
                    }
                    let start = item.as_ptr().addr() - tx.bytes().as_ptr().addr();
                    let mut raw = tx.bytes().to_vec();
                    // Another byte and another bit each time.
                    raw[start + items / EVERY % item.len()] ^= 1 << (items / EVERY % 8);
                    let failed = failing(&raw, spent, block.flags);
                    assert_eq!(failed, [input], "{} in block {height}", tx.txid());
                    flipped += 1;
                }
            }
        }
    }
    assert_eq!((items, flipped), (39_672, 967));
}

#[test]
fn the_error_names_the_rule_the_input_and_what_it_spends() {
    let Some(block) = TestBlock::read(HEIGHTS[0]) else {
        return;
    };
    let (tx, spent) = block
        .block
        .transactions()
        .skip(1)
        .zip(&block.spent)
        .find(|(tx, _)| {
            tx.inputs()
                .nth(1)
                .is_some_and(|input| input.witness().count() > 0)
        })
        .unwrap();
    // Less is spent than was signed for.
    let mut spent = spent.clone();
    spent[1].value -= tipward_primitives::bitcoin::Amount::ONE_SAT;

    let prepared = prepare(tx.bytes(), &spent);
    assert_eq!(prepared.verify_input(0, block.flags), Ok(()));
    let Err(ScriptError::Reject(reject)) = prepared.verify_input(1, block.flags) else {
        panic!("it passes with a value that was not signed for");
    };

    let spends = tx.inputs().nth(1).unwrap().outpoint();
    assert_eq!(
        (reject.input, reject.txid, reject.wtxid, reject.spends),
        (1, tx.txid(), tx.wtxid(), spends)
    );
    let reject = tipward_consensus::Reject::from(*reject);
    assert_eq!(
        reject.to_string(),
        format!(
            "block-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top stack \
             element), input 1 of {} (wtxid {}), spending {spends}",
            tx.txid(),
            tx.wtxid()
        )
    );
}
