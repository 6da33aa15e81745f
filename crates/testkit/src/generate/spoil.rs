use bitcoin::consensus::deserialize;
use bitcoin::{Block, Witness};
use tipward_primitives::{BlockHash, Height, RawBlock};

use crate::build::{recommit, to_raw};

/// A chain's blocks with one signature that is wrong; see [`spoil`].
#[derive(Debug)]
pub struct Spoiled<I> {
    blocks: I,
    spoiler: Spoiler,
}

/// A copy of a chain in which one signature is wrong, in the block at `height`; the block and those after it have new
/// headers for it.
///
/// `blocks` begins with the block at height 1 and has no forks. What comes out differs from `height` on: the block has one
/// byte of a signature of a P2WPKH input changed, its commitments and its proof of work are right, and the blocks after
/// it build on it.
///
/// # Panics
/// If the block at `height` has no such input.
pub fn spoil<I: Iterator<Item = RawBlock>>(blocks: I, height: Height) -> Spoiled<I> {
    Spoiled {
        blocks,
        spoiler: Spoiler::new(height),
    }
}

impl<I: Iterator<Item = RawBlock>> Iterator for Spoiled<I> {
    type Item = RawBlock;

    fn next(&mut self) -> Option<RawBlock> {
        let raw = self.blocks.next()?;
        let spoiled = self.spoiler.pass(raw);
        Some(spoiled.expect("the block to spoil has a P2WPKH input"))
    }
}

/// What [`spoil`] does, block by block.
#[derive(Debug)]
pub struct Spoiler {
    /// Height of the block to break.
    height: Height,
    next: Height,
    /// The last block that was handed out, if it is another than came in.
    last: Option<BlockHash>,
}

impl Spoiler {
    /// Breaks the block at this height.
    pub fn new(height: Height) -> Self {
        Self {
            height,
            next: 1,
            last: None,
        }
    }

    /// The next block of the copy, for the next one of the chain; the first is that at height 1. `None` if it is the one
    /// to break and has no P2WPKH input.
    pub fn pass(&mut self, raw: RawBlock) -> Option<RawBlock> {
        let height = self.next;
        self.next += 1;
        if height < self.height {
            return Some(raw);
        }
        let mut block: Block = deserialize(raw.bytes()).expect("a generated block");
        if let Some(last) = self.last {
            block.header.prev_blockhash = last;
        }
        if height == self.height && !break_signature(&mut block) {
            return None;
        }
        recommit(&mut block, height == self.height);
        self.last = Some(block.block_hash());
        Some(to_raw(&block))
    }
}

/// Changes a byte of the last P2WPKH input's signature.
fn break_signature(block: &mut Block) -> bool {
    // A signature of about 71 bytes and a key of 33 are the witness of such an input and of no other.
    let found = block
        .txdata
        .iter_mut()
        .flat_map(|tx| &mut tx.input)
        .rfind(|input| {
            let lens: Vec<usize> = input.witness.iter().map(<[u8]>::len).collect();
            matches!(lens[..], [69..=73, 33])
        });
    let Some(input) = found else {
        return false;
    };
    let mut items = input.witness.to_vec();
    // Within the number s: the encoding stays right.
    let at = items[0].len() - 10;
    items[0][at] ^= 1;
    input.witness = Witness::from_slice(&items);
    true
}
