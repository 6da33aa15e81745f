//! Blocks to order: valid ones, and ones that break a chosen rule.

mod flaw;

pub use flaw::Flaw;

use bitcoin::absolute::LockTime;
use bitcoin::block::Version;
use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::{OP_PUSHDATA4, OP_RETURN};
use bitcoin::script::Builder;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxMerkleNode, TxOut, Witness, transaction,
};
use tipward_primitives::{Header, Height, Params, RawBlock};

#[cfg(test)]
mod tests;

/// Builds one block.
///
/// Unless told otherwise the block is valid as far as its transactions are: ten minutes after its parent, with its
/// parent's target, a coinbase that takes the subsidy and the fees, and a witness commitment where BIP141 holds.
///
/// ```
/// use tipward_primitives::{Network, Params};
/// use tipward_testkit::build::BlockBuilder;
///
/// let params = Params::new(Network::Regtest);
/// let block = BlockBuilder::on_genesis(&params).build();
/// assert_eq!(block.header.prev_blockhash, params.genesis_hash);
/// ```
#[derive(Clone, Debug)]
pub struct BlockBuilder {
    header: Header,
    height: Height,
    segwit: bool,
    bip34: bool,
    subsidy: Amount,
    fees: Amount,
    coinbase_outputs: Vec<ScriptBuf>,
    coinbase_padding: usize,
    extra_nonce: u64,
    transactions: Vec<Transaction>,
    flaw: Option<Flaw>,
    mine: bool,
}

impl BlockBuilder {
    /// A block on top of `parent`, which has `parent_height`.
    pub fn on(params: &Params, parent: &Header, parent_height: Height) -> Self {
        Self::on_hash(params, parent, parent.block_hash(), parent_height)
    }

    /// The same for a parent whose `hash` is known already.
    pub fn on_hash(
        params: &Params,
        parent: &Header,
        hash: BlockHash,
        parent_height: Height,
    ) -> Self {
        let height = parent_height + 1;
        Self {
            header: Header {
                version: Version::from_consensus(0x2000_0000),
                prev_blockhash: hash,
                merkle_root: TxMerkleNode::all_zeros(),
                time: parent.time + params.pow_target_spacing,
                bits: parent.bits,
                nonce: 0,
            },
            height,
            segwit: height >= params.segwit_height,
            bip34: height >= params.bip34_height,
            subsidy: subsidy(params, height),
            fees: Amount::ZERO,
            coinbase_outputs: vec![anyone_can_spend()],
            coinbase_padding: 0,
            extra_nonce: 0,
            transactions: Vec::new(),
            flaw: None,
            mine: true,
        }
    }

    /// A block on top of the genesis block.
    pub fn on_genesis(params: &Params) -> Self {
        Self::on_hash(params, &params.genesis.header, params.genesis_hash, 0)
    }

    /// Height of the block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Time of the block, in seconds since the Unix epoch.
    pub fn time(mut self, time: u32) -> Self {
        self.header.time = time;
        self
    }

    /// Version of the block.
    pub fn version(mut self, version: i32) -> Self {
        self.header.version = Version::from_consensus(version);
        self
    }

    /// Target of the block.
    pub fn bits(mut self, bits: CompactTarget) -> Self {
        self.header.bits = bits;
        self
    }

    /// A number in the coinbase, to tell blocks apart that are otherwise the same.
    pub fn extra_nonce(mut self, extra_nonce: u64) -> Self {
        self.extra_nonce = extra_nonce;
        self
    }

    /// Scripts that the coinbase pays to, in equal parts (the first gets what does not divide); by default one that
    /// anyone can spend.
    pub fn coinbase_to(mut self, scripts: Vec<ScriptBuf>) -> Self {
        assert!(!scripts.is_empty(), "a coinbase has an output");
        self.coinbase_outputs = scripts;
        self
    }

    /// Adds an output without value to the coinbase whose script is this long, in bytes.
    pub fn coinbase_padding(mut self, bytes: usize) -> Self {
        self.coinbase_padding = bytes;
        self
    }

    /// Adds a transaction that pays `fee`.
    pub fn transaction(mut self, transaction: Transaction, fee: Amount) -> Self {
        self.transactions.push(transaction);
        self.fees += fee;
        self
    }

    /// Breaks a rule.
    pub fn flaw(mut self, flaw: Flaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// Leaves the proof of work out; without it only a target as easy as regtest's can be met.
    pub fn unmined(mut self) -> Self {
        self.mine = false;
        self
    }

    /// The block.
    pub fn build(self) -> Block {
        let Self { flaw, mine, .. } = self;
        let mut transactions = vec![self.coinbase()];
        transactions.extend(self.transactions);
        let mut block = Block {
            header: self.header,
            txdata: transactions,
        };
        if let Some(flaw) = flaw {
            flaw.before_commitments(&mut block, self.height);
        }
        if self.segwit {
            commit_to_witnesses(&mut block);
        }
        if let Some(flaw) = flaw {
            flaw.after_witness_commitment(&mut block);
        }
        if let Some(root) = block.compute_merkle_root() {
            block.header.merkle_root = root;
        }
        if let Some(flaw) = flaw {
            flaw.after_merkle_root(&mut block);
        }
        if mine {
            work(&mut block.header, flaw != Some(Flaw::HighHash));
        }
        block
    }

    /// The block's bytes.
    pub fn build_raw(self) -> RawBlock {
        to_raw(&self.build())
    }

    fn coinbase(&self) -> Transaction {
        let script = Builder::new();
        let script = if self.bip34 {
            script.push_int(i64::from(self.height))
        } else {
            script
        };
        let script_sig = script
            .push_slice(self.extra_nonce.to_le_bytes())
            .into_script();
        let parts = self.coinbase_outputs.len() as u64;
        let total = self.subsidy + self.fees;
        let part = total / parts;
        let mut output: Vec<TxOut> = self
            .coinbase_outputs
            .iter()
            .map(|script_pubkey| TxOut {
                value: part,
                script_pubkey: script_pubkey.clone(),
            })
            .collect();
        output[0].value = total - part * (parts - 1);
        if self.coinbase_padding > 0 {
            let mut script = vec![0; self.coinbase_padding];
            script[0] = OP_RETURN.to_u8();
            // The rest is one push if it has room for one: a script of a million opcodes takes longer to scan than a
            // whole block of the real chain.
            if let Some((head, data)) = script[1..].split_at_mut_checked(5) {
                head[0] = OP_PUSHDATA4.to_u8();
                head[1..].copy_from_slice(&(data.len() as u32).to_le_bytes());
            }
            output.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: script.into(),
            });
        }
        Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::null(),
                script_sig,
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output,
        }
    }
}

/// The bytes of a block.
pub fn to_raw(block: &Block) -> RawBlock {
    RawBlock::new(bitcoin::consensus::serialize(block).into()).expect("it begins with a header")
}

/// Puts a changed block right again: the commitment to its witnesses, if `witnesses` are what changed (the coinbase's last
/// output is taken to be the old one), the merkle root and the proof of work.
pub fn recommit(block: &mut Block, witnesses: bool) {
    if witnesses && let Some(coinbase) = block.txdata.first_mut() {
        coinbase.output.pop();
        commit_to_witnesses(block);
    }
    if let Some(root) = block.compute_merkle_root() {
        block.header.merkle_root = root;
    }
    work(&mut block.header, true);
}

/// What a miner may make out of nothing at `height`.
pub fn subsidy(params: &Params, height: Height) -> Amount {
    let halvings = height / params.subsidy_halving_interval;
    Amount::from_sat(
        Amount::from_int_btc(50)
            .to_sat()
            .checked_shr(halvings)
            .unwrap_or(0),
    )
}

/// A script that needs no signature: `OP_TRUE`.
pub fn anyone_can_spend() -> ScriptBuf {
    Builder::new().push_int(1).into_script()
}

/// Gives the coinbase its reserved value as witness and, as last output, the commitment (BIP141).
fn commit_to_witnesses(block: &mut Block) {
    const RESERVED: [u8; 32] = [0; 32];
    let Some(coinbase) = block.txdata.first_mut().filter(|tx| tx.is_coinbase()) else {
        return;
    };
    coinbase.input[0].witness = Witness::from_slice(&[RESERVED]);
    let Some(root) = block.witness_root() else {
        return;
    };
    let commitment = Block::compute_witness_commitment(&root, &RESERVED);
    let mut data = [0; 36];
    data[..4].copy_from_slice(&[0xaa, 0x21, 0xa9, 0xed]);
    data[4..].copy_from_slice(&commitment.to_byte_array());
    block.txdata[0].output.push(TxOut {
        value: Amount::ZERO,
        script_pubkey: Builder::new()
            .push_opcode(OP_RETURN)
            .push_slice(data)
            .into_script(),
    });
}

/// Looks for a nonce with which the hash is below the target, or above it if `below` is not wanted.
fn work(header: &mut Header, below: bool) {
    let target = header.target();
    while target.is_met_by(header.block_hash()) != below {
        header.nonce = header
            .nonce
            .checked_add(1)
            .expect("regtest's target is met by every other nonce; others take `unmined`");
    }
}
