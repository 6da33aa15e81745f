use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode,
    TxOut, Txid, Witness, transaction,
};
use tipward_consensus::RejectKind;
use tipward_primitives::{BlockVersion, Height};

use super::anyone_can_spend;

/// A rule to break, and nothing but it: all else about the block stays right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// The hash is above the target.
    HighHash,
    /// Another target than the parent's.
    Bits,
    /// A time of long ago.
    TimeTooOld,
    /// The latest time that there can be.
    TimeTooNew,
    /// Version 1.
    Version,

    /// Another merkle root than that of the transactions.
    MerkleRoot,
    /// The last transactions are there twice, with the same merkle root (CVE-2012-2459). Their number must not be a
    /// power of two; where it is, an anyone's spend is added until it is not.
    RepeatedTransactions,
    /// No coinbase, and a transaction of 64 bytes.
    NodeAsTransaction,
    /// No transaction at all.
    NoTransactions,
    /// More than a million bytes without witnesses.
    TooLong,
    /// The coinbase spends something.
    CoinbaseMissing,
    /// There is a second coinbase.
    CoinbaseTwice,
    /// The coinbase's script is of 1 byte.
    CoinbaseScriptTooShort,
    /// The coinbase's script is of 101 bytes.
    CoinbaseScriptTooLong,
    /// The coinbase begins with another height.
    CoinbaseHeight,
    /// A transaction without outputs.
    NoOutputs,
    /// An output with a value below zero.
    NegativeValue,
    /// An output with more money than there can be.
    ValueTooLarge,
    /// Outputs that have together more money than there can be.
    TotalTooLarge,
    /// A transaction spends an output twice.
    InputTwice,
    /// A transaction with several inputs, one of which spends nothing.
    InputSpendsNothing,
    /// 20,001 signature checks.
    SignatureChecks,
    /// A transaction with a lock time that is not over.
    LockTime,
    /// The coinbase's witness is not 32 bytes.
    WitnessReservedValue,
    /// The coinbase commits to other witnesses.
    WitnessCommitment,
    /// A witness, but no commitment.
    UnexpectedWitness,
    /// More than 4,000,000 weight units, most of them in a witness.
    TooHeavy,
}

impl Flaw {
    /// Every flaw of a header.
    pub const HEADER: [Self; 5] = [
        Self::HighHash,
        Self::Bits,
        Self::TimeTooOld,
        Self::TimeTooNew,
        Self::Version,
    ];

    /// Every flaw of a body.
    pub const BODY: [Self; 22] = [
        Self::MerkleRoot,
        Self::RepeatedTransactions,
        Self::NodeAsTransaction,
        Self::NoTransactions,
        Self::TooLong,
        Self::CoinbaseMissing,
        Self::CoinbaseTwice,
        Self::CoinbaseScriptTooShort,
        Self::CoinbaseScriptTooLong,
        Self::CoinbaseHeight,
        Self::NoOutputs,
        Self::NegativeValue,
        Self::ValueTooLarge,
        Self::TotalTooLarge,
        Self::InputTwice,
        Self::InputSpendsNothing,
        Self::SignatureChecks,
        Self::LockTime,
        Self::WitnessReservedValue,
        Self::WitnessCommitment,
        Self::UnexpectedWitness,
        Self::TooHeavy,
    ];

    /// The kind and the reason of the reject that a block with this flaw must meet with.
    pub fn reject(self) -> (RejectKind, &'static str) {
        use RejectKind::{Consensus, InvalidHeader, Mutated, TimeFuture};
        match self {
            Self::HighHash => (InvalidHeader, "high-hash"),
            Self::Bits => (InvalidHeader, "bad-diffbits"),
            Self::TimeTooOld => (InvalidHeader, "time-too-old"),
            Self::TimeTooNew => (TimeFuture, "time-too-new"),
            Self::Version => (InvalidHeader, "bad-version(0x00000001)"),
            Self::MerkleRoot => (Mutated, "bad-txnmrklroot"),
            Self::RepeatedTransactions => (Mutated, "bad-txns-duplicate"),
            Self::NodeAsTransaction => (Mutated, "bad-cb-missing"),
            Self::NoTransactions | Self::TooLong => (Consensus, "bad-blk-length"),
            Self::CoinbaseMissing => (Consensus, "bad-cb-missing"),
            Self::CoinbaseTwice => (Consensus, "bad-cb-multiple"),
            Self::CoinbaseScriptTooShort | Self::CoinbaseScriptTooLong => {
                (Consensus, "bad-cb-length")
            }
            Self::CoinbaseHeight => (Consensus, "bad-cb-height"),
            Self::NoOutputs => (Consensus, "bad-txns-vout-empty"),
            Self::NegativeValue => (Consensus, "bad-txns-vout-negative"),
            Self::ValueTooLarge => (Consensus, "bad-txns-vout-toolarge"),
            Self::TotalTooLarge => (Consensus, "bad-txns-txouttotal-toolarge"),
            Self::InputTwice => (Consensus, "bad-txns-inputs-duplicate"),
            Self::InputSpendsNothing => (Consensus, "bad-txns-prevout-null"),
            Self::SignatureChecks => (Consensus, "bad-blk-sigops"),
            Self::LockTime => (Consensus, "bad-txns-nonfinal"),
            Self::WitnessReservedValue => (Mutated, "bad-witness-nonce-size"),
            Self::WitnessCommitment => (Mutated, "bad-witness-merkle-match"),
            Self::UnexpectedWitness => (Mutated, "unexpected-witness"),
            Self::TooHeavy => (Consensus, "bad-blk-weight"),
        }
    }

    /// Flaws that the commitments of coinbase and header cover.
    pub(super) fn before_commitments(self, block: &mut Block, height: Height) {
        let list = &mut block.txdata;
        match self {
            Self::Bits => {
                block.header.bits =
                    CompactTarget::from_consensus(block.header.bits.to_consensus() - 1);
            }
            Self::TimeTooOld => block.header.time = 1,
            Self::TimeTooNew => block.header.time = u32::MAX,
            Self::Version => block.header.version = BlockVersion::ONE,
            Self::RepeatedTransactions => {
                while list.len().is_power_of_two() {
                    let next = list.len() as u8;
                    list.push(spend(vec![made_up(next)], vec![anyones(0)]));
                }
            }
            Self::NodeAsTransaction => {
                let mut node = spend(vec![made_up(1)], vec![anyones(0)]);
                node.input[0].script_sig = ScriptBuf::from_bytes(vec![0; 3]);
                assert_eq!(node.total_size(), 64);
                *list = vec![node];
            }
            Self::NoTransactions => list.clear(),
            Self::TooLong => list[0].output.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: ScriptBuf::from_bytes(vec![0; 1_000_000]),
            }),
            Self::CoinbaseMissing => {
                list[0] = spend(vec![made_up(1)], vec![anyones(0), anyones(0)]);
            }
            Self::CoinbaseTwice => {
                let mut second = list[0].clone();
                second.version = transaction::Version::ONE;
                list.push(second);
            }
            Self::CoinbaseScriptTooShort => list[0].input[0].script_sig.resize_to(1),
            Self::CoinbaseScriptTooLong => list[0].input[0].script_sig.resize_to(101),
            Self::CoinbaseHeight => {
                list[0].input[0].script_sig = bitcoin::script::Builder::new()
                    .push_int(i64::from(height) + 1)
                    .push_slice([0; 8])
                    .into_script();
            }
            Self::NoOutputs => list.push(spend(vec![made_up(1)], vec![])),
            Self::NegativeValue => list.push(spend(vec![made_up(1)], vec![anyones(-1)])),
            Self::ValueTooLarge => list.push(spend(
                vec![made_up(1)],
                vec![anyones(tipward_consensus::MAX_MONEY + 1)],
            )),
            Self::TotalTooLarge => list.push(spend(
                vec![made_up(1)],
                vec![anyones(tipward_consensus::MAX_MONEY), anyones(1)],
            )),
            Self::InputTwice => {
                list.push(spend(vec![made_up(1), made_up(1)], vec![anyones(0)]));
            }
            Self::InputSpendsNothing => {
                list.push(spend(vec![made_up(1), OutPoint::null()], vec![anyones(0)]))
            }
            Self::SignatureChecks => list[0].output.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: ScriptBuf::from_bytes(vec![0xac; 20_001]),
            }),
            Self::LockTime => {
                let mut early = spend(vec![made_up(1)], vec![anyones(0)]);
                early.lock_time = LockTime::from_consensus(height);
                early.input[0].sequence = Sequence::ZERO;
                list.push(early);
            }
            Self::UnexpectedWitness => list.push(with_witness(1)),
            Self::WitnessCommitment => list.push(with_witness(1)),
            Self::TooHeavy => list.push(with_witness(4_000_000)),
            Self::HighHash | Self::MerkleRoot | Self::WitnessReservedValue => {}
        }
    }

    /// Flaws of the witnesses and of what commits to them.
    pub(super) fn after_witness_commitment(self, block: &mut Block) {
        let list = &mut block.txdata;
        match self {
            Self::WitnessReservedValue => {
                list[0].input[0].witness = Witness::from_slice(&[[0; 33]]);
            }
            Self::WitnessCommitment => {
                let last = list.len() - 1;
                list[last].input[0].witness.push([2]);
            }
            Self::UnexpectedWitness => {
                list[0].output.pop();
            }
            _ => {}
        }
    }

    /// Flaws of the body that leave the header as it is.
    pub(super) fn after_merkle_root(self, block: &mut Block) {
        match self {
            Self::MerkleRoot => {
                let mut root = block.header.merkle_root.to_byte_array();
                root[0] ^= 1;
                block.header.merkle_root = TxMerkleNode::from_byte_array(root);
            }
            Self::RepeatedTransactions => {
                // The first level of the tree with an odd number of nodes repeats its last one: so many transactions.
                let count = block.txdata.len();
                let repeated = 1 << count.trailing_zeros();
                block.txdata.extend_from_within(count - repeated..);
            }
            _ => {}
        }
    }
}

trait Resize {
    /// Cuts a script to `len` bytes, or pads it with zeros.
    fn resize_to(&mut self, len: usize);
}

impl Resize for ScriptBuf {
    fn resize_to(&mut self, len: usize) {
        let mut bytes = std::mem::take(self).into_bytes();
        bytes.resize(len, 0);
        *self = bytes.into();
    }
}

/// An output that does not exist.
fn made_up(number: u8) -> OutPoint {
    OutPoint::new(Txid::from_byte_array([0xee; 32]), u32::from(number))
}

/// An output that anyone can spend; its value may be one that no amount can have.
fn anyones(satoshi: i64) -> TxOut {
    TxOut {
        value: Amount::from_sat(satoshi.cast_unsigned()),
        script_pubkey: anyone_can_spend(),
    }
}

fn with_witness(bytes: usize) -> Transaction {
    let mut tx = spend(vec![made_up(1)], vec![anyones(0)]);
    tx.input[0].witness = Witness::from_slice(&[vec![1; bytes]]);
    tx
}

fn spend(outpoints: Vec<OutPoint>, output: Vec<TxOut>) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: outpoints
            .into_iter()
            .map(|previous_output| TxIn {
                previous_output,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            })
            .collect(),
        output,
    }
}
