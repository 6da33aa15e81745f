//! Whatever is added, spent, read ahead, frozen, written in part and lost, the coin cache over its store says what one
//! map says.

#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tipward_coins::model::{Bench, scratch};

/// Runs for which one store serves: opening one takes longer than most runs, and each leaves tables behind.
const RUNS: u32 = 256;

struct Shared {
    // Dropped in this order.
    bench: Bench,
    _dir: TempDir,
    runs: u32,
}

impl Shared {
    fn new() -> Self {
        let dir = scratch().expect("a folder");
        Self {
            bench: Bench::new(dir.path()),
            _dir: dir,
            runs: 0,
        }
    }
}

/// Each run has coins of its own, so that what it does depends on its bytes alone.
static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(|| Mutex::new(Shared::new()));

fuzz_target!(|bytes: &[u8]| {
    let mut shared = SHARED.lock().expect("a run that panics is the last");
    if shared.runs == RUNS {
        *shared = Shared::new();
    }
    shared.runs += 1;
    shared.bench.run(bytes);
});
