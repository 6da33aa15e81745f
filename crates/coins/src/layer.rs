//! One generation of the set in memory.
//!
//! ```text
//!   table
//!     hash of the outpoint ──> record: class (3 bits) | number (29 bits)
//!                                       │
//!   slabs: one a class                  v
//!     gone      outpoint
//!     others    outpoint | height * 2 + coinbase | value | kind and state | room for the script's short form
//! ```
//!
//! # Memory
//!
//! A coin takes its record and its share of the table: 8 bytes for each slot, of which three in eight to three in four are
//! in use. So a P2WPKH, P2PKH or P2SH coin takes 69 + 11 to 21 bytes, a P2TR, P2WSH or P2PK coin 81 + 11 to 21, and one that
//! is gone 36 + 11 to 21. Nothing is allocated for a single coin, unless its script is of no known kind and over 105 bytes.
//!
//! The table grows by being copied to one twice its size. Both are walked in order, so that a million coins take a few
//! milliseconds, and for that time there are both.
//!
//! # Hashes
//!
//! Outpoints come from strangers, who can try ids until many share a part, so they are found by a keyed hash: SipHash-1-3 with a key that is new in each process. It costs about as much as a tenth of the cache misses of a
//! look-up, and unlike faster hashes it makes a promise against those who see how long we take.

mod changes;
#[cfg(test)]
mod tests;

use std::hint::black_box;

use siphasher::sip::SipHasher13;

use crate::form::{Form, Kind};
use crate::slab::Slab;
use crate::table::Table;
use crate::{Coin, OutPointKey, SpentCoins};

/// Bytes of an outpoint.
const KEY: usize = size_of::<OutPointKey>();
/// Bytes of a coin's record before the script.
const HEAD: usize = KEY + 4 + 8 + 1;

/// The room for the script in a record of each class; 0: the coin is gone.
///
/// 20 and 32 hold the payloads of the known kinds. Of other scripts one more byte says the size: 72 holds an uncompressed
/// public key or a bare 1-of-2, 106 a bare 1-of-3.
const ROOM: [usize; 6] = [0, 20, 32, 72, 106, LARGE_ROOM];
const GONE: u32 = 0;
/// The script is elsewhere; its number is in the record.
const LARGE: u32 = 5;
const LARGE_ROOM: usize = 4;

/// The class, plus one so that no record is zero, stands above the number.
const CLASS_SHIFT: u32 = 29;

/// Whether two outpoints are the same: five words, where a call to compare bytes would cost more than they do.
#[inline]
fn same(a: &OutPointKey, b: &OutPointKey) -> bool {
    let words = |key: &OutPointKey| {
        let (eights, _) = key.as_chunks::<8>();
        let last: [u8; 4] = *key.last_chunk().expect("36 bytes end with four");
        let eight = |at: usize| u64::from_ne_bytes(eights[at]);
        (
            eight(0),
            eight(1),
            eight(2),
            eight(3),
            u32::from_ne_bytes(last),
        )
    };
    words(a) == words(b)
}

/// Key of the hash that places outpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salt(SipHasher13);

impl Salt {
    pub(crate) fn random() -> Self {
        Self(SipHasher13::new_with_keys(rand::random(), rand::random()))
    }

    pub(crate) fn hash(&self, key: &OutPointKey) -> u64 {
        self.0.hash(key)
    }
}

/// A coin with its script in the short form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed<'a> {
    pub(crate) code: u32,
    pub(crate) value: u64,
    pub(crate) form: Form<'a>,
}

impl<'a> Packed<'a> {
    pub(crate) fn of(coin: &Coin<'a>) -> Self {
        Self {
            code: coin.code(),
            value: coin.value,
            form: Form::of(coin.script),
        }
    }

    /// Appends the coin, with its script as it is.
    #[inline]
    fn push_to(&self, to: &mut SpentCoins) {
        to.push_with(self.code, self.value, |scripts| self.form.expand(scripts));
    }
}

/// What a generation knows of an outpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// The coin is gone, which those below need not know yet.
    Gone,
    Coin(Packed<'a>, State),
}

impl Entry<'_> {
    /// Appends the coin, if it is not gone; says whether it is not.
    #[inline]
    pub(crate) fn push_to(&self, to: &mut SpentCoins) -> bool {
        match self {
            Self::Gone => false,
            Self::Coin(coin, _) => {
                coin.push_to(to);
                true
            }
        }
    }
}

/// How a coin, which is to be written, relates to what is below its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Something else may be below.
    Dirty = 1,
    /// Below there is no coin: once spent it leaves no trace.
    Fresh = 2,
}

#[derive(Debug)]
pub(crate) struct Layer {
    table: Table,
    records: Records,
}

/// A place in the slabs.
#[derive(Clone, Copy, Debug)]
struct Slot {
    class: u32,
    index: u32,
}

impl Slot {
    #[inline]
    fn of(record: u32) -> Self {
        Self {
            class: (record >> CLASS_SHIFT) - 1,
            index: record & ((1 << CLASS_SHIFT) - 1),
        }
    }

    #[inline]
    fn to_u32(self) -> u32 {
        assert!(
            self.index >> CLASS_SHIFT == 0,
            "half a billion coins of one size take more memory than a cache may use"
        );
        (self.class + 1) << CLASS_SHIFT | self.index
    }
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self {
            table: Table::new(),
            records: Records::default(),
        }
    }

    /// Where an outpoint stands in the table, or would.
    #[inline]
    fn place(&self, hash: u64, key: &OutPointKey) -> Result<usize, usize> {
        self.table
            .find(hash, |record| same(self.records.key(record), key))
    }

    /// What it knows of an outpoint, whose hash is `hash`.
    pub(crate) fn get(&self, hash: u64, key: &OutPointKey) -> Option<Entry<'_>> {
        let at = self.place(hash, key).ok()?;
        Some(self.records.entry(self.table.record(at)))
    }

    /// Something is known of an outpoint with this hash: nearly always of the one that is meant.
    #[inline]
    pub(crate) fn has_like(&self, hash: u64) -> bool {
        self.table.find(hash, |_| true).is_ok()
    }

    /// Loads where outpoints with these hashes are looked for into the processor's caches.
    #[inline]
    pub(crate) fn touch_places(&self, hashes: impl Iterator<Item = u64>) {
        black_box(hashes.fold(0, |seen, hash| seen ^ self.table.touch(hash)));
    }

    /// Loads what is known of outpoints with these hashes into the processor's caches: it is for speed alone.
    ///
    /// A coin is some cache lines anywhere in memory, and to wait for them is most of what it costs to find it. The
    /// processor waits for many at once if nothing stands between them that needs one of them: hence these loops, which
    /// look at every outpoint before anything is done with the first.
    pub(crate) fn touch(&self, hashes: impl Iterator<Item = u64> + Clone) {
        self.touch_places(hashes.clone());
        // The records that probably are theirs, found without a look at them.
        let guess = |hash| self.table.find(hash, |_| true).ok();
        let guesses: Vec<u32> = hashes
            .filter_map(guess)
            .map(|at| self.table.record(at))
            .collect();
        self.touch_records(guesses.into_iter());
    }

    /// Adds a coin, or puts it in the place of what is known. `new`: below there is no coin.
    pub(crate) fn add(&mut self, hash: u64, key: &OutPointKey, coin: Packed<'_>, new: bool) {
        self.table.reserve_one();
        match self.place(hash, key) {
            Err(at) => {
                let state = if new { State::Fresh } else { State::Dirty };
                let record = self.records.put_coin(key, coin, state);
                self.table.insert(at, hash, record);
            }
            Ok(at) => {
                let known = self.table.record(at);
                // What is gone here, or another here, may well be below.
                let state = match self.records.state(known) {
                    Some(State::Fresh) => State::Fresh,
                    Some(State::Dirty) | None => State::Dirty,
                };
                self.records.free(known);
                let record = self.records.put_coin(key, coin, state);
                self.table.replace(at, record);
            }
        }
    }

    /// Takes a coin out, known or not.
    pub(crate) fn spend(&mut self, hash: u64, key: &OutPointKey) {
        self.table.reserve_one();
        match self.place(hash, key) {
            Err(at) => {
                let record = self.records.put_gone(key);
                self.table.insert(at, hash, record);
            }
            Ok(at) => {
                let known = self.table.record(at);
                match self.records.state(known) {
                    None => {}
                    Some(State::Fresh) => {
                        self.records.free(known);
                        self.table.remove(at);
                    }
                    Some(State::Dirty) => {
                        self.records.free(known);
                        let record = self.records.put_gone(key);
                        self.table.replace(at, record);
                    }
                }
            }
        }
    }

    /// Coins that are to be written or deleted below.
    pub(crate) fn changes(&self) -> usize {
        self.table.len()
    }

    /// Bytes allocated.
    pub(crate) fn memory(&self) -> usize {
        self.table.memory() + self.records.memory()
    }
}

/// All records of a generation.
#[derive(Debug)]
struct Records {
    slabs: [Slab; ROOM.len()],
    large: Large,
}

impl Default for Records {
    fn default() -> Self {
        let size = |room: usize| if room == 0 { KEY } else { HEAD + room };
        Self {
            slabs: ROOM.map(|room| Slab::new(size(room))),
            large: Large::default(),
        }
    }
}

impl Records {
    fn record(&self, record: u32) -> &[u8] {
        let Slot { class, index } = Slot::of(record);
        self.slabs[class as usize].get(index)
    }

    fn key(&self, record: u32) -> &OutPointKey {
        let key = self.record(record).first_chunk();
        key.expect("every record begins with an outpoint")
    }

    /// `None` if the coin is gone.
    fn state(&self, record: u32) -> Option<State> {
        if Slot::of(record).class == GONE {
            return None;
        }
        Some(match self.record(record)[HEAD - 1] >> 4 {
            1 => State::Dirty,
            _ => State::Fresh,
        })
    }

    fn entry(&self, record: u32) -> Entry<'_> {
        let Some(state) = self.state(record) else {
            return Entry::Gone;
        };
        let (head, room) = self.record(record).split_at(HEAD);
        let (code, value) = head[KEY..HEAD - 1].split_at(4);
        let code = u32::from_le_bytes(code.try_into().expect("split there"));
        let value = u64::from_le_bytes(value.try_into().expect("eight bytes are left"));
        let kind = Kind::from_byte(head[HEAD - 1] & 0x0f).expect("written as one");
        let payload = match kind.payload_size() {
            Some(size) => &room[..size],
            None if Slot::of(record).class == LARGE => {
                let number = room.try_into().expect("the room for a number");
                self.large.get(u32::from_le_bytes(number))
            }
            None => {
                let (size, script) = room.split_first().expect("room for a size");
                &script[..usize::from(*size)]
            }
        };
        let form = Form { kind, payload };
        Entry::Coin(Packed { code, value, form }, state)
    }

    fn put_gone(&mut self, key: &OutPointKey) -> u32 {
        let index = self.slabs[GONE as usize].take();
        self.slabs[GONE as usize]
            .get_mut(index)
            .copy_from_slice(key);
        let class = GONE;
        Slot { class, index }.to_u32()
    }

    fn put_coin(&mut self, key: &OutPointKey, coin: Packed<'_>, state: State) -> u32 {
        let Form { kind, payload } = coin.form;
        let room = match kind.payload_size() {
            Some(size) => size,
            None => 1 + payload.len(),
        };
        let class = match room {
            0..=20 => 1,
            21..=32 => 2,
            33..=72 => 3,
            73..=106 => 4,
            _ => LARGE,
        };
        let slab = &mut self.slabs[class as usize];
        let index = slab.take();
        let (head, room) = slab.get_mut(index).split_at_mut(HEAD);
        head[..KEY].copy_from_slice(key);
        head[KEY..KEY + 4].copy_from_slice(&coin.code.to_le_bytes());
        head[KEY + 4..HEAD - 1].copy_from_slice(&coin.value.to_le_bytes());
        head[HEAD - 1] = (state as u8) << 4 | kind as u8;
        if kind.payload_size().is_some() {
            room[..payload.len()].copy_from_slice(payload);
        } else if class == LARGE {
            room.copy_from_slice(&self.large.put(payload).to_le_bytes());
        } else {
            room[0] = u8::try_from(payload.len()).expect("at most 105 bytes");
            room[1..=payload.len()].copy_from_slice(payload);
        }
        Slot { class, index }.to_u32()
    }

    fn free(&mut self, record: u32) {
        let Slot { class, index } = Slot::of(record);
        if class == LARGE {
            let number = self.record(record)[HEAD..].try_into();
            self.large
                .free(u32::from_le_bytes(number.expect("the room for a number")));
        }
        self.slabs[class as usize].give_back(index);
    }

    fn memory(&self) -> usize {
        self.slabs.iter().map(Slab::memory).sum::<usize>() + self.large.memory()
    }
}

/// Scripts that no record has room for: few, so that an allocation each does no harm.
#[derive(Debug, Default)]
struct Large {
    scripts: Vec<Box<[u8]>>,
    free: Vec<u32>,
    bytes: usize,
}

/// What an allocator takes for one allocation beside its bytes, about.
const ALLOCATION: usize = 16;

impl Large {
    fn get(&self, number: u32) -> &[u8] {
        &self.scripts[number as usize]
    }

    fn put(&mut self, script: &[u8]) -> u32 {
        self.bytes += script.len() + ALLOCATION;
        if let Some(number) = self.free.pop() {
            self.scripts[number as usize] = script.into();
            return number;
        }
        let number = u32::try_from(self.scripts.len());
        self.scripts.push(script.into());
        number.expect("as many records are less than 2^29")
    }

    fn free(&mut self, number: u32) {
        let script = std::mem::take(&mut self.scripts[number as usize]);
        self.bytes -= script.len() + ALLOCATION;
        self.free.push(number);
    }

    fn memory(&self) -> usize {
        self.bytes + self.scripts.capacity() * size_of::<Box<[u8]>>() + self.free.capacity() * 4
    }
}
