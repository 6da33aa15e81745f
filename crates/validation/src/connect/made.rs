//! What blocks make that are not connected yet.

use hashbrown::HashSet;
use tipward_coins::OutPointKey;
use tipward_primitives::bitcoin::hashes::Hash as _;

use crate::prepared::PreparedBlock;

/// The transactions of some blocks, by the beginnings of their ids: nobody need look for their coins in the store.
///
/// Of two that begin alike both are forgotten with the first: the other one's coins are looked for then, and not found.
#[derive(Default)]
pub(super) struct Made(HashSet<[u8; 8]>);

impl Made {
    pub(super) fn add(&mut self, block: &PreparedBlock) {
        self.0.extend(beginnings(block));
    }

    pub(super) fn remove(&mut self, block: &PreparedBlock) {
        for beginning in beginnings(block) {
            self.0.remove(&beginning);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// One of them makes this coin. If it is said of another, that one is looked for later than it could be.
    pub(super) fn has(&self, key: &OutPointKey) -> bool {
        self.0.contains(&beginning(key))
    }
}

fn beginnings(block: &PreparedBlock) -> impl Iterator<Item = [u8; 8]> {
    let ids = block.block().txids();
    ids.map(|txid| beginning(txid.as_byte_array()))
}

fn beginning(bytes: &[u8]) -> [u8; 8] {
    *bytes.first_chunk().expect("an id has 32 bytes")
}
