//! The places of one table, and how many of each bucket are taken.

use std::ops::Index;

use super::tables::{BUCKET_SIZE, EMPTY, Id};

/// Buckets with [`BUCKET_SIZE`] places each, numbered through; a place holds an entry's id, or [`EMPTY`].
#[derive(Debug)]
pub(super) struct Places {
    ids: Box<[Id]>,
    /// Places of each bucket that are taken. Of a few addresses nearly all buckets are empty, and whoever draws one at random
    /// should see that at a glance.
    taken: Box<[u8]>,
}

impl Places {
    pub(super) fn new(buckets: usize) -> Self {
        Self {
            ids: vec![EMPTY; buckets * BUCKET_SIZE].into(),
            taken: vec![0; buckets].into(),
        }
    }

    /// Puts an id, or nothing, into a place. Gives what was there.
    pub(super) fn set(&mut self, slot: usize, id: Id) -> Id {
        let before = std::mem::replace(&mut self.ids[slot], id);
        let taken = &mut self.taken[slot / BUCKET_SIZE];
        *taken -= u8::from(before != EMPTY);
        *taken += u8::from(id != EMPTY);
        before
    }

    pub(super) fn is_bucket_empty(&self, bucket: usize) -> bool {
        self.taken[bucket] == 0
    }

    /// The places that are taken.
    pub(super) fn occupied(&self) -> impl Iterator<Item = (usize, Id)> {
        let places = self.ids.iter().copied().enumerate();
        places.filter(|(_, id)| *id != EMPTY)
    }

    /// The places of each bucket, and how many of them are said to be taken.
    #[cfg(test)]
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&[Id], u8)> {
        self.ids.chunks(BUCKET_SIZE).zip(self.taken.iter().copied())
    }
}

impl Index<usize> for Places {
    type Output = Id;

    fn index(&self, slot: usize) -> &Id {
        &self.ids[slot]
    }
}
