//! Which page of a run has a key.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::super::page::PAGE_SIZE;

#[derive(Clone, Copy, Debug)]
pub(super) struct Index<'a> {
    /// Beginnings of the first keys.
    pub(super) first: &'a [[u8; 8]],
    /// Where each page begins and the last ends, in [`PAGE_SIZE`]; none if all have that size.
    pub(super) places: &'a [[u8; 4]],
}

impl Index<'_> {
    /// Number of pages.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    /// Where a page is in the file.
    #[inline]
    pub(super) fn place(&self, page: usize) -> Range<usize> {
        let at = |page: usize| match self.places.get(page) {
            Some(place) => u32::from_le_bytes(*place) as usize * PAGE_SIZE,
            None => page * PAGE_SIZE,
        };
        at(page)..at(page + 1)
    }

    /// The pages that may have keys with this beginning: nearly always one.
    #[inline]
    pub(super) fn candidates(&self, beginning: u64) -> Range<usize> {
        let end = self.up_to(beginning);
        let mut begin = end.saturating_sub(1);
        // A transaction's outputs may fill many pages, and begin within the one before.
        if end > 0 && u64::from_le_bytes(self.first[begin]) == beginning {
            begin = self.first[..begin]
                .partition_point(|first| u64::from_le_bytes(*first) < beginning)
                .saturating_sub(1);
        }
        begin..end
    }

    /// Number of pages whose first key begins with no more than this.
    #[inline]
    fn up_to(&self, beginning: u64) -> usize {
        match self.guess(beginning) {
            Ok(guess) => near(self.first, beginning, guess),
            Err(known) => known,
        }
    }

    /// Where it must be nearby, or, outside of what the pages have, the number itself.
    #[inline]
    fn guess(&self, beginning: u64) -> Result<usize, usize> {
        let first = self.first;
        let (Some(low), Some(high)) = (first.first(), first.last()) else {
            return Err(0);
        };
        let (low, high) = (u64::from_le_bytes(*low), u64::from_le_bytes(*high));
        if beginning < low {
            Err(0)
        } else if beginning < high {
            let share = (beginning - low) as f64 / (high - low) as f64;
            Ok((share * (first.len() - 1) as f64) as usize)
        } else {
            Err(first.len())
        }
    }

    /// Loads where a beginning will be looked for into the processor's caches.
    #[inline]
    pub(super) fn touch(&self, beginning: u64) -> u8 {
        let guess = self.guess(beginning).unwrap_or(0);
        self.first.get(guess).map_or(0, |first| first[0])
    }
}

/// Number of beginnings that are no more than this, looked for from a guess on: in growing steps to where it must be, then by
/// halves.
#[inline]
fn near(first: &[[u8; 8]], beginning: u64, guess: usize) -> usize {
    let is_before = |at: &[u8; 8]| u64::from_le_bytes(*at) <= beginning;
    let within = |from: usize, to: usize| from + first[from..to].partition_point(is_before);
    let mut step = 4;
    let mut at = guess.min(first.len() - 1);
    if is_before(&first[at]) {
        loop {
            let to = (at + step).min(first.len());
            if to == first.len() || !is_before(&first[to]) {
                return within(at, to);
            }
            (at, step) = (to, step * 4);
        }
    }
    loop {
        let from = at.saturating_sub(step);
        if from == 0 || is_before(&first[from]) {
            return within(from, at);
        }
        (at, step) = (from, step * 4);
    }
}
