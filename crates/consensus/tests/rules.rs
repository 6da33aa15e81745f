//! Each rule about a block's body at its boundary: the last that is allowed, and the first that is not.

#![allow(clippy::unwrap_used)]

use tipward_consensus::{BlockContext, CheckedBlock, MAX_MONEY, Reject, RejectKind, check_block};
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::serialize;
use tipward_primitives::bitcoin::hashes::{Hash as _, sha256d};
use tipward_primitives::bitcoin::script::Builder;
use tipward_primitives::bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, TxIn, TxMerkleNode, TxOut, Txid, Witness,
    transaction,
};
use tipward_primitives::{Height, Network, Params, RawBlock, Transaction};

const HEIGHT: Height = 1000;
const TIME: u32 = 1_600_000_000;
const MEDIAN: u32 = TIME - 5_000;

fn output(satoshi: u64, script: Vec<u8>) -> TxOut {
    TxOut {
        value: Amount::from_sat(satoshi),
        script_pubkey: script.into(),
    }
}

fn transaction(outpoints: &[OutPoint], output: Vec<TxOut>) -> Transaction {
    let input = outpoints.iter().map(|outpoint| TxIn {
        previous_output: *outpoint,
        ..TxIn::default()
    });
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: input.collect(),
        output,
    }
}

fn some_outpoint(index: u32) -> OutPoint {
    OutPoint::new(Txid::from_byte_array([7; 32]), index)
}

fn spend(output: Vec<TxOut>) -> Transaction {
    transaction(&[some_outpoint(0)], output)
}

/// A valid block at [`HEIGHT`] with a coinbase alone, and no witness.
fn block() -> Block {
    let mut coinbase = transaction(&[OutPoint::null()], vec![output(50, vec![0x51; 20])]);
    coinbase.input[0].script_sig = Builder::new().push_int(i64::from(HEIGHT)).into_script();
    let mut header = Params::new(Network::Regtest).genesis.header;
    header.time = TIME;
    Block {
        header,
        txdata: vec![coinbase],
    }
}

/// The commitment as the coinbase's last output.
fn commit(block: &mut Block) {
    let reserved = [9; 32];
    block.txdata[0].input[0].witness = Witness::from_slice(&[reserved]);
    let root = block.witness_root().unwrap();
    let commitment = Block::compute_witness_commitment(&root, &reserved);
    let mut script = vec![0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    script.extend(commitment.to_byte_array());
    block.txdata[0].output.push(output(0, script));
}

fn context(block: &Block) -> BlockContext {
    BlockContext::new(&Params::new(Network::Regtest), block.header, HEIGHT, MEDIAN)
}

/// Checks a block after its merkle root was set right.
fn check(mut block: Block) -> Result<CheckedBlock, Reject> {
    if let Some(root) = block.compute_merkle_root() {
        block.header.merkle_root = root;
    }
    check_as_it_is(&block, &context(&block))
}

fn check_as_it_is(block: &Block, context: &BlockContext) -> Result<CheckedBlock, Reject> {
    check_block(context, RawBlock::new(serialize(block).into()).unwrap())
}

#[track_caller]
fn allowed(block: Block) -> CheckedBlock {
    check(block).unwrap()
}

#[track_caller]
fn refused(block: Block, kind: RejectKind, reason: &str) {
    let reject = check(block).unwrap_err();
    assert_eq!((reject.kind, &*reject.reason), (kind, reason), "{reject}");
}

#[track_caller]
fn invalid(block: Block, reason: &str) {
    refused(block, RejectKind::Consensus, reason);
}

#[track_caller]
fn mutated(block: Block, reason: &str) {
    refused(block, RejectKind::Mutated, reason);
}

mod body {
    use super::*;

    #[test]
    fn the_header_must_be_the_one_asked_for() {
        let good = block();
        let mut context = context(&good);
        context.header.nonce += 1;
        let reject = check_as_it_is(&good, &context).unwrap_err();
        assert_eq!(reject.kind, RejectKind::Mutated);
        assert_eq!(reject.reason, "unexpected-header");
    }

    #[test]
    fn bytes_that_are_no_block_are_mutated() {
        let good = block();
        let mut bytes = serialize(&good);
        bytes.push(0);
        let raw = RawBlock::new(bytes.into()).unwrap();
        let reject = check_block(&context(&good), raw).unwrap_err();
        assert_eq!(reject.kind, RejectKind::Mutated);
        assert_eq!(reject.reason, "block-decode-failed");
    }

    #[test]
    fn a_million_bytes_without_witnesses_are_allowed() {
        let padded = |bytes: usize| {
            let mut block = block();
            block.txdata[0].output.push(output(0, vec![]));
            // Four more bytes of length in front of the script.
            let missing = bytes - serialize(&block).len() - 4;
            block.txdata[0].output[1] = output(0, vec![0; missing]);
            assert_eq!(serialize(&block).len(), bytes);
            block
        };
        assert_eq!(allowed(padded(999_999)).weight(), 3_999_996);
        assert_eq!(allowed(padded(1_000_000)).weight(), 4_000_000);
        invalid(padded(1_000_001), "bad-blk-length");
    }

    #[test]
    fn four_million_weight_units_are_allowed() {
        let heavy = |weight: u64| {
            let with_witness = |bytes| {
                let mut block = block();
                let mut tx = spend(vec![output(0, vec![])]);
                tx.input[0].witness = Witness::from_slice(&[vec![1; bytes]]);
                block.txdata.push(tx);
                commit(&mut block);
                block
            };
            let missing = weight - with_witness(100_000).weight().to_wu();
            let block = with_witness(100_000 + missing as usize);
            assert_eq!(block.weight().to_wu(), weight);
            block
        };
        allowed(heavy(3_999_999));
        allowed(heavy(4_000_000));
        invalid(heavy(4_000_001), "bad-blk-weight");
    }

    #[test]
    fn twenty_thousand_signature_checks_are_allowed() {
        let checks = |count: usize| {
            let mut block = block();
            block.txdata[0].output[0].script_pubkey = vec![0xac; count - 20].into();
            let mut tx = spend(vec![output(0, vec![])]);
            tx.input[0].script_sig = vec![0xae].into();
            block.txdata.push(tx);
            block
        };
        assert_eq!(allowed(checks(19_999)).legacy_sigops(), 19_999);
        assert_eq!(allowed(checks(20_000)).legacy_sigops(), 20_000);
        invalid(checks(20_001), "bad-blk-sigops");
    }

    #[test]
    fn there_is_one_coinbase_and_it_comes_first() {
        let mut none = block();
        none.txdata.clear();
        none.header.merkle_root = TxMerkleNode::all_zeros();
        invalid(none, "bad-blk-length");

        let mut second = block();
        second.txdata.insert(0, spend(vec![output(0, vec![])]));
        invalid(second, "bad-cb-missing");

        let mut twice = block();
        let mut again = twice.txdata[0].clone();
        again.version = transaction::Version::ONE;
        twice.txdata.push(again);
        invalid(twice, "bad-cb-multiple");
    }

    #[test]
    fn without_a_coinbase_sixty_four_bytes_may_be_a_node_of_the_tree() {
        let sized = |bytes: usize| {
            let mut tx = spend(vec![output(0, vec![])]);
            tx.input[0].script_sig = vec![0; bytes - 60].into();
            assert_eq!(tx.base_size(), bytes);
            let mut block = block();
            block.txdata = vec![tx];
            block
        };
        invalid(sized(63), "bad-cb-missing");
        mutated(sized(64), "bad-cb-missing");
        invalid(sized(65), "bad-cb-missing");

        let mut behind_a_coinbase = block();
        behind_a_coinbase.txdata.extend(sized(64).txdata);
        allowed(behind_a_coinbase);
    }

    #[test]
    fn repeated_transactions_are_a_mutation_and_come_before_all_else() {
        let mut block = block();
        block.txdata.push(spend(vec![output(0, vec![])]));
        block.txdata.push(spend(vec![output(1, vec![])]));
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        let context = context(&block);
        block.txdata.push(block.txdata[2].clone());
        let reject = check_as_it_is(&block, &context).unwrap_err();
        assert_eq!(reject.kind, RejectKind::Mutated);
        assert_eq!(reject.reason, "bad-txns-duplicate");

        block.txdata.pop();
        block.txdata[2].output[0].value += Amount::ONE_SAT;
        let reject = check_as_it_is(&block, &context).unwrap_err();
        assert_eq!(reject.kind, RejectKind::Mutated);
        assert_eq!(reject.reason, "bad-txnmrklroot");
    }
}

mod coinbase {
    use super::*;

    #[test]
    fn its_script_has_two_to_a_hundred_bytes() {
        let with_script = |len| {
            let mut block = block();
            let mut script = block.txdata[0].input[0].script_sig.to_bytes();
            script.resize(len, 0);
            block.txdata[0].input[0].script_sig = script.into();
            block
        };
        allowed(with_script(100));
        invalid(with_script(101), "bad-cb-length");
        invalid(with_script(1), "bad-cb-length");
        // Two bytes are enough, though too few for this height.
        invalid(with_script(2), "bad-cb-height");
    }

    #[test]
    fn it_begins_with_the_height_once_bip34_holds() {
        let mut block = block();
        block.txdata[0].input[0].script_sig =
            Builder::new().push_int(i64::from(HEIGHT) + 1).into_script();
        invalid(block.clone(), "bad-cb-height");

        block.header.merkle_root = block.compute_merkle_root().unwrap();
        let mut context = context(&block);
        context.bip34 = false;
        check_as_it_is(&block, &context).unwrap();
    }
}

mod transactions {
    use super::*;

    fn with(tx: Transaction) -> Block {
        let mut block = block();
        block.txdata.push(tx);
        block
    }

    #[test]
    fn there_are_inputs_and_outputs() {
        invalid(with(spend(vec![])), "bad-txns-vout-empty");

        // No library writes a transaction without inputs, so its bytes are written here: version, no input, no output,
        // lock time.
        let nothing = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut block = block();
        let pair = [
            block.txdata[0].compute_txid().to_byte_array(),
            sha256d::Hash::hash(&nothing).to_byte_array(),
        ]
        .concat();
        block.header.merkle_root = TxMerkleNode::hash(&pair);
        let mut bytes = serialize(&block.header);
        bytes.push(2);
        bytes.extend(serialize(&block.txdata[0]));
        bytes.extend(nothing);
        let raw = RawBlock::new(bytes.into()).unwrap();
        let reject = check_block(&context(&block), raw).unwrap_err();
        assert_eq!(reject.kind, RejectKind::Consensus);
        assert_eq!(reject.reason, "bad-txns-vin-empty");
    }

    #[test]
    fn no_value_and_no_sum_of_values_is_more_than_all_money() {
        let most = MAX_MONEY.cast_unsigned();
        let paying =
            |values: &[u64]| with(spend(values.iter().map(|v| output(*v, vec![])).collect()));
        allowed(paying(&[most]));
        allowed(paying(&[most - 1, 1, 0]));
        invalid(paying(&[most + 1]), "bad-txns-vout-toolarge");
        invalid(paying(&[most, 1]), "bad-txns-txouttotal-toolarge");
        invalid(
            paying(&[i64::MAX.cast_unsigned()]),
            "bad-txns-vout-toolarge",
        );
        invalid(paying(&[u64::MAX]), "bad-txns-vout-negative");
        // The first output at fault decides.
        invalid(paying(&[most, most + 1]), "bad-txns-vout-toolarge");
        invalid(
            paying(&[most, most, u64::MAX]),
            "bad-txns-txouttotal-toolarge",
        );
    }

    #[test]
    fn no_output_is_spent_twice_by_one_transaction() {
        for inputs in [2_u32, 3, 15, 16, 17, 500] {
            let outpoints: Vec<OutPoint> = (0..inputs).map(some_outpoint).collect();
            allowed(with(transaction(&outpoints, vec![output(0, vec![])])));
            let last = inputs as usize - 1;
            for (one, other) in [(0, last), (last - 1, last), (0, 1)] {
                let mut twice = outpoints.clone();
                twice[other] = twice[one];
                invalid(
                    with(transaction(&twice, vec![output(0, vec![])])),
                    "bad-txns-inputs-duplicate",
                );
            }
        }
    }

    #[test]
    fn outputs_that_only_look_alike_are_not_the_same() {
        // Ids that have all but their last byte in common, and an index that makes up for a difference of their fifth.
        for inputs in [4_u8, 40] {
            let mut outpoints: Vec<OutPoint> = (0..inputs)
                .map(|last| {
                    let mut id = [7; 32];
                    id[31] = last;
                    OutPoint::new(Txid::from_byte_array(id), 5)
                })
                .collect();
            let mut id = [7; 32];
            id[4] = 8;
            outpoints.push(OutPoint::new(Txid::from_byte_array(id), 4));
            allowed(with(transaction(&outpoints, vec![output(0, vec![])])));
            outpoints.push(outpoints[1]);
            invalid(
                with(transaction(&outpoints, vec![output(0, vec![])])),
                "bad-txns-inputs-duplicate",
            );
        }
    }

    #[test]
    fn only_a_coinbase_spends_nothing() {
        let outpoints = [some_outpoint(0), OutPoint::null()];
        let tx = transaction(&outpoints, vec![output(0, vec![])]);
        invalid(with(tx), "bad-txns-prevout-null");
        let almost = [
            OutPoint::new(Txid::all_zeros(), u32::MAX - 1),
            OutPoint::new(Txid::from_byte_array([1; 32]), u32::MAX),
        ];
        allowed(with(transaction(&almost, vec![output(0, vec![])])));
    }

    #[test]
    fn a_lock_on_a_height_is_over_above_it() {
        let locked = |height| {
            let mut tx = spend(vec![output(0, vec![])]);
            tx.lock_time = LockTime::from_consensus(height);
            tx.input[0].sequence = Sequence::ENABLE_LOCKTIME_NO_RBF;
            with(tx)
        };
        allowed(locked(HEIGHT - 1));
        invalid(locked(HEIGHT), "bad-txns-nonfinal");
        invalid(locked(499_999_999), "bad-txns-nonfinal");
        // The least lock that is a time was over long ago.
        allowed(locked(500_000_000));
    }

    #[test]
    fn a_lock_on_a_time_is_over_after_the_median_time_past_or_before_bip113_after_the_blocks_time()
    {
        let locked = |time| {
            let mut tx = spend(vec![output(0, vec![])]);
            tx.lock_time = LockTime::from_consensus(time);
            tx.input[0].sequence = Sequence::ZERO;
            let mut block = with(tx);
            block.header.merkle_root = block.compute_merkle_root().unwrap();
            block
        };
        allowed(locked(MEDIAN - 1));
        invalid(locked(MEDIAN), "bad-txns-nonfinal");

        let before_bip113 = |time| {
            let block = locked(time);
            let mut context = context(&block);
            context.csv = false;
            check_as_it_is(&block, &context)
        };
        before_bip113(TIME - 1).unwrap();
        assert_eq!(before_bip113(TIME).unwrap_err().reason, "bad-txns-nonfinal");
    }

    #[test]
    fn a_lock_counts_only_if_an_input_does_not_renounce_it() {
        let mut tx = transaction(
            &[some_outpoint(0), some_outpoint(1)],
            vec![output(0, vec![])],
        );
        tx.lock_time = LockTime::from_consensus(HEIGHT);
        for input in &mut tx.input {
            input.sequence = Sequence::MAX;
        }
        allowed(with(tx.clone()));
        tx.input[1].sequence = Sequence::ENABLE_LOCKTIME_NO_RBF;
        invalid(with(tx), "bad-txns-nonfinal");
    }
}

mod witness {
    use super::*;

    fn with_witness() -> Block {
        let mut block = block();
        let mut tx = spend(vec![output(0, vec![])]);
        tx.input[0].witness = Witness::from_slice(&[[3; 70]]);
        block.txdata.push(tx);
        block.txdata.push(spend(vec![output(1, vec![])]));
        block
    }

    #[test]
    fn witnesses_are_those_that_the_coinbase_commits_to() {
        let mut block = with_witness();
        mutated(block.clone(), "unexpected-witness");
        commit(&mut block);
        allowed(block.clone());
        block.txdata[1].input[0].witness.push([]);
        mutated(block, "bad-witness-merkle-match");
    }

    #[test]
    fn the_reserved_value_is_one_item_of_thirty_two_bytes() {
        let mut good = with_witness();
        commit(&mut good);
        for items in [
            vec![],
            vec![vec![9; 31]],
            vec![vec![9; 33]],
            vec![vec![9; 32], vec![]],
        ] {
            let mut block = good.clone();
            block.txdata[0].input[0].witness = Witness::from_slice(&items);
            mutated(block, "bad-witness-nonce-size");
        }
        let mut other = good;
        other.txdata[0].input[0].witness = Witness::from_slice(&[[8; 32]]);
        mutated(other, "bad-witness-merkle-match");
    }

    #[test]
    fn the_last_commitment_counts() {
        let decoy = || {
            let mut script = vec![0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
            script.extend([0; 32]);
            output(0, script)
        };
        let mut block = with_witness();
        block.txdata[0].output.push(decoy());
        commit(&mut block);
        allowed(block.clone());
        block.txdata[0].output.push(decoy());
        mutated(block, "bad-witness-merkle-match");
    }

    #[test]
    fn what_follows_a_commitment_in_its_script_does_not_matter_and_a_shorter_one_is_none() {
        let mut block = with_witness();
        commit(&mut block);
        let script = block.txdata[0].output[1].script_pubkey.to_bytes();
        let mut longer = script.clone();
        longer.push(0);
        block.txdata[0].output[1].script_pubkey = longer.into();
        allowed(block.clone());
        block.txdata[0].output[1].script_pubkey = ScriptBuf::from_bytes(script[..37].to_vec());
        mutated(block, "unexpected-witness");
    }

    #[test]
    fn before_segwit_a_commitment_allows_no_witness() {
        let mut block = with_witness();
        commit(&mut block);
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        let mut context = context(&block);
        context.segwit = false;
        let reject = check_as_it_is(&block, &context).unwrap_err();
        assert_eq!(reject.reason, "unexpected-witness");
    }

    #[test]
    fn what_condemns_the_block_comes_before_a_wrong_witness_but_its_weight_after() {
        let mut block = with_witness();
        block.txdata[1].output.clear();
        invalid(block, "bad-txns-vout-empty");

        let mut heavy = with_witness();
        heavy.txdata[1].input[0].witness = Witness::from_slice(&[vec![0; 4_000_000]]);
        mutated(heavy, "unexpected-witness");
    }
}
