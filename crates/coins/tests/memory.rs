//! The cache's own account of its memory, beside the allocator's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use tipward_coins::{Coin, CoinCache, CoinsDb};

/// Counts the bytes that are in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
fn the_cache_tells_its_memory_to_within_two_per_cent() {
    let dir = tempfile::tempdir().expect("a folder");
    let db = CoinsDb::open(dir.path(), 1 << 20).expect("an empty store");
    let before = IN_USE.load(Ordering::Relaxed);
    let mut cache = CoinCache::new(db, 1 << 30);
    let compare = |cache: &CoinCache, what: &str| {
        let in_use = IN_USE.load(Ordering::Relaxed) - before;
        let told = cache.memory();
        let off = told.abs_diff(in_use) as f64 / in_use as f64;
        eprintln!("{what}: {told} bytes told, {in_use} in use");
        assert!(off < 0.02, "{what}: {told} bytes told, {in_use} in use");
    };

    let coins = 300_000;
    for number in 0..coins {
        let script = script(number);
        let coin = Coin {
            height: number / 100,
            coinbase: false,
            value: u64::from(number),
            script: &script,
        };
        cache.add(&key(number), coin, false);
        if number == 50_000 {
            compare(&cache, "50,000 coins");
        }
    }
    compare(&cache, "300,000 coins");
    let per_coin = cache.memory() / coins as usize;
    assert!((75..100).contains(&per_coin), "{per_coin} bytes a coin");

    // Half of them are spent; as many were never known.
    for number in (0..coins).step_by(2) {
        cache.spend(&key(number));
        cache.spend(&key(coins + number));
    }
    compare(&cache, "150,000 coins, 150,000 that are gone");

    let frozen = cache.freeze();
    for number in 0..50_000 {
        cache.spend(&key(number));
    }
    compare(&cache, "the same frozen, and 50,000 more that are gone");
    drop(frozen);
}
