//! What a generation has to write, in the order in which it is written.
//!
//! Records lie in memory as they came. To wait for each of them whenever it is looked at would be most of the time that it takes to
//! sort them: so all are walked once as they lie, for the beginnings of their keys, which decide nearly always; and when
//! they are handed out, many are loaded into the processor's caches at once.

use std::hint::black_box;

use super::{Entry, Layer, Packed, Slot};
use crate::OutPointKey;
use crate::db::value::order;

/// Records that are loaded at once.
const TOGETHER: usize = 64;

/// A record, below the second to fifth bytes of its transaction's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change(u64);

impl Change {
    fn of(beginning: u64, record: u32) -> Self {
        let second_to_fifth = (beginning >> 24) as u32;
        Self(u64::from(second_to_fifth) << 32 | u64::from(record))
    }

    fn record(self) -> u32 {
        self.0 as u32
    }

    fn begins_as(&self, other: &Self) -> bool {
        self.0 >> 32 == other.0 >> 32
    }
}

impl Layer {
    /// What is to be written (`None`: deleted) below, in the order of transaction ids and indexes. It takes 8 bytes for each
    /// change.
    pub(crate) fn sorted_changes(
        &self,
    ) -> impl Iterator<Item = (&OutPointKey, Option<Packed<'_>>)> + '_ {
        self.changes_by_first_byte()
            .into_iter()
            .flat_map(move |mut changes| {
                self.sort(&mut changes);
                (0..changes.len()).map(move |at| {
                    if at % TOGETHER == 0 {
                        let next = changes[at..].iter().take(TOGETHER);
                        self.touch_records(next.map(|change| change.record()));
                    }
                    let record = changes[at].record();
                    let coin = match self.records.entry(record) {
                        Entry::Gone => None,
                        Entry::Coin(coin, _) => Some(coin),
                    };
                    (self.records.key(record), coin)
                })
            })
    }

    fn changes_by_first_byte(&self) -> Vec<Vec<Change>> {
        let share = self.table.len() / 256;
        let mut parts: Vec<Vec<Change>> = (0..=u8::MAX)
            .map(|_| Vec::with_capacity(share + share / 8))
            .collect();
        for record in self.records_as_they_lie() {
            let key = self.records.key(record);
            let beginning = key.first_chunk().expect("36 bytes begin with eight");
            let change = Change::of(u64::from_be_bytes(*beginning), record);
            parts[usize::from(key[0])].push(change);
        }
        parts
    }

    /// Sorts changes of ids that share their first byte.
    fn sort(&self, changes: &mut [Change]) {
        changes.sort_unstable();
        for alike in changes.chunk_by_mut(Change::begins_as) {
            // Nearly always outputs of one transaction.
            if alike.len() > 1 {
                let key = |change: &Change| order(self.records.key(change.record()));
                alike.sort_unstable_by_key(key);
            }
        }
    }

    /// All records that are in use, class by class, in the order of their numbers.
    fn records_as_they_lie(&self) -> impl Iterator<Item = u32> {
        let mut used = self.records.slabs.each_ref().map(|slab| {
            let words = slab.used().div_ceil(u64::BITS) as usize;
            vec![0u64; words]
        });
        for record in self.table.records() {
            let Slot { class, index } = Slot::of(record);
            used[class as usize][(index / u64::BITS) as usize] |= 1 << (index % u64::BITS);
        }
        (0..).zip(used).flat_map(|(class, words)| {
            (0..).zip(words).flat_map(move |(at, word)| {
                bits(word).map(move |bit| {
                    let index = at * u64::BITS + bit;
                    Slot { class, index }.to_u32()
                })
            })
        })
    }

    pub(super) fn touch_records(&self, records: impl Iterator<Item = u32>) {
        let touch = |record| {
            let bytes = self.records.record(record);
            bytes[0] ^ bytes[bytes.len() - 1]
        };
        black_box(records.fold(0, |seen, record| seen ^ touch(record)));
    }
}

/// The numbers of the bits that are set, in order.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}
