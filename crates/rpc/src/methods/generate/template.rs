//! A block that pays to one script, on top of the tip.

use bitcoin::absolute::LockTime;
use bitcoin::block::Version;
use bitcoin::hashes::Hash as _;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Witness,
    transaction,
};
use tipward_chain::ChainView;
use tipward_consensus::COMMITMENT_PREFIX;
use tipward_consensus::connect::subsidy;
use tipward_primitives::{Header, Height, Timestamp};

#[cfg(test)]
mod tests;

/// What a block on top of the tip must be like.
#[derive(Clone, Debug)]
pub(super) struct Template {
    header: Header,
    height: Height,
    reward: Amount,
    commits_to_witnesses: bool,
}

/// Seconds that a block which begins a difficulty period may be earlier than its parent (BIP94). Kept on every network,
/// as Bitcoin Core does.
const MAX_TIMEWARP: u32 = 600;

/// What stands in the coinbase's witness, by custom (BIP141).
const RESERVED: [u8; 32] = [0; 32];

impl Template {
    /// For a block made at a time.
    pub(super) fn on_tip(view: &ChainView, now: Timestamp) -> Self {
        let (params, tip) = (view.params(), view.tip());
        let height = view.tip_height() + 1;
        let time = time_on_tip(view, now);
        let version = view.next_block_version(tip);
        Self {
            header: Header {
                version: Version::from_consensus(version),
                prev_blockhash: view.tip_hash(),
                merkle_root: TxMerkleNode::all_zeros(),
                time,
                bits: view.next_bits(tip, time),
                nonce: 0,
            },
            height,
            reward: Amount::from_sat(subsidy(params, height)),
            commits_to_witnesses: height >= params.segwit_height,
        }
    }

    /// The block without proof of work. Fees go to nobody.
    pub(super) fn block(&self, script: &ScriptBuf, transactions: Vec<Transaction>) -> Block {
        let mut block = Block {
            header: self.header,
            txdata: vec![self.coinbase(script)],
        };
        block.txdata.extend(transactions);
        if self.commits_to_witnesses
            && let Some(root) = block.witness_root()
        {
            let commitment = Block::compute_witness_commitment(&root, &RESERVED);
            let coinbase = &mut block.txdata[0];
            coinbase.input[0].witness = Witness::from_slice(&[RESERVED]);
            coinbase.output.push(commitment_output(commitment));
        }
        if let Some(root) = block.compute_merkle_root() {
            block.header.merkle_root = root;
        }
        block
    }

    fn coinbase(&self, script: &ScriptBuf) -> Transaction {
        let height = Builder::new().push_int(i64::from(self.height));
        // A coinbase's script has two bytes at least; the first sixteen heights are one.
        let script_sig = match self.height {
            ..=16 => height.push_int(0),
            _ => height,
        };
        Transaction {
            version: transaction::Version::TWO,
            // As in Core: the coinbase cannot be part of an earlier block.
            lock_time: LockTime::from_consensus(self.height - 1),
            input: vec![TxIn {
                previous_output: OutPoint::null(),
                script_sig: script_sig.into_script(),
                sequence: Sequence::ENABLE_LOCKTIME_NO_RBF,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: self.reward,
                script_pubkey: script.clone(),
            }],
        }
    }
}

/// The time of a block on top of the tip that is made now: now, but no earlier than the rules allow.
pub(in crate::methods) fn time_on_tip(view: &ChainView, now: Timestamp) -> u32 {
    let tip = view.tip();
    let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
    let time = now.max(view.median_time_past(tip) + 1);
    if (view.tip_height() + 1).is_multiple_of(view.params().difficulty_interval()) {
        time.max(view.entry(tip).time().saturating_sub(MAX_TIMEWARP))
    } else {
        time
    }
}

fn commitment_output(commitment: bitcoin::WitnessCommitment) -> TxOut {
    let mut script = COMMITMENT_PREFIX.to_vec();
    script.extend(commitment.to_byte_array());
    TxOut {
        value: Amount::ZERO,
        script_pubkey: script.into(),
    }
}

/// Looks for a nonce, for so many tries at most. Gives the block, unless there is none, and the tries that are left.
pub(super) fn mine(mut block: Block, mut tries: u64) -> (Option<Block>, u64) {
    let target = block.header.target();
    while tries > 0 && block.header.nonce < u32::MAX {
        if target.is_met_by(block.block_hash()) {
            return (Some(block), tries);
        }
        block.header.nonce += 1;
        tries -= 1;
    }
    (None, tries)
}
