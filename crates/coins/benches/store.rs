//! What coins cost that memory lacks: reading them from the store, writing what has changed, and merging what was written.
//!
//! The store is where `TMPDIR` says; 2 GB are enough. What is written and merged is measured in the thread's processor time for each
//! entry that is written or read, so that a disk that is waited for does not count, and neither does what runs beside it.

use std::cell::RefCell;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;
use tipward_coins::{Coin, CoinCache, CoinsDb, Merged, OutPointKey, SpentCoins};
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
    let writer = RefCell::new(writer);
    group.bench_function("flush 200,000 new coins and 50,000 spent ones", |b| {
        b.iter_batched(
            || writer.borrow_mut().changed(CHANGES),
            |cache| writer.borrow_mut().write(cache),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Coins of the last level into which is merged.
const OLD: u64 = 3_000_000;
/// Runs that are joined, and as many as are as large as the last level.
const RUNS: u64 = 17;
const FOLDED: u64 = 21;

/// A store that takes in changes of which half are new coins and half take out one that is there.
struct Growing {
    dir: TempDir,
    writer: Writer,
    /// The next to be spent of the coins that were there first, and of those that came later.
    old: u64,
    recent: u64,
}

impl Growing {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let db = CoinsDb::open(dir.path()).expect("an empty store");
        let mut writer = Writer {
            db,
            blocks: 0,
            next: 0,
        };
        let mut all = CoinCache::new(writer.db.clone(), 1 << 30);
        for number in 0..OLD {
            all.add(&key(number), coin(number), false);
        }
        writer.next = OLD;
        writer.write(all);
        Self {
            dir,
            writer,
            old: 0,
            recent: OLD,
        }
    }

    fn changed(&mut self, count: u64) -> CoinCache {
        let mut cache = CoinCache::new(self.writer.db.clone(), 1 << 30);
        let before = self.writer.next;
        let mut spent = SpentCoins::new();
        for number in 0..count / 2 {
            let next = self.writer.next;
            cache.add(&key(next), coin(next), false);
            self.writer.next += 1;
            // As many old ones, in no order, as some that came not long ago.
            let gone = if number % 2 == 0 || self.recent >= before {
                self.old += 1;
                self.old * 1_000_003 % OLD
            } else {
                self.recent += 3;
                self.recent - 3
            };
            let gone = key(gone);
            if cache
                .fetch(&gone, &mut spent)
                .expect("the store can be read")
            {
                cache.spend(&gone);
            }
            spent.clear();
        }
        cache
    }

    fn flush(&mut self, count: u64) {
        let cache = self.changed(count);
        self.writer.write(cache);
    }

    /// Its files as they are now, in a folder of their own. They are never changed.
    fn fork(&self) -> TempDir {
        fork(self.dir.path())
    }
}

fn fork(from: &Path) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(from).expect("a folder") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name");
        if name != "lock" {
            fs::hard_link(&path, dir.path().join(name)).expect("the same file system");
        }
    }
    dir
}

/// The processor time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What an iteration takes of which `work` does so many at once.
fn each(of: u64, iterations: u64, work: impl FnOnce()) -> Duration {
    let began = cpu();
    work();
    let nanos = (cpu() - began).as_nanos() * u128::from(iterations) / u128::from(of);
    Duration::from_nanos(nanos as u64)
}

/// What a look-up of an old coin takes that goes past so many runs.
fn read_below(group: &mut BenchmarkGroup<'_, WallTime>, growing: &Growing, runs: u64) {
    let cache = CoinCache::new(growing.writer.db.clone(), 1 << 20);
    let mut first = 0;
    group.bench_function(format!("of 5,000 that are read below {runs} runs"), |b| {
        b.iter_custom(|iterations| {
            const BLOCKS: u64 = 100;
            let mut blocks = Vec::new();
            for _ in 0..BLOCKS {
                // Not those that are spent.
                let keys = (0..BLOCK).map(|n| key((first + n) * 999_983 % OLD));
                let keys: Vec<_> = keys.map(|key| (cache.hash(&key), key)).collect();
                blocks.push(keys);
                first += BLOCK;
            }
            each(BLOCKS * BLOCK, iterations, || {
                for keys in &blocks {
                    black_box(cache.older().fetch_all(keys)).expect("the store can be read");
                }
            })
        });
    });
}

/// What each of so many entries takes that are merged, and how many files they are in then.
fn merge(runs: &TempDir, entries: u64, iterations: u64) -> (Duration, usize) {
    let dir = fork(runs.path());
    let db = CoinsDb::open(dir.path()).expect("a store");
    let time = each(entries, iterations, || {
        let merged = db.merge(|| false).expect("the store can be written");
        assert_eq!(merged, Merged::Done);
    });
    let files = fs::read_dir(dir.path()).expect("a folder").flatten();
    let is_run = |file: &fs::DirEntry| file.path().extension().is_some_and(|e| e == "run");
    (time, files.filter(is_run).count())
}

fn merging(c: &mut Criterion) {
    let mut group = c.benchmark_group("each entry");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(1));
    let mut growing = Growing::new();
    let base = growing.fork();

    const SMALL: u64 = 200_000;
    for runs in 1..=RUNS {
        growing.flush(SMALL);
        if runs % 8 == 0 {
            read_below(&mut group, &growing, runs);
        }
    }
    // More runs than are left alone, none of them large: they are joined.
    let runs = growing.fork();
    group.bench_function("of runs that are joined", |b| {
        b.iter_custom(|iterations| {
            let (time, files) = merge(&runs, SMALL * RUNS, iterations);
            assert_eq!(files, 2, "they were not joined");
            time
        });
    });

    // As large as the last level: they are folded into it.
    for _ in RUNS..FOLDED {
        growing.flush(SMALL);
    }
    let runs = growing.fork();
    group.bench_function("of runs that are folded into the last level", |b| {
        b.iter_custom(|iterations| {
            let (time, files) = merge(&runs, OLD + SMALL * FOLDED, iterations);
            assert!(files > 2, "they were not folded");
            time
        });
    });
    drop((growing, runs));

    const FLUSH: u64 = 1_000_000;
    let mut growing = Growing {
        writer: Writer {
            db: CoinsDb::open(base.path()).expect("a store"),
            blocks: 1,
            next: OLD,
        },
        dir: base,
        old: 0,
        // Nothing of what it makes is written.
        recent: u64::MAX,
    };
    group.bench_function("of a million changes that are flushed", |b| {
        b.iter_custom(|iterations| {
            let mut cache = growing.changed(FLUSH);
            let dir = growing.fork();
            let db = CoinsDb::open(dir.path()).expect("a store");
            let from = growing.writer.block(1);
            let to = growing.writer.block(2);
            let frozen = cache.freeze();
            each(FLUSH, iterations, || {
                db.write(&frozen, from, to, &AtomicBool::new(false))
                    .expect("the store can be written");
            })
        });
    });
    group.finish();
}

criterion_group!(benches, store, merging);
criterion_main!(benches);
