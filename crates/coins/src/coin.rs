#[cfg(test)]
mod tests;

use tipward_primitives::Height;

/// An outpoint as transactions carry it: the transaction's id, then the output's index, least significant byte first.
pub type OutPointKey = [u8; 36];

/// Scripts longer than this can never be spent from (consensus), so that their outputs are never coins.
pub const MAX_SCRIPT_SIZE: usize = 10_000;

const OP_RETURN: u8 = 0x6a;

/// An output with this script can never be spent: it never enters the set.
pub fn is_unspendable(script: &[u8]) -> bool {
    script.first() == Some(&OP_RETURN) || script.len() > MAX_SCRIPT_SIZE
}

/// An unspent output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coin<'a> {
    /// Height of the block that made it, below 2^31.
    pub height: Height,
    /// A coinbase made it.
    pub coinbase: bool,
    /// Satoshis, at most 21 million bitcoins.
    pub value: u64,
    /// The script that a spender must satisfy.
    pub script: &'a [u8],
}

impl Coin<'_> {
    /// The height with the coinbase mark in its lowest bit, as Bitcoin Core keeps both.
    pub(crate) fn code(&self) -> u32 {
        // No chain reaches a height of 2^31.
        self.height.wrapping_shl(1) | u32::from(self.coinbase)
    }
}

/// Coins in a row, in two allocations however many they are: the coins that a block spends, in the order of its inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpentCoins {
    facts: Vec<Facts>,
    scripts: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    value: u64,
    /// Where the coin's script ends and the next one's begins.
    script_end: usize,
    code: u32,
}

impl SpentCoins {
    /// No coins.
    pub const fn new() -> Self {
        Self {
            facts: Vec::new(),
            scripts: Vec::new(),
        }
    }

    /// Appends a coin.
    pub fn push(&mut self, coin: Coin<'_>) {
        self.push_with(coin.code(), coin.value, |scripts| {
            scripts.extend_from_slice(coin.script);
        });
    }

    /// Appends a coin whose script `script` appends.
    pub(crate) fn push_with(&mut self, code: u32, value: u64, script: impl FnOnce(&mut Vec<u8>)) {
        script(&mut self.scripts);
        self.facts.push(Facts {
            value,
            script_end: self.scripts.len(),
            code,
        });
    }

    /// How many coins there are.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The coin at a place.
    pub fn get(&self, index: usize) -> Option<Coin<'_>> {
        let facts = self.facts.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.facts.get(before)?.script_end,
            None => 0,
        };
        Some(Coin {
            height: facts.code >> 1,
            coinbase: facts.code & 1 == 1,
            value: facts.value,
            script: self.scripts.get(start..facts.script_end)?,
        })
    }

    /// The coins in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Coin<'_>> {
        let mut start = 0;
        self.facts.iter().map(move |facts| {
            let script = start..facts.script_end;
            start = facts.script_end;
            Coin {
                height: facts.code >> 1,
                coinbase: facts.code & 1 == 1,
                value: facts.value,
                script: &self.scripts[script],
            }
        })
    }

    /// Takes all coins out and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.facts.clear();
        self.scripts.clear();
    }

    /// Drops the coins after the first `len`.
    pub fn truncate(&mut self, len: usize) {
        if let Some(first_out) = self.facts.get(len.wrapping_sub(1)) {
            self.scripts.truncate(first_out.script_end);
        } else if len == 0 {
            self.scripts.clear();
        }
        self.facts.truncate(len);
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.facts.capacity() * size_of::<Facts>() + self.scripts.capacity()
    }
}
