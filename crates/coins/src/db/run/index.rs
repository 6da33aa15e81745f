//! Which page of a run has a key.
//!
//! Of the first key of each page it knows the beginning of the transaction's id and the output's index. That says which page has
//! a key, unless there are two transactions whose ids begin alike, which nobody makes by chance.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::super::page::PAGE_SIZE;
use super::super::value::output_of;
use super::beginning;

/// Bytes for each page.
pub(super) const FIRST: usize = 12;

/// What is known of a key: the beginning of its transaction's id, and the output's index. It sorts as keys do, but for ids that
/// begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) beginning: u64,
    pub(super) output: u32,
}

impl Mark {
    #[inline]
    pub(super) fn of(key: &[u8]) -> Self {
        Self {
            beginning: beginning(key),
            output: output_of(key),
        }
    }

    pub(super) fn to_bytes(self) -> [u8; FIRST] {
        let mut bytes = [0; FIRST];
        bytes[..8].copy_from_slice(&self.beginning.to_le_bytes());
        bytes[8..].copy_from_slice(&self.output.to_le_bytes());
        bytes
    }

    #[inline]
    fn read(bytes: &[u8; FIRST]) -> Self {
        let (beginning, output) = bytes.split_first_chunk().expect("twelve bytes");
        let output = output.try_into().expect("four are left");
        Self {
            beginning: u64::from_le_bytes(*beginning),
            output: u32::from_le_bytes(output),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Index<'a> {
    /// Marks of the first keys.
    pub(super) first: &'a [[u8; FIRST]],
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

    /// The page that has a key with this mark, if there is one and no other transaction's id begins alike.
    #[inline]
    pub(super) fn likely(&self, mark: Mark) -> Option<usize> {
        self.up_to(mark).checked_sub(1)
    }

    /// Keys with this beginning may be in other pages than [the likely one](Self::likely).
    pub(super) fn is_shared(&self, likely: Option<usize>, beginning: u64) -> bool {
        let next = likely.map_or(0, |page| page + 1);
        let begins = |page: usize| Some(Mark::read(self.first.get(page)?).beginning);
        begins(next) == Some(beginning) || likely.and_then(begins) == Some(beginning)
    }

    /// The pages that may have keys with this beginning.
    pub(super) fn candidates(&self, beginning: u64) -> Range<usize> {
        let end = self.up_to(Mark {
            beginning,
            output: u32::MAX,
        });
        let is_before = |first: &[u8; FIRST]| Mark::read(first).beginning < beginning;
        // A transaction's outputs may fill many pages, and begin within the one before.
        let begin = match self.first[..end].last() {
            Some(last) if !is_before(last) => self.first[..end].partition_point(is_before),
            _ => end,
        };
        begin.saturating_sub(1)..end
    }

    /// Number of pages whose first key has no greater mark.
    #[inline]
    fn up_to(&self, mark: Mark) -> usize {
        match self.guess(mark.beginning) {
            Ok(guess) => near(self.first, mark, guess),
            Err(Outside::Before) => 0,
            Err(Outside::After) => self.first.len(),
        }
    }

    /// Where the first page with a beginning must be nearby.
    #[inline]
    fn guess(&self, beginning: u64) -> Result<usize, Outside> {
        let first = self.first;
        let (Some(low), Some(high)) = (first.first(), first.last()) else {
            return Err(Outside::Before);
        };
        let (low, high) = (Mark::read(low).beginning, Mark::read(high).beginning);
        if beginning < low {
            Err(Outside::Before)
        } else if beginning < high {
            let share = (beginning - low) as f64 / (high - low) as f64;
            Ok((share * (first.len() - 1) as f64) as usize)
        } else if beginning == high {
            Ok(first.len() - 1)
        } else {
            Err(Outside::After)
        }
    }

    /// Loads where a beginning will be looked for into the processor's caches.
    #[inline]
    pub(super) fn touch(&self, beginning: u64) -> u8 {
        let guess = self.guess(beginning).unwrap_or(0);
        self.first.get(guess).map_or(0, |first| first[0])
    }
}

/// A beginning is not among those of the pages' first keys.
enum Outside {
    Before,
    After,
}

/// Number of marks that are no greater, looked for from a guess on: in growing steps to where it must be, then by
/// halves.
#[inline]
fn near(first: &[[u8; FIRST]], mark: Mark, guess: usize) -> usize {
    let is_before = |at: &[u8; FIRST]| Mark::read(at) <= mark;
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
