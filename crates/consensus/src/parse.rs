//! From bytes to the places of everything in them: one pass, no copy.
//!
//! The result is a [`Layout`]: three flat lists (transactions, inputs, outputs) of offsets into the bytes. The bytes come
//! from strangers, so that every length is checked against what is left before it is believed, and every count against
//! how many of the smallest items could still follow. A layout can therefore take no more than a few times the bytes it
//! describes, whatever they are.
//!
//! What is accepted is what Bitcoin Core's deserialization accepts: compact sizes in their shortest form only, the
//! extended format (BIP144) only if there is a witness, and nothing behind the last transaction. One oddity follows from
//! the format: a transaction without inputs and outputs reads as one, since its two zero counts could be the extended
//! format's marker with no flag set; one with outputs but without inputs cannot be written.

/// Bytes beyond which nothing is even looked at: Bitcoin Core's bound for anything that it deserializes. No valid block
/// comes near it; it keeps offsets in 32 bits.
pub(crate) const MAX_SIZE: usize = 0x0200_0000;

/// Bytes of a header.
const HEADER: usize = 80;
/// Bytes of an input's outpoint: hash and index.
const OUTPOINT: usize = 36;
/// Bytes of a version, a sequence number, a lock time.
const WORD: usize = 4;
/// Bytes of an output's value.
const VALUE: usize = 8;

/// Version, no input, no output, lock time.
const SMALLEST_TRANSACTION: usize = WORD + 2 + WORD;
/// Outpoint, empty script, sequence.
const SMALLEST_INPUT: usize = OUTPOINT + 1 + WORD;
/// Value, empty script.
const SMALLEST_OUTPUT: usize = VALUE + 1;
/// An empty item of a witness.
const SMALLEST_WITNESS_ITEM: usize = 1;

/// The bytes are not a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct DecodeError {
    /// What is wrong.
    pub what: DecodeErrorKind,
    /// Where, counted from the block's first byte.
    pub at: usize,
}

/// How bytes can fail to be a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The bytes end too early, or a length or a count promises more than is left.
    #[error("the block ends too early")]
    TooShort,
    /// Something follows the last transaction.
    #[error("bytes follow the last transaction")]
    TrailingBytes,
    /// More bytes than anything that is deserialized may have.
    #[error("the block has more than {MAX_SIZE} bytes")]
    TooLong,
    /// A compact size that has a shorter form.
    #[error("a compact size is not in its shortest form")]
    NonCanonicalSize,
    /// The extended format without a single witness item.
    #[error("a transaction is in the witness format but has no witness")]
    SuperfluousWitness,
    /// A flag of the extended format that nobody knows.
    #[error("a transaction has an unknown flag")]
    UnknownFlag,
}

/// Where everything is in a block's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) transactions: Vec<TransactionAt>,
    pub(crate) inputs: Vec<InputAt>,
    pub(crate) outputs: Vec<OutputAt>,
}

/// Where a transaction is: version, then (in the extended format) marker and flag, then its body (inputs and outputs),
/// then the witness, then the lock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionAt {
    /// First byte.
    pub(crate) start: u32,
    /// First byte of the body.
    pub(crate) body: u32,
    /// First byte after the body.
    pub(crate) body_end: u32,
    /// First byte after the transaction.
    pub(crate) end: u32,
    /// Its inputs in [`Layout::inputs`].
    pub(crate) first_input: u32,
    pub(crate) end_input: u32,
    /// Its outputs in [`Layout::outputs`].
    pub(crate) first_output: u32,
    pub(crate) end_output: u32,
}

/// Where an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputAt {
    /// First byte of its outpoint.
    pub(crate) outpoint: u32,
    /// First byte of its script.
    pub(crate) script: u32,
    /// Bytes of its script; the sequence number follows.
    pub(crate) script_len: u32,
    /// First byte of its witness (the number of items); zero if the transaction has none.
    pub(crate) witness: u32,
}

/// Where an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputAt {
    /// First byte of its value.
    pub(crate) value: u32,
    /// First byte of its script.
    pub(crate) script: u32,
    /// Bytes of its script.
    pub(crate) script_len: u32,
}

/// Finds everything in the bytes of a block.
pub(crate) fn parse_block(bytes: &[u8]) -> Result<Layout, DecodeError> {
    if bytes.len() > MAX_SIZE {
        return Err(DecodeError {
            what: DecodeErrorKind::TooLong,
            at: MAX_SIZE,
        });
    }
    let mut cursor = Cursor { bytes, at: 0 };
    cursor.skip(HEADER)?;
    let count = cursor.count(SMALLEST_TRANSACTION)?;
    let mut layout = Layout {
        transactions: Vec::with_capacity(count),
        ..Layout::default()
    };
    for _ in 0..count {
        let transaction = parse_transaction(&mut cursor, &mut layout)?;
        layout.transactions.push(transaction);
    }
    if cursor.at < bytes.len() {
        return Err(cursor.error(DecodeErrorKind::TrailingBytes));
    }
    Ok(layout)
}

fn parse_transaction(
    cursor: &mut Cursor<'_>,
    layout: &mut Layout,
) -> Result<TransactionAt, DecodeError> {
    let start = cursor.position();
    let first_input = layout.inputs.len();
    let first_output = layout.outputs.len();
    cursor.skip(WORD)?;

    let mut body = cursor.position();
    let mut inputs = cursor.count(SMALLEST_INPUT)?;
    let mut extended = false;
    if inputs == 0 {
        // The extended format's marker, unless no flag follows it: then this is a transaction without anything.
        let flags = cursor.byte()?;
        if flags == 1 {
            extended = true;
            body = cursor.position();
            inputs = cursor.count(SMALLEST_INPUT)?;
        } else if flags != 0 {
            return Err(cursor.error(DecodeErrorKind::UnknownFlag));
        }
    }
    parse_inputs(cursor, inputs, &mut layout.inputs)?;
    if inputs > 0 || extended {
        let outputs = cursor.count(SMALLEST_OUTPUT)?;
        parse_outputs(cursor, outputs, &mut layout.outputs)?;
    }
    let body_end = cursor.position();
    if extended {
        parse_witnesses(cursor, &mut layout.inputs[first_input..])?;
    }
    cursor.skip(WORD)?;

    Ok(TransactionAt {
        start,
        body,
        body_end,
        end: cursor.position(),
        first_input: first_input as u32,
        end_input: layout.inputs.len() as u32,
        first_output: first_output as u32,
        end_output: layout.outputs.len() as u32,
    })
}

fn parse_inputs(
    cursor: &mut Cursor<'_>,
    count: usize,
    inputs: &mut Vec<InputAt>,
) -> Result<(), DecodeError> {
    for _ in 0..count {
        let outpoint = cursor.position();
        cursor.skip(OUTPOINT)?;
        let (script, script_len) = cursor.variable()?;
        cursor.skip(WORD)?;
        inputs.push(InputAt {
            outpoint,
            script,
            script_len,
            witness: 0,
        });
    }
    Ok(())
}

fn parse_outputs(
    cursor: &mut Cursor<'_>,
    count: usize,
    outputs: &mut Vec<OutputAt>,
) -> Result<(), DecodeError> {
    for _ in 0..count {
        let value = cursor.position();
        cursor.skip(VALUE)?;
        let (script, script_len) = cursor.variable()?;
        outputs.push(OutputAt {
            value,
            script,
            script_len,
        });
    }
    Ok(())
}

fn parse_witnesses(cursor: &mut Cursor<'_>, inputs: &mut [InputAt]) -> Result<(), DecodeError> {
    let mut any = false;
    for input in inputs {
        input.witness = cursor.position();
        let items = cursor.count(SMALLEST_WITNESS_ITEM)?;
        any |= items > 0;
        for _ in 0..items {
            cursor.variable()?;
        }
    }
    if any {
        Ok(())
    } else {
        Err(cursor.error(DecodeErrorKind::SuperfluousWitness))
    }
}

/// A place in the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    fn error(&self, what: DecodeErrorKind) -> DecodeError {
        DecodeError { what, at: self.at }
    }

    /// Offsets fit, since no more than [`MAX_SIZE`] bytes are looked at.
    fn position(&self) -> u32 {
        self.at as u32
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    fn skip(&mut self, len: usize) -> Result<(), DecodeError> {
        if len > self.left() {
            return Err(self.error(DecodeErrorKind::TooShort));
        }
        self.at += len;
        Ok(())
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes[self.at..].first_chunk() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.error(DecodeErrorKind::TooShort)),
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take::<1>()?[0])
    }

    /// A compact size: one byte up to 252, else a byte that says how many follow.
    #[inline]
    pub(crate) fn compact_size(&mut self) -> Result<u64, DecodeError> {
        match self.byte()? {
            small @ 0..=0xfc => Ok(u64::from(small)),
            marker => self.long_compact_size(marker),
        }
    }

    fn long_compact_size(&mut self, marker: u8) -> Result<u64, DecodeError> {
        let (value, least) = match marker {
            0xfd => (u64::from(u16::from_le_bytes(self.take()?)), 0xfd),
            0xfe => (u64::from(u32::from_le_bytes(self.take()?)), 0x1_0000),
            _ => (u64::from_le_bytes(self.take()?), 0x1_0000_0000),
        };
        if value < least {
            return Err(self.error(DecodeErrorKind::NonCanonicalSize));
        }
        Ok(value)
    }

    /// A number of items that have at least `smallest` bytes each; no more than can still follow.
    #[inline]
    fn count(&mut self, smallest: usize) -> Result<usize, DecodeError> {
        let count = self.compact_size()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.left() / smallest => Ok(count),
            _ => Err(self.error(DecodeErrorKind::TooShort)),
        }
    }

    /// Bytes with their length before them: where they begin, and how many there are.
    #[inline]
    pub(crate) fn variable(&mut self) -> Result<(u32, u32), DecodeError> {
        let len = self.count(1)?;
        let start = self.position();
        self.at += len;
        Ok((start, len as u32))
    }
}
