//! Reading a parsed block: transactions, inputs, outputs and witnesses as slices of its bytes.

use std::fmt;

use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{OutPoint, Txid, Wtxid};
use tipward_primitives::{BlockHash, Header, RawBlock};

use crate::hash::sha256d;
use crate::parse::{self, Cursor, DecodeError, InputAt, Layout, OutputAt, TransactionAt};

/// A block whose bytes are well-formed. It has been checked for nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct ParsedBlock {
    raw: RawBlock,
    layout: Layout,
}

impl ParsedBlock {
    /// Finds everything in the bytes of `raw`, without copying any.
    pub fn parse(raw: RawBlock) -> Result<Self, DecodeError> {
        let layout = parse::parse_block(raw.bytes())?;
        Ok(Self { raw, layout })
    }

    /// The bytes.
    pub fn raw(&self) -> &RawBlock {
        &self.raw
    }

    /// The bytes alone.
    pub fn into_raw(self) -> RawBlock {
        self.raw
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.raw.header()
    }

    /// Hash of the header.
    pub fn block_hash(&self) -> BlockHash {
        self.raw.block_hash()
    }

    /// How many transactions there are.
    pub fn transaction_count(&self) -> usize {
        self.layout.transactions.len()
    }

    /// How many inputs all transactions have together.
    pub fn input_count(&self) -> usize {
        self.layout.inputs.len()
    }

    /// How many outputs all transactions have together.
    pub fn output_count(&self) -> usize {
        self.layout.outputs.len()
    }

    /// The input at `index`, counted through all transactions.
    pub fn input(&self, index: usize) -> Option<InputView<'_>> {
        let at = self.layout.inputs.get(index)?;
        Some(InputView {
            bytes: self.raw.bytes(),
            at,
        })
    }

    /// The output at `index`, counted through all transactions.
    pub fn output(&self, index: usize) -> Option<OutputView<'_>> {
        let at = self.layout.outputs.get(index)?;
        Some(OutputView {
            bytes: self.raw.bytes(),
            at,
        })
    }

    /// The transaction at `index`, the coinbase being 0.
    pub fn transaction(&self, index: usize) -> Option<TransactionView<'_>> {
        let at = self.layout.transactions.get(index)?;
        Some(self.view(at))
    }

    /// All transactions, the coinbase first.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = TransactionView<'_>> + Clone {
        self.layout.transactions.iter().map(|at| self.view(at))
    }

    fn view<'a>(&'a self, at: &'a TransactionAt) -> TransactionView<'a> {
        TransactionView {
            bytes: self.raw.bytes(),
            layout: &self.layout,
            at,
        }
    }

    /// Size in bytes, witnesses included.
    pub fn size(&self) -> usize {
        self.raw.size()
    }

    /// Size in bytes without witnesses, markers and flags: what nodes that know nothing of BIP141 see.
    pub fn stripped_size(&self) -> usize {
        let left_out: usize = self
            .transactions()
            .map(|tx| tx.size() - tx.stripped_size())
            .sum();
        self.size() - left_out
    }

    /// Weight (BIP141): a byte of a witness counts once, any other four times.
    pub fn weight(&self) -> usize {
        3 * self.stripped_size() + self.size()
    }
}

impl fmt::Debug for ParsedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedBlock")
            .field("raw", &self.raw)
            .field("transactions", &self.transaction_count())
            .finish()
    }
}

/// A transaction of a [`ParsedBlock`].
#[derive(Clone, Copy)]
pub struct TransactionView<'a> {
    bytes: &'a [u8],
    layout: &'a Layout,
    at: &'a TransactionAt,
}

impl<'a> TransactionView<'a> {
    /// Its bytes as they are in the block, witness included.
    pub fn bytes(&self) -> &'a [u8] {
        &self.bytes[self.at.start as usize..self.at.end as usize]
    }

    /// Size in bytes, witness included.
    pub fn size(&self) -> usize {
        (self.at.end - self.at.start) as usize
    }

    /// Size in bytes without marker, flag and witness.
    pub fn stripped_size(&self) -> usize {
        // Version and lock time stand around the body.
        4 + (self.at.body_end - self.at.body) as usize + 4
    }

    /// Whether an input has a witness. A transaction is in the extended format exactly if one does.
    pub fn has_witness(&self) -> bool {
        self.at.body != self.at.start + 4
    }

    /// Version, as the four bytes say; rules that compare it read it as unsigned.
    pub fn version(&self) -> u32 {
        word(self.bytes, self.at.start as usize)
    }

    /// Lock time: a height below 500,000,000, else seconds since the Unix epoch.
    pub fn lock_time(&self) -> u32 {
        word(self.bytes, self.at.end as usize - 4)
    }

    /// Its inputs.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = InputView<'a>> + Clone + use<'a> {
        let range = self.at.first_input as usize..self.at.end_input as usize;
        let bytes = self.bytes;
        self.layout.inputs[range]
            .iter()
            .map(move |at| InputView { bytes, at })
    }

    /// Its outputs.
    pub fn outputs(
        &self,
    ) -> impl ExactSizeIterator<Item = OutputView<'a>> + DoubleEndedIterator + Clone + use<'a> {
        let range = self.at.first_output as usize..self.at.end_output as usize;
        let bytes = self.bytes;
        self.layout.outputs[range]
            .iter()
            .map(move |at| OutputView { bytes, at })
    }

    /// It has one input, and that spends nothing.
    pub fn is_coinbase(&self) -> bool {
        let mut inputs = self.inputs();
        matches!((inputs.next(), inputs.next()), (Some(only), None) if only.spends_nothing())
    }

    /// Double SHA-256 of it without its witness.
    pub fn txid(&self) -> Txid {
        Txid::from_byte_array(self.txid_bytes())
    }

    /// Double SHA-256 of it with its witness.
    pub fn wtxid(&self) -> Wtxid {
        Wtxid::from_byte_array(self.wtxid_bytes())
    }

    pub(crate) fn wtxid_bytes(&self) -> [u8; 32] {
        sha256d(&[self.bytes()])
    }

    pub(crate) fn txid_bytes(&self) -> [u8; 32] {
        if !self.has_witness() {
            return sha256d(&[self.bytes()]);
        }
        let TransactionAt {
            start,
            body,
            body_end,
            end,
            ..
        } = *self.at;
        sha256d(&[
            &self.bytes[start as usize..start as usize + 4],
            &self.bytes[body as usize..body_end as usize],
            &self.bytes[end as usize - 4..end as usize],
        ])
    }
}

impl fmt::Debug for TransactionView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionView({}, {} bytes)", self.txid(), self.size())
    }
}

/// An input of a [`TransactionView`].
#[derive(Clone, Copy)]
pub struct InputView<'a> {
    bytes: &'a [u8],
    at: &'a InputAt,
}

impl<'a> InputView<'a> {
    /// The output that it spends.
    pub fn outpoint(&self) -> OutPoint {
        let bytes = self.outpoint_bytes();
        let mut txid = [0; 32];
        txid.copy_from_slice(&bytes[..32]);
        OutPoint {
            txid: Txid::from_byte_array(txid),
            vout: word(bytes, 32),
        }
    }

    /// The same as it is in the block: transaction id, then index, least significant byte first.
    pub fn outpoint_bytes(&self) -> &'a [u8; 36] {
        self.bytes[self.at.outpoint as usize..]
            .first_chunk()
            .expect("the parser saw the whole outpoint")
    }

    /// The outpoint that stands for none: hash zero, index all ones.
    pub fn spends_nothing(&self) -> bool {
        let (txid, index) = self.outpoint_bytes().split_at(32);
        index == [0xff; 4] && txid == [0; 32]
    }

    /// The input's script.
    pub fn script_sig(&self) -> &'a [u8] {
        &self.bytes[self.at.script as usize..][..self.at.script_len as usize]
    }

    /// Sequence number.
    pub fn sequence(&self) -> u32 {
        word(
            self.bytes,
            self.at.script as usize + self.at.script_len as usize,
        )
    }

    /// The items of its witness.
    pub fn witness(&self) -> Witness<'a> {
        let mut cursor = Cursor {
            bytes: self.bytes,
            at: self.at.witness as usize,
        };
        let left = match self.at.witness {
            0 => 0,
            _ => cursor.compact_size().unwrap_or(0),
        };
        Witness { cursor, left }
    }
}

/// The items of an input's witness, in order.
#[derive(Clone, Debug)]
pub struct Witness<'a> {
    cursor: Cursor<'a>,
    left: u64,
}

impl<'a> Iterator for Witness<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        // The parser went over these very bytes, so that it cannot fail now.
        let (start, len) = self.cursor.variable().ok()?;
        self.cursor
            .bytes
            .get(start as usize..start as usize + len as usize)
    }
}

/// An output of a [`TransactionView`].
#[derive(Clone, Copy)]
pub struct OutputView<'a> {
    bytes: &'a [u8],
    at: &'a OutputAt,
}

impl<'a> OutputView<'a> {
    /// Value in satoshi, as the block says: it may be negative or more than there is.
    pub fn value(&self) -> i64 {
        let bytes = self.bytes[self.at.value as usize..]
            .first_chunk()
            .expect("the parser saw the whole value");
        i64::from_le_bytes(*bytes)
    }

    /// The script that guards it.
    pub fn script_pubkey(&self) -> &'a [u8] {
        &self.bytes[self.at.script as usize..][..self.at.script_len as usize]
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..]
        .first_chunk()
        .expect("the parser saw all four bytes");
    u32::from_le_bytes(*bytes)
}
