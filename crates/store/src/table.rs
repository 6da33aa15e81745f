//! A hash table for many small entries: open addressing with linear probing, grown by a quarter at a time, so that a
//! million blocks take about 30 MB, and a growth step copies only one shard of the index.

/// Where a frame lies, under 8 bytes of its salted hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// In two halves, so that an entry has 24 bytes and an alignment of four.
    tag: [u32; 2],
    pub(crate) file: u32,
    pub(crate) offset: u32,
    /// Zero in a free slot: no frame is empty.
    pub(crate) size: u32,
    /// CRC-32C of a block; of undo data, 32 more bits of its block's salted hash.
    pub(crate) check: u32,
}

impl Entry {
    pub(crate) fn new(tag: u64, file: u32, offset: u32, size: u32, check: u32) -> Self {
        debug_assert!(size > 0);
        Self {
            tag: [tag as u32, (tag >> 32) as u32],
            file,
            offset,
            size,
            check,
        }
    }

    /// The tag that it was made with.
    pub(crate) fn tag(&self) -> u64 {
        u64::from(self.tag[0]) | u64::from(self.tag[1]) << 32
    }
}

/// The table. Two entries may have the same tag.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Box<[Entry]>,
    used: usize,
}

impl Table {
    /// Slots for each entry at the fullest: 8/7, at which a search that finds nothing looks at some 30 neighbours.
    const FULL: (usize, usize) = (7, 8);

    /// Number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Bytes that the slots take.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val::<[Entry]>(&self.slots)
    }

    /// Makes room for `entries` in all.
    pub(crate) fn reserve(&mut self, entries: usize) {
        let slots = entries * Self::FULL.1 / Self::FULL.0 + 1;
        if slots > self.slots.len() {
            self.resize(slots);
        }
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        if (self.used + 1) * Self::FULL.1 > self.slots.len() * Self::FULL.0 {
            self.resize(self.slots.len() * 5 / 4 + 8);
        }
        self.place(entry);
        self.used += 1;
    }

    /// All entries with this tag.
    pub(crate) fn get(&self, tag: u64) -> impl Iterator<Item = Entry> {
        let len = self.slots.len();
        (0..len)
            .map(move |i| &self.slots[(self.home(tag) + i) % len])
            .take_while(|slot| slot.size > 0)
            .filter(move |slot| slot.tag() == tag)
            .copied()
    }

    /// All entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().filter(|entry| entry.size > 0)
    }

    /// Drops the entries that are not to be kept, and the room that they took.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let slots = std::mem::take(&mut self.slots);
        let kept: Vec<Entry> = slots
            .into_iter()
            .filter(|entry| entry.size > 0 && keep(entry))
            .collect();
        self.used = 0;
        self.reserve(kept.len());
        for entry in kept {
            self.insert(entry);
        }
    }

    /// The slot at which the search for a tag begins. The low half of the tag is spread over all slots by one
    /// multiplication; the high half chose the shard.
    fn home(&self, tag: u64) -> usize {
        ((u64::from(tag as u32) * self.slots.len() as u64) >> 32) as usize
    }

    fn place(&mut self, entry: Entry) {
        let len = self.slots.len();
        let mut slot = self.home(entry.tag());
        while self.slots[slot].size > 0 {
            slot = (slot + 1) % len;
        }
        self.slots[slot] = entry;
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Entry::default(); slots].into());
        for entry in old.into_iter().filter(|e| e.size > 0) {
            self.place(entry);
        }
    }
}

#[cfg(test)]
mod tests;
