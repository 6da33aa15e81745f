//! Real blocks, input by input.

#![allow(clippy::unwrap_used)]

mod blocks;

use blocks::{HEIGHTS, TestBlock, prepare};
use tipward_consensus::TransactionView;
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

/// The transaction with a byte flipped in one witness item of each input that `chosen` picks the item of, by its index.
/// Returns also the inputs that have such an item.
fn with_flipped(
    tx: TransactionView<'_>,
    chosen: impl Fn(usize) -> Option<usize>,
) -> (Vec<u8>, Vec<usize>) {
    let mut raw = tx.bytes().to_vec();
    let mut flipped = Vec::new();
    for (input, view) in tx.inputs().enumerate() {
        let item = chosen(input).and_then(|item| view.witness().nth(item));
        let Some(item) = item.filter(|item| !item.is_empty()) else {
            continue;
        };
        let start = item.as_ptr().addr() - tx.bytes().as_ptr().addr();
        // Another byte and another bit each time.
        raw[start + (input * 7 + start) % item.len()] ^= 1 << (input % 8);
        flipped.push(input);
    }
    (raw, flipped)
}

/// Every item of every witness is flipped once: the first ones of every other input together, then those of the others,
/// then the second ones, and so on. Half of the inputs are left as they are each time, and must pass.
#[test]
fn a_flipped_byte_in_any_witness_fails_exactly_the_inputs_that_have_it() {
    let (mut items, mut flips) = (0, 0);
    for height in HEIGHTS {
        let Some(block) = TestBlock::read(height) else {
            return;
        };
        let transactions = block.block.transactions().skip(1);
        for (tx, spent) in transactions.zip(&block.spent) {
            let counts = tx.inputs().map(|input| input.witness().count());
            items += counts.clone().sum::<usize>();
            for (item, odd) in (0..counts.max().unwrap_or(0)).flat_map(|i| [(i, 0), (i, 1)]) {
                let (raw, flipped) = with_flipped(tx, |input| (input % 2 == odd).then_some(item));
                if !flipped.is_empty() {
                    let failed = failing(&raw, spent, block.flags);
                    assert_eq!(failed, flipped, "{} in block {height}", tx.txid());
                    flips += flipped.len();
                }
            }
        }
    }
    assert_eq!((items, flips), (39_672, 39_672));
}

/// One input of so many is flipped alone.
const EVERY: usize = 97;

#[test]
fn a_flipped_byte_in_one_witness_fails_that_input_alone() {
    let (mut inputs, mut flips) = (0_usize, 0);
    for height in HEIGHTS {
        let Some(block) = TestBlock::read(height) else {
            return;
        };
        let transactions = block.block.transactions().skip(1);
        for (tx, spent) in transactions.zip(&block.spent) {
            for input in 0..spent.len() {
                inputs += 1;
                if inputs % EVERY != 0 {
                    continue;
                }
                let item = inputs / EVERY % 2;
                let (raw, flipped) = with_flipped(tx, |i| (i == input).then_some(item));
                assert_eq!(failing(&raw, spent, block.flags), flipped, "{}", tx.txid());
                flips += flipped.len();
            }
        }
    }
    assert_eq!((inputs, flips), (19_907, 205));
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
