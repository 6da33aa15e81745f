//! The tree as it is between two changes.

use std::hint::black_box;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::DbState;
use super::super::filter::KeyBits;
use super::super::manifest::{Listed, Manifest};
use super::super::page::{Entry, Page};
use super::super::run::{Merge, Run, beginning};
use super::ReadAhead;
use crate::CoinsError;

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(super) tip: DbState,
    /// The oldest first.
    pub(super) above: Vec<Above>,
    /// In the order of keys; the first begins at 0.
    pub(super) parts: Vec<Part>,
}

/// A run above the last level.
#[derive(Clone, Debug)]
pub(super) struct Above {
    pub(super) run: Arc<Run>,
    /// What begins below this is in the last level already.
    pub(super) from: u64,
}

/// A piece of the last level, up to where the next begins.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) run: Arc<Run>,
    pub(super) from: u64,
}

impl Version {
    pub(super) fn open(dir: &Path, manifest: &Manifest) -> Result<Self, CoinsError> {
        let open = |listed: &Listed| Run::open(dir, listed.id, listed.size).map(Arc::new);
        let part = |listed: &Listed| {
            Ok(Part {
                run: open(listed)?,
                from: listed.from,
            })
        };
        let above = |listed: &Listed| {
            Ok(Above {
                run: open(listed)?,
                from: listed.from,
            })
        };
        Ok(Self {
            tip: manifest.tip,
            parts: manifest
                .parts
                .iter()
                .map(part)
                .collect::<Result<_, CoinsError>>()?,
            above: manifest
                .runs
                .iter()
                .map(above)
                .collect::<Result<_, CoinsError>>()?,
        })
    }

    pub(super) fn manifest(&self, next: u64) -> Manifest {
        let listed = |run: &Run, from: u64| Listed {
            id: run.id(),
            size: run.size(),
            from,
        };
        Manifest {
            tip: self.tip,
            next,
            parts: self.parts.iter().map(|p| listed(&p.run, p.from)).collect(),
            runs: self.above.iter().map(|a| listed(&a.run, a.from)).collect(),
        }
    }

    /// Which block the coins are of.
    pub(crate) fn state(&self) -> DbState {
        self.tip
    }

    /// No coin is there, nor a note of one.
    pub(crate) fn is_empty(&self) -> bool {
        self.above.is_empty() && self.parts.is_empty()
    }

    /// Runs above the last level.
    pub(super) fn runs(&self) -> usize {
        self.above.len()
    }

    fn files(&self) -> impl Iterator<Item = &Arc<Run>> {
        let parts = self.parts.iter().map(|part| &part.run);
        parts.chain(self.above.iter().map(|above| &above.run))
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> u64 {
        self.files().map(|run| run.size()).sum()
    }

    /// This one with what was written since.
    pub(super) fn with_run(&self, tip: DbState, run: Option<Arc<Run>>) -> Self {
        let mut version = Self {
            tip,
            ..self.clone()
        };
        if let Some(run) = run {
            if self.is_empty() {
                version.parts.push(Part { run, from: 0 });
            } else {
                version.above.push(Above { run, from: 0 });
            }
        }
        version
    }

    /// Keeps all its files.
    pub(super) fn keep(&self) {
        self.files().for_each(|run| run.keep());
    }

    /// Has all files deleted that another version has no more.
    pub(super) fn retire_all_but(&self, later: &Self) {
        for run in self.files() {
            if !later.files().any(|kept| kept.id() == run.id()) {
                run.retire();
            }
        }
    }

    /// The value of a key, if there is a coin.
    ///
    /// # Errors
    ///
    /// If a page where it would be is damaged.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, CoinsError> {
        let begins = beginning(key);
        if !self.above.is_empty() {
            let bits = KeyBits::of(key);
            for Above { run, from } in self.above.iter().rev() {
                if begins >= *from
                    && run.filter().may_have(bits)
                    && let Some(entry) = run.get(key)?
                {
                    return Ok(Some(entry.value()).filter(|value| !value.is_empty()));
                }
            }
        }
        let entry = match self.part_of(begins) {
            Some(part) => self.parts[part].run.get(key)?,
            None => None,
        };
        Ok(entry.map(|entry: Entry<'_>| entry.value()))
    }

    /// Looks many keys up: calls `each` with the number and the value of those for which there is a coin, in their order.
    ///
    /// To look a coin up is to wait for memory four times over: for filters, index, the page's directory, the entry. The
    /// processor waits for many at once if nothing stands between them that needs one of them: hence these loops, which only touch
    /// what is needed next of every key.
    ///
    /// # Errors
    ///
    /// As [`Self::get`], or as `each`.
    pub(crate) fn get_all(
        &self,
        keys: &[impl Deref<Target = [u8]>],
        ahead: &ReadAhead,
        mut each: impl FnMut(usize, &[u8]) -> Result<(), CoinsError>,
    ) -> Result<(), CoinsError> {
        let runs = self.guesses(keys);
        let mut seen = 0;
        for (key, run) in keys.iter().zip(&runs) {
            seen ^= run.map_or(0, |run| run.touch_index(key));
        }
        let pages: Vec<Option<(&Run, &[u8])>> = keys
            .iter()
            .zip(runs)
            .map(|(key, run)| run.and_then(|run| Some((run, run.likely_page_of(key)?))))
            .collect();
        let began = Instant::now();
        if ahead.is_worth_it() {
            for (run, page) in pages.iter().flatten() {
                run.read_ahead(page);
            }
        }
        for (_, page) in pages.iter().flatten() {
            seen ^= Page::touch_directory(page);
        }
        ahead.took(keys.len(), began.elapsed());
        for (key, page) in keys.iter().zip(&pages) {
            seen ^= page.map_or(0, |(_, page)| Page::new(page).touch_entry(key));
        }
        black_box(seen);
        for (number, (key, page)) in keys.iter().zip(pages).enumerate() {
            let value = match page {
                Some((run, page)) => match run.get_in(page, key)? {
                    Some(entry) => Some(entry.value()).filter(|value| !value.is_empty()),
                    // The filter was wrong: it may be in another run.
                    None if run.has_filter() => self.get(key)?,
                    // The last level is asked when no filter says yes.
                    None => run.get_elsewhere(key)?.map(|entry| entry.value()),
                },
                None => self.get(key)?,
            };
            if let Some(value) = value {
                each(number, value)?;
            }
        }
        Ok(())
    }

    /// The runs where keys most likely are.
    fn guesses(&self, keys: &[impl Deref<Target = [u8]>]) -> Vec<Option<&Run>> {
        let of_key = |key: &[u8]| (beginning(key), KeyBits::of(key));
        let of_keys: Vec<(u64, KeyBits)> = keys.iter().map(|key| of_key(key)).collect();
        // Of the runs above, counted from 1, the newest that may have the key.
        let mut newest = vec![0; keys.len()];
        for (number, Above { run, from }) in (1..).zip(&self.above) {
            let filter = run.filter();
            for ((begins, bits), newest) in of_keys.iter().zip(&mut newest) {
                // Nothing is decided here that the processor would have to foresee, so that it goes on to the next key.
                let may_have = (begins >= from) & filter.may_have(*bits);
                *newest = if may_have { number } else { *newest };
            }
        }
        let run = |(newest, (begins, _)): (usize, &(u64, KeyBits))| match newest.checked_sub(1) {
            Some(number) => Some(&*self.above[number].run),
            None => self.part_of(*begins).map(|part| &*self.parts[part].run),
        };
        newest.into_iter().zip(&of_keys).map(run).collect()
    }

    /// The number of the part that keys with a beginning are in, if there is a last level.
    pub(super) fn part_of(&self, beginning: u64) -> Option<usize> {
        let after = self.parts.partition_point(|part| part.from <= beginning);
        after.checked_sub(1)
    }

    /// All entries from a key on, those for coins that are gone included.
    pub(crate) fn from(&self, key: &[u8]) -> Result<Scan<'_>, CoinsError> {
        let above = self.above.iter().rev().map(|above| &above.run);
        let part = self.part_of(beginning(key));
        let runs = above.chain(part.map(|part| &self.parts[part].run));
        Ok(Scan {
            merge: Merge::at(runs.cloned(), key)?,
            parts: &self.parts[part.map_or(0, |part| part + 1)..],
        })
    }
}

/// A walk along all coins.
pub(crate) struct Scan<'a> {
    /// The runs above, and one part.
    merge: Merge,
    /// The parts that follow.
    parts: &'a [Part],
}

impl Scan<'_> {
    /// The entry, until the end.
    pub(crate) fn entry(&mut self) -> Result<Option<Entry<'_>>, CoinsError> {
        while self.merge.oldest_is_at_end()
            && let Some((next, rest)) = self.parts.split_first()
        {
            self.merge.replace_oldest(Arc::clone(&next.run))?;
            self.parts = rest;
        }
        Ok(self.merge.entry())
    }

    /// Goes to the next entry.
    pub(crate) fn advance(&mut self) -> Result<(), CoinsError> {
        self.merge.advance()
    }
}
