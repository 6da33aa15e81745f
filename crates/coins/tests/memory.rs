//! The cache's own account of its memory, beside the system's.

use std::fs;

use tipward_coins::{Coin, CoinCache, CoinsDb};

/// The cache counts whole pages, of 2 MiB where the system has them, in each allocation of its two generations. Some may
/// not be in use yet.
const PAGES: usize = 16 << 20;

/// Bytes of the process's own memory, as the system counts them.
fn in_use() -> usize {
    let smaps = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux tells");
    let anonymous = smaps
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"));
    let kilobytes = anonymous.and_then(|line| line.trim().strip_suffix(" kB"));
    1024 * kilobytes
        .and_then(|n| n.parse::<usize>().ok())
        .expect("a number of kilobytes")
}

fn key(number: u32) -> [u8; 36] {
    // As even as transaction ids are.
    let mut key = [0; 36];
    let mut seed = u64::from(number);
    for chunk in key[..32].chunks_mut(8) {
        seed = (seed ^ seed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        chunk.copy_from_slice(&seed.swap_bytes().to_le_bytes());
    }
    key[1..5].copy_from_slice(&number.to_le_bytes());
    key
}

/// The scripts of coins as they are, roughly: in a hundred so many of a size and a beginning.
fn script(number: u32) -> Vec<u8> {
    let (size, start): (usize, &[u8]) = match number % 100 {
        0..40 => (22, &[0, 20]),
        40..65 => (34, &[0x51, 32]),
        65..85 => (25, &[0x76, 0xa9, 20]),
        85..95 => (23, &[0xa9, 20]),
        95..98 => (67, &[65, 4]),
        98 => (105, &[0x51]),
        _ => (200, &[0x51]),
    };
    let mut script = vec![7; size];
    script[..start.len()].copy_from_slice(start);
    match size {
        25 => script[23..].copy_from_slice(&[0x88, 0xac]),
        23 => script[22] = 0x87,
        _ => {}
    }
    script
}

#[test]
fn the_cache_tells_its_memory_to_within_two_per_cent_and_some_pages() {
    let dir = tempfile::tempdir().expect("a folder");
    let db = CoinsDb::open(dir.path()).expect("an empty store");
    let before = in_use();
    let mut cache = CoinCache::new(db, 1 << 30);
    let compare = |cache: &CoinCache, what: &str| {
        let in_use = in_use() - before;
        let told = cache.memory();
        eprintln!("{what}: {told} bytes told, {in_use} in use");
        let right = in_use - in_use / 50..in_use + in_use / 50 + PAGES;
        assert!(
            right.contains(&told),
            "{what}: {told} bytes told, {in_use} in use"
        );
    };

    let coins = 2_000_000;
    for number in 0..coins {
        let script = script(number);
        let coin = Coin {
            height: number / 100,
            coinbase: false,
            value: u64::from(number),
            script: &script,
        };
        cache.add(&key(number), coin, false);
        if number == 500_000 {
            compare(&cache, "500,000 coins");
        }
    }
    compare(&cache, "2,000,000 coins");
    let per_coin = cache.memory() / coins as usize;
    assert!((75..110).contains(&per_coin), "{per_coin} bytes a coin");

    // Half of them are spent; as many were never known.
    for number in (0..coins).step_by(2) {
        cache.spend(&key(number));
        cache.spend(&key(coins + number));
    }
    compare(&cache, "half of them, and as many that are gone");

    let frozen = cache.freeze();
    for number in 0..500_000 {
        cache.spend(&key(number));
    }
    compare(&cache, "the same frozen, and 500,000 more that are gone");
    drop(frozen);
}
