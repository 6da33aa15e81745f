//! What the connect thread asks of the coin cache, and undo data.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_coins::{Coin, CoinCache, CoinsDb, OutPointKey, SpentCoins, undo};

/// Coins that are in the cache while it is measured: far more than a processor's caches hold.
const COINS: u32 = 2_000_000;
/// Inputs, and outputs, of a block: each input fetches a coin and spends it, each output adds one.
const BLOCK: u32 = 5_000;

fn key(number: u32) -> OutPointKey {
    let mut key = [0; 36];
    let mut seed = u64::from(number / 2);
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

/// Two thirds of the coins are P2WPKH, the others P2TR.
fn script(number: u32) -> &'static [u8] {
    const P2WPKH: [u8; 22] = [
        0, 20, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    ];
    const P2TR: [u8; 34] = {
        let mut script = [9; 34];
        (script[0], script[1]) = (0x51, 32);
        script
    };
    if number.is_multiple_of(3) {
        &P2TR
    } else {
        &P2WPKH
    }
}

fn coin(number: u32) -> Coin<'static> {
    Coin {
        height: number / BLOCK,
        coinbase: false,
        value: u64::from(number) * 1_000,
        script: script(number),
    }
}

fn cache(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let db = CoinsDb::open(dir.path()).expect("an empty store");
    let mut cache = CoinCache::new(db, 1 << 30);
    for number in 0..COINS {
        cache.add(&key(number), coin(number), false);
    }
    eprintln!(
        "{} bytes a coin, {COINS} coins",
        cache.memory() / COINS as usize
    );

    let mut group = c.benchmark_group("cache");
    group.throughput(Throughput::Elements(BLOCK.into()));
    let keys: Vec<OutPointKey> = (0..COINS).map(key).collect();
    let mut at = 0;
    let mut next = |by: u32| {
        at = (at + by) % (COINS - BLOCK);
        at
    };
    let mut spent = SpentCoins::new();
    group.bench_function("fetch 5,000 coins in no order", |b| {
        b.iter(|| {
            spent.clear();
            let first = next(77_777);
            for number in (0..BLOCK).map(|n| (first + n * 397) % COINS) {
                let fetched = cache.fetch(&keys[number as usize], &mut spent);
                black_box(fetched.expect("it is in memory"));
            }
        });
    });
    for (name, touch) in [
        (
            "connect a block: 5,000 inputs in no order, 5,000 outputs",
            false,
        ),
        ("the same, touched before", true),
    ] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    // Spent ones come back as new ones.
                    let first = next(77_777);
                    let inputs: Vec<_> = (0..BLOCK)
                        .map(|n| keys[((first + n * 397) % COINS) as usize])
                        .collect();
                    let outputs: Vec<_> = inputs.iter().map(|key| (*key, coin(first))).collect();
                    (inputs, outputs)
                },
                |(inputs, outputs)| {
                    spent.clear();
                    let hashes: Vec<_> = inputs.iter().map(|key| cache.hash(key)).collect();
                    if touch {
                        cache.touch(&hashes, &hashes);
                    }
                    for (hash, input) in hashes.iter().zip(&inputs) {
                        let fetched = cache.fetch_hashed(*hash, input, &mut spent);
                        assert!(fetched.expect("it is in memory"));
                    }
                    for (hash, input) in hashes.iter().zip(&inputs) {
                        cache.spend_hashed(*hash, input);
                    }
                    for (hash, (output, coin)) in hashes.iter().zip(&outputs) {
                        cache.add_hashed(*hash, output, *coin, false);
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("ask for 5,000 coins that are not there", |b| {
        b.iter(|| {
            let first = next(77_777);
            (0..BLOCK)
                .filter(|n| {
                    let mut key = keys[((first + n * 397) % COINS) as usize];
                    key[35] = 1;
                    cache.missing(&key)
                })
                .count()
        });
    });
    group.finish();
}

fn undo_data(c: &mut Criterion) {
    let mut spent = SpentCoins::new();
    for number in 0..BLOCK {
        spent.push(coin(number));
    }
    let inputs = vec![2; BLOCK as usize / 2];
    let encoded = undo::encode(inputs.iter().copied(), &spent);
    let mut group = c.benchmark_group("undo");
    group.throughput(Throughput::Elements(BLOCK.into()));
    group.bench_function("encode 5,000 coins", |b| {
        b.iter(|| undo::encode(inputs.iter().copied(), &spent));
    });
    group.bench_function("decode 5,000 coins", |b| {
        b.iter(|| undo::decode(&encoded).expect("it is undo data"));
    });
    group.finish();
}

criterion_group!(benches, cache, undo_data);
criterion_main!(benches);
