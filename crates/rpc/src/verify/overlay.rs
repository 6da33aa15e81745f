use std::collections::HashMap;

use tipward_primitives::bitcoin::OutPoint;

use crate::{CoinSet, CoinValue};

/// A coin set, and changes to it that are only in memory.
pub(super) struct Overlay<'a> {
    below: &'a dyn CoinSet,
    /// `None` where a coin was taken away.
    changes: HashMap<OutPoint, Option<CoinValue>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(below: &'a dyn CoinSet) -> Self {
        Self {
            below,
            changes: HashMap::new(),
        }
    }

    /// How many coins are changed.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn get(&self, outpoint: &OutPoint) -> Result<Option<CoinValue>, String> {
        match self.changes.get(outpoint) {
            Some(coin) => Ok(coin.clone()),
            None => self.below.get(outpoint).map_err(|fault| fault.what),
        }
    }

    /// Takes a coin away, and gives it.
    pub(super) fn take(&mut self, outpoint: OutPoint) -> Result<Option<CoinValue>, String> {
        let coin = self.get(&outpoint)?;
        self.changes.insert(outpoint, None);
        Ok(coin)
    }

    /// Puts a coin in; gives the one that was there.
    pub(super) fn put(
        &mut self,
        outpoint: OutPoint,
        coin: CoinValue,
    ) -> Result<Option<CoinValue>, String> {
        let before = self.get(&outpoint)?;
        self.changes.insert(outpoint, Some(coin));
        Ok(before)
    }
}
