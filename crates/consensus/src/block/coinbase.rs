//! The coinbase's place and what it must begin with.

use tipward_primitives::Height;

use crate::view::ParsedBlock;
use crate::{BlockContext, Reject};

/// The first transaction is a coinbase: `bad-cb-missing`.
pub(super) fn check_first(block: &ParsedBlock) -> Result<(), Reject> {
    match block.transaction(0) {
        Some(first) if first.is_coinbase() => Ok(()),
        _ => Err(Reject::consensus(
            "bad-cb-missing",
            "the first transaction is no coinbase",
        )),
    }
}

/// No other transaction is one: `bad-cb-multiple`.
pub(super) fn check_only(block: &ParsedBlock) -> Result<(), Reject> {
    match block.transactions().skip(1).position(|tx| tx.is_coinbase()) {
        Some(index) => Err(Reject::consensus(
            "bad-cb-multiple",
            format!("transaction {} is a coinbase too", index + 1),
        )),
        None => Ok(()),
    }
}

/// The coinbase's script begins with the height, pushed the shortest way (BIP34): `bad-cb-height`.
pub(super) fn check_height(block: &ParsedBlock, context: &BlockContext) -> Result<(), Reject> {
    if !context.bip34 {
        return Ok(());
    }
    let mut inputs = block.transactions().flat_map(|tx| tx.inputs());
    let script = inputs.next().map(|input| input.script_sig());
    let push = HeightPush::new(context.height);
    if script.is_some_and(|script| script.starts_with(push.bytes())) {
        return Ok(());
    }
    Err(Reject::consensus(
        "bad-cb-height",
        format!(
            "the coinbase does not begin with the height {}",
            context.height
        ),
    ))
}

/// A height as a script pushes it.
struct HeightPush {
    /// Opcode, four bytes of number and one more for its sign at most.
    buffer: [u8; 6],
    len: usize,
}

impl HeightPush {
    fn new(height: Height) -> Self {
        let mut buffer = [0; 6];
        // 0 to 16 have opcodes of their own.
        let len = match height {
            0 => 1,
            1..=16 => {
                buffer[0] = 0x50 + height as u8;
                1
            }
            _ => {
                // Least significant byte first, without leading zeros; another byte if the highest bit, which is the
                // sign, would be set.
                let bits = 32 - height.leading_zeros() as usize;
                let bytes = bits / 8 + 1;
                buffer[0] = bytes as u8;
                buffer[1..5].copy_from_slice(&height.to_le_bytes());
                1 + bytes
            }
        };
        Self { buffer, len }
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

#[cfg(test)]
mod tests;
