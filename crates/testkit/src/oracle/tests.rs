use bitcoin::absolute::LockTime;
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Sequence, Transaction, TxIn, TxOut, Txid, Witness, transaction};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::{Network, Params};

use super::*;
use crate::build::BlockBuilder;

#[test]
fn a_good_block_is_accepted_by_both_and_a_cut_one_by_neither() {
    let block = BlockBuilder::on_genesis(&Params::new(Network::Regtest)).build();
    let bytes = serialize(&block);
    assert!(parsers_agree(&bytes));
    for len in 0..bytes.len() {
        assert!(!parsers_agree(&bytes[..len]));
    }
}

#[test]
#[should_panic(expected = "assertion")]
fn a_difference_is_noticed() {
    let params = Params::new(Network::Regtest);
    let block = BlockBuilder::on_genesis(&params).build();
    let other = BlockBuilder::on_genesis(&params).extra_nonce(1).build();
    let raw = RawBlock::new(serialize(&block).into()).unwrap();
    same_block(&ParsedBlock::parse(raw).unwrap(), &other);
}

/// Transactions with everything that the format allows, in sizes that need each form of a compact size now and then.
fn any_transaction() -> impl Strategy<Value = Transaction> {
    let bytes = || {
        prop_oneof![
            9 => vec(any::<u8>(), 0..30),
            1 => vec(any::<u8>(), 250..260),
        ]
    };
    let input = (
        any::<[u8; 32]>(),
        any::<u32>(),
        bytes(),
        any::<u32>(),
        vec(bytes(), 0..4),
    )
        .prop_map(|(txid, vout, script, sequence, witness)| TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array(txid), vout),
            script_sig: script.into(),
            sequence: Sequence(sequence),
            witness: Witness::from_slice(&witness),
        });
    let output = (any::<u64>(), bytes()).prop_map(|(value, script)| TxOut {
        value: Amount::from_sat(value),
        script_pubkey: script.into(),
    });
    (
        any::<i32>(),
        any::<u32>(),
        vec(input, 1..4),
        vec(output, 0..4),
    )
        .prop_map(|(version, lock_time, input, output)| Transaction {
            version: transaction::Version(version),
            lock_time: LockTime::from_consensus(lock_time),
            input,
            output,
        })
}

fn any_block() -> impl Strategy<Value = Vec<u8>> {
    (any::<[u8; 80]>(), vec(any_transaction(), 0..6)).prop_map(|(header, txdata)| {
        serialize(&Block {
            header: deserialize(&header).unwrap(),
            txdata,
        })
    })
}

/// Checks what is left of a block after a change, in the context that its own header claims.
fn check_anyway(bytes: &[u8]) {
    let Ok(raw) = RawBlock::new(bytes.to_vec().into()) else {
        return;
    };
    let params = Params::new(Network::Regtest);
    let context = BlockContext::new(&params, raw.header(), 1, 0);
    // Whatever the verdict: it must come without a panic.
    let _ = check_block(&context, raw);
}

proptest! {
    #[test]
    fn every_block_is_read_as_rust_bitcoin_reads_it(bytes in any_block()) {
        prop_assert!(parsers_agree(&bytes));
        check_anyway(&bytes);
    }

    #[test]
    fn a_changed_byte_is_refused_by_both_or_read_alike(
        bytes in any_block(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        parsers_agree(&bytes);
        check_anyway(&bytes);
    }

    #[test]
    fn a_cut_or_lengthened_block_is_refused(bytes in any_block(), cut: Index, more in vec(any::<u8>(), 1..9)) {
        prop_assert!(!parsers_agree(&bytes[..cut.index(bytes.len())]));
        prop_assert!(!parsers_agree(&[bytes, more].concat()));
    }

    #[test]
    fn bytes_from_nobody_are_refused_by_both_or_read_alike(
        header in any::<[u8; 80]>(),
        body in vec(prop_oneof![Just(0), Just(1), Just(2), Just(0xfd), any::<u8>()], 0..200),
    ) {
        let bytes = [&header[..], &body].concat();
        parsers_agree(&bytes);
        check_anyway(&bytes);
    }
}

#[test]
fn a_transaction_without_anything_is_read_and_one_with_outputs_only_is_not() {
    let header = [0; 80];
    let nothing = [&header[..], &[1], &[2, 0, 0, 0], &[0, 0], &[0; 4]].concat();
    assert!(parsers_agree(&nothing));
    let output = [&[1][..], &[0; 8], &[0]].concat();
    let outputs_only = [
        &header[..],
        &[1],
        &[2, 0, 0, 0],
        &[0, 1, 0],
        &output,
        &[0; 4],
    ]
    .concat();
    assert!(!parsers_agree(&outputs_only));
}

#[test]
fn a_count_that_promises_more_than_there_is_takes_no_memory() {
    // A compact size of 2^64 - 1, and the most that a byte count of this size could ever hold.
    for count in [[0xff; 9], [0xfe, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 0]] {
        let bytes = [&[0; 80][..], &count].concat();
        assert!(!parsers_agree(&bytes));
    }
}
