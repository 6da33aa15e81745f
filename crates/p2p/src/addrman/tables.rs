//! The two tables, and the one place that changes them.

use std::collections::HashMap;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;
use tipward_primitives::Timestamp;

use super::Counts;
use super::entry::Entry;
use super::places::Places;
use crate::addr::{AddrNetwork, Address, Host};
use crate::netgroup::NetGroup;
use crate::wire::ServiceFlags;

/// Places of one bucket.
pub(super) const BUCKET_SIZE: usize = 64;
pub(super) const NEW_BUCKETS: usize = 1024;
pub(super) const TRIED_BUCKETS: usize = 256;
/// Buckets of *new* that addresses from one source group can come to.
pub(super) const NEW_BUCKETS_PER_SOURCE_GROUP: u64 = 64;
/// Buckets of *tried* that addresses of one group can come to.
pub(super) const TRIED_BUCKETS_PER_GROUP: u64 = 8;

/// Names an entry as long as it lives; used again afterwards.
pub(super) type Id = u32;
/// No entry.
pub(super) const EMPTY: Id = Id::MAX;

/// The entries, and where they stand.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) key: [u8; 16],
    entries: Vec<Option<Entry>>,
    free: Vec<Id>,
    by_addr: HashMap<Address, Id>,
    /// All entries in an order that drawing samples keeps shuffling.
    order: Vec<Id>,
    new: Places,
    tried: Places,
    counts: [Counts; AddrNetwork::ALL.len()],
}

impl Tables {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            entries: Vec::new(),
            free: Vec::new(),
            by_addr: HashMap::new(),
            order: Vec::new(),
            new: Places::new(NEW_BUCKETS),
            tried: Places::new(TRIED_BUCKETS),
            counts: Default::default(),
        }
    }

    pub(super) const fn buckets(tried: bool) -> usize {
        if tried { TRIED_BUCKETS } else { NEW_BUCKETS }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn counts(&self, network: AddrNetwork) -> Counts {
        self.counts[network as usize]
    }

    fn counts_mut(&mut self, id: Id) -> &mut Counts {
        let network = self.get(id).addr.network();
        &mut self.counts[network as usize]
    }

    pub(super) fn find(&self, addr: &Address) -> Option<Id> {
        self.by_addr.get(addr).copied()
    }

    /// Ids come from these tables and are forgotten when their entry is deleted.
    pub(super) fn get(&self, id: Id) -> &Entry {
        self.entries[id as usize]
            .as_ref()
            .expect("an id is kept only as long as its entry")
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Entry {
        self.entries[id as usize]
            .as_mut()
            .expect("an id is kept only as long as its entry")
    }

    fn places(&self, tried: bool) -> &Places {
        if tried { &self.tried } else { &self.new }
    }

    pub(super) fn is_bucket_empty(&self, tried: bool, bucket: usize) -> bool {
        self.places(tried).is_bucket_empty(bucket)
    }

    pub(super) fn occupant(&self, tried: bool, bucket: usize, place: usize) -> Option<Id> {
        let id = self.places(tried)[bucket * BUCKET_SIZE + place];
        (id != EMPTY).then_some(id)
    }

    /// Swaps the entry at `pick` to place `n` of the random order and gives it.
    pub(super) fn draw(&mut self, n: usize, pick: usize) -> &Entry {
        self.swap_order(n, pick);
        self.get(self.order[n])
    }

    /// A new entry, which must be placed at once.
    pub(super) fn create(
        &mut self,
        addr: Address,
        services: ServiceFlags,
        source: Host,
        seen: Timestamp,
    ) -> Id {
        let entry = Entry {
            addr,
            services,
            seen,
            source,
            last_success: Timestamp::default(),
            last_try: Timestamp::default(),
            last_counted_attempt: Timestamp::default(),
            attempts: 0,
            refs: 0,
            tried: false,
            order: self.order.len(),
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = Some(entry);
                id
            }
            None => {
                self.entries.push(Some(entry));
                (self.entries.len() - 1) as Id
            }
        };
        self.order.push(id);
        self.by_addr.insert(addr, id);
        self.counts_mut(id).new += 1;
        id
    }

    /// Gives an entry of *new* (or a just created one) the place that this source earns it, if that place is free or its
    /// occupant is worth less. An entry that is left without any place is deleted.
    pub(super) fn place_new(&mut self, id: Id, source: Host, now: Timestamp) -> bool {
        let slot = self.new_slot(self.get(id), source);
        let occupant = self.new[slot];
        if occupant == id {
            return false;
        }
        let refs = self.get(id).refs;
        if occupant != EMPTY {
            let old = self.get(occupant);
            if !(old.is_terrible(now) || (old.refs > 1 && refs == 0)) {
                if refs == 0 {
                    self.delete(id);
                }
                return false;
            }
            self.clear_new(slot);
        }
        self.new.set(slot, id);
        self.get_mut(id).refs += 1;
        true
    }

    /// Puts an entry that was read from a file back into one bucket of *new*. Says whether the place was free.
    pub(super) fn restore_new(&mut self, id: Id, bucket: usize) -> bool {
        let entry = self.get(id);
        let slot = bucket * BUCKET_SIZE + self.place(&entry.addr, b'N', bucket);
        if self.new[slot] != EMPTY {
            return false;
        }
        self.new.set(slot, id);
        self.get_mut(id).refs += 1;
        true
    }

    /// The buckets of *new* in which each entry stands, by id.
    pub(super) fn new_buckets(&self) -> Vec<Vec<u16>> {
        let mut buckets = vec![Vec::new(); self.entries.len()];
        for (slot, id) in self.new.occupied() {
            buckets[id as usize].push((slot / BUCKET_SIZE) as u16);
        }
        buckets
    }

    /// Who stands in *tried* where this entry belongs.
    pub(super) fn tried_occupant(&self, id: Id) -> Option<Id> {
        let slot = self.tried_slot(&self.get(id).addr);
        Some(self.tried[slot]).filter(|id| *id != EMPTY)
    }

    /// Moves an entry from *new* to *tried*. Who stands there goes back to *new*, to the place that its first source
    /// earned it.
    pub(super) fn move_to_tried(&mut self, id: Id) {
        let Entry { addr, source, .. } = *self.get(id);
        let start = self.new_bucket(&addr, source);
        for n in 0..NEW_BUCKETS {
            let bucket = (start + n) % NEW_BUCKETS;
            let slot = bucket * BUCKET_SIZE + self.place(&addr, b'N', bucket);
            if self.new[slot] == id {
                self.new.set(slot, EMPTY);
                let entry = self.get_mut(id);
                entry.refs -= 1;
                if entry.refs == 0 {
                    break;
                }
            }
        }
        self.counts_mut(id).new -= 1;

        let slot = self.tried_slot(&self.get(id).addr);
        let evicted = self.tried[slot];
        if evicted != EMPTY {
            self.counts_mut(evicted).tried -= 1;
            self.counts_mut(evicted).new += 1;
            let old = self.get_mut(evicted);
            old.tried = false;
            old.refs = 1;
            let old = *old;
            let new_slot = self.new_slot(&old, old.source);
            if self.new[new_slot] != EMPTY {
                self.clear_new(new_slot);
            }
            self.new.set(new_slot, evicted);
        }
        self.tried.set(slot, id);
        self.get_mut(id).tried = true;
        self.counts_mut(id).tried += 1;
    }

    /// Empties an occupied place of *new*. If it was its occupant's last one, the occupant is deleted.
    fn clear_new(&mut self, slot: usize) {
        let id = self.new.set(slot, EMPTY);
        let entry = self.get_mut(id);
        entry.refs -= 1;
        if entry.refs == 0 {
            self.delete(id);
        }
    }

    /// Forgets an entry that has no place left.
    fn delete(&mut self, id: Id) {
        let entry = *self.get(id);
        self.swap_order(entry.order, self.order.len() - 1);
        self.order.pop();
        self.counts_mut(id).new -= 1;
        self.by_addr.remove(&entry.addr);
        self.entries[id as usize] = None;
        self.free.push(id);
    }

    fn swap_order(&mut self, a: usize, b: usize) {
        self.order.swap(a, b);
        for at in [a, b] {
            self.get_mut(self.order[at]).order = at;
        }
    }

    /// The entries of one table, each once, in an order that follows from the tables alone.
    pub(super) fn entries(&self, tried: bool) -> impl Iterator<Item = (Id, &Entry)> {
        self.entries
            .iter()
            .zip(0..)
            .filter_map(|(e, id)| Some((id, e.as_ref()?)))
            .filter(move |(_, e)| e.tried == tried)
    }

    fn new_slot(&self, entry: &Entry, source: Host) -> usize {
        let bucket = self.new_bucket(&entry.addr, source);
        bucket * BUCKET_SIZE + self.place(&entry.addr, b'N', bucket)
    }

    fn tried_slot(&self, addr: &Address) -> usize {
        let bucket = self.tried_bucket(addr);
        bucket * BUCKET_SIZE + self.place(addr, b'T', bucket)
    }

    /// First one of the 64 buckets of the source's group by the address's group, then that bucket's number.
    pub(super) fn new_bucket(&self, addr: &Address, source: Host) -> usize {
        let source = NetGroup::of(&source);
        let group = NetGroup::of(&addr.host);
        let nth = self.hash(&[b"new group", group.as_bytes(), source.as_bytes()]);
        let nth = nth % NEW_BUCKETS_PER_SOURCE_GROUP;
        let bucket = self.hash(&[b"new bucket", source.as_bytes(), &nth.to_le_bytes()]);
        (bucket % NEW_BUCKETS as u64) as usize
    }

    /// First one of the 8 buckets of the address's group by the whole address, then that bucket's number.
    pub(super) fn tried_bucket(&self, addr: &Address) -> usize {
        let nth = self.hash(&[b"tried address", &addr.key()]) % TRIED_BUCKETS_PER_GROUP;
        let group = NetGroup::of(&addr.host);
        let bucket = self.hash(&[b"tried bucket", group.as_bytes(), &nth.to_le_bytes()]);
        (bucket % TRIED_BUCKETS as u64) as usize
    }

    fn place(&self, addr: &Address, table: u8, bucket: usize) -> usize {
        let bucket = (bucket as u64).to_le_bytes();
        (self.hash(&[&[table], &bucket, &addr.key()]) % BUCKET_SIZE as u64) as usize
    }

    /// A keyed hash of a label and fields of fixed length.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        for part in parts {
            hasher.write(part);
        }
        hasher.finish()
    }

    /// Puts a restored entry into *tried* if its place is free.
    pub(super) fn restore_tried(&mut self, id: Id) -> bool {
        let slot = self.tried_slot(&self.get(id).addr);
        if self.tried[slot] != EMPTY {
            return false;
        }
        self.tried.set(slot, id);
        self.get_mut(id).tried = true;
        let counts = self.counts_mut(id);
        counts.new -= 1;
        counts.tried += 1;
        true
    }
}

#[cfg(test)]
impl Tables {
    /// Asserts all that must hold between the tables, the entries, the order and the counts.
    pub(super) fn check(&self) {
        use super::entry::MAX_REFS;

        let mut refs = vec![(0, 0); self.entries.len()];
        for (slot, id) in self.new.occupied() {
            refs[id as usize].0 += 1;
            let bucket = slot / BUCKET_SIZE;
            let place = self.place(&self.get(id).addr, b'N', bucket);
            assert_eq!(slot % BUCKET_SIZE, place);
        }
        for (slot, id) in self.tried.occupied() {
            refs[id as usize].1 += 1;
            assert_eq!(slot, self.tried_slot(&self.get(id).addr));
        }
        for (places, taken) in self.new.buckets().chain(self.tried.buckets()) {
            let occupied = places.iter().filter(|id| **id != EMPTY).count();
            assert_eq!(usize::from(taken), occupied);
        }
        let mut counts = [Counts::default(); AddrNetwork::ALL.len()];
        let mut live = 0;
        for (id, entry) in self.entries.iter().enumerate() {
            let Some(entry) = entry else {
                assert!(self.free.contains(&(id as Id)));
                assert_eq!(refs[id], (0, 0));
                continue;
            };
            live += 1;
            assert_eq!(refs[id], (entry.refs, u8::from(entry.tried)));
            assert_ne!(entry.refs > 0, entry.tried, "in exactly one table");
            assert!(entry.refs <= MAX_REFS);
            assert_eq!(self.order[entry.order], id as Id);
            assert_eq!(self.by_addr[&entry.addr], id as Id);
            assert!(!entry.tried || entry.last_success > Timestamp::default());
            let count = &mut counts[entry.addr.network() as usize];
            if entry.tried {
                count.tried += 1;
            } else {
                count.new += 1;
            }
        }
        assert_eq!(self.order.len(), live);
        assert_eq!(self.by_addr.len(), live);
        assert_eq!(self.free.len(), self.entries.len() - live);
        assert_eq!(self.counts, counts);
    }

    /// How many buckets of a table hold an entry that `which` picks, and how many places those entries take.
    pub(super) fn share(&self, tried: bool, which: impl Fn(&Entry) -> bool) -> (usize, usize) {
        let per_bucket = self.places(tried).buckets().map(|(bucket, _)| {
            let occupied = bucket.iter().filter(|id| **id != EMPTY);
            occupied.filter(|id| which(self.get(**id))).count()
        });
        let filled: Vec<usize> = per_bucket.filter(|n| *n > 0).collect();
        (filled.len(), filled.iter().sum())
    }
}
