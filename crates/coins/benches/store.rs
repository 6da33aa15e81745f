//! What coins cost that memory lacks: reading them from the store, and writing what has changed.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_coins::{Coin, CoinCache, CoinsDb, OutPointKey, SpentCoins};
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

/// Coins in the store before anything is measured.
const COINS: u64 = 1_000_000;
/// Coins that are read at a time: about as many as a block spends.
const BLOCK: u64 = 5_000;
/// New coins of a flush.
const CHANGES: u64 = 200_000;

/// Two coins of every transaction.
fn key(number: u64) -> OutPointKey {
    let mut key = [0; 36];
    let mut seed = number / 2;
    for chunk in key[..32].chunks_mut(8) {
        // SplitMix64.
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ mixed >> 31).to_le_bytes());
    }
    key[32] = (number % 2) as u8;
    key
}

fn coin(number: u64) -> Coin<'static> {
    Coin {
        height: (number / BLOCK) as u32,
        coinbase: false,
        value: number * 1_000,
        script: &[7; 22],
    }
}

/// Coins to be written, and the blocks between which they lie.
struct Writer {
    db: CoinsDb,
    blocks: u32,
    next: u64,
}

impl Writer {
    fn block(&self, number: u32) -> BlockHash {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_le_bytes());
        BlockHash::from_byte_array(hash)
    }

    /// A cache with `count` new coins in it, one in four of which replaces an old one.
    fn changed(&mut self, count: u64) -> CoinCache {
        let mut cache = CoinCache::new(self.db.clone(), 1 << 30);
        for number in self.next..self.next + count {
            cache.add(&key(number), coin(number), false);
            if number % 4 == 0 && number >= COINS {
                let old = key(number - COINS);
                let mut spent = SpentCoins::new();
                if cache
                    .fetch(&old, &mut spent)
                    .expect("the store can be read")
                {
                    cache.spend(&old);
                }
            }
        }
        self.next += count;
        cache
    }

    fn write(&mut self, mut cache: CoinCache) {
        let from = self.block(self.blocks);
        self.blocks += 1;
        let to = self.block(self.blocks);
        let frozen = cache.freeze();
        self.db
            .write(&frozen, from, to, &AtomicBool::new(false))
            .expect("the store can be written");
    }
}

fn store(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let db = CoinsDb::open(dir.path()).expect("an empty store");
    let mut writer = Writer {
        db: db.clone(),
        blocks: 0,
        next: 0,
    };
    let all = writer.changed(COINS);
    writer.write(all);

    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(BLOCK));
    let mut first = 0;
    let mut some = move || {
        first = (first + 77_777) % COINS;
        (0..BLOCK).map(move |n| key((first + n * 397) % COINS))
    };
    let mut found = SpentCoins::new();
    group.bench_function("read 5,000 coins of a million in no order", |b| {
        b.iter(|| {
            found.clear();
            some()
                .filter(|key| db.get(key, &mut found).expect("the store can be read"))
                .count()
        });
    });
    group.bench_function("ask for 5,000 coins that are not there", |b| {
        b.iter(|| {
            some()
                .filter(|key| {
                    let mut key = *key;
                    key[35] = 1;
                    black_box(db.has(&key).expect("the store can be read"))
                })
                .count()
        });
    });
    group.throughput(Throughput::Elements(CHANGES));
    group.sample_size(10);
    let writer = std::cell::RefCell::new(writer);
    group.bench_function("flush 200,000 new coins and 50,000 spent ones", |b| {
        b.iter_batched(
            || writer.borrow_mut().changed(CHANGES),
            |cache| writer.borrow_mut().write(cache),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
